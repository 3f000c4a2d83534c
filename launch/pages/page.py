"""Pages of commands: one HTML file that needs nothing else, in light and dark.

Guarantees: the file needs no network; whatever rows hold is shown as text and never runs. It
appears whole or not at all.
"""

import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rl.errors import StorageError

TEMPLATES: Final = Path(__file__).parent / "templates"


@dataclass(frozen=True, slots=True)
class Tile:
    """A headline number and what it means."""

    label: str
    value: str
    detail: str


@dataclass(frozen=True, slots=True)
class Panel:
    """A chart of plotly's. Colours are names of the page's, such as `--blue` or `--blue/40`."""

    title: str
    caption: str
    traces: Sequence[Mapping[str, Any]]
    layout: Mapping[str, Any]
    wide: bool = False


def write_page(
    path: Path,
    template: str,
    *,
    name: str,
    tiles: Sequence[Tile],
    panels: Sequence[Panel],
    **context: Any,
) -> None:
    """Write a page from a template that extends `page.html.j2`; `context` is for its blocks.

    Raises:
        StorageError: It cannot be written.
    """
    # Plotly takes longer to import than `plumb --help` may.
    import jinja2
    from markupsafe import Markup
    from plotly.offline import get_plotlyjs

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template(template).render(
        name=name,
        tiles=tiles,
        panels=panels,
        charts=[{"traces": one.traces, "layout": one.layout} for one in panels],
        plotly=Markup(get_plotlyjs()),
        nonce=secrets.token_urlsafe(16),
        **context,
    )
    unfinished = path.with_name(f".{path.name}-{os.getpid()}.partial")
    try:
        unfinished.write_text(page, encoding="utf-8", errors="replace")
        unfinished.replace(path)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise StorageError(
            f"{path}: cannot be written: {error.strerror or error}; choose another place"
        ) from error
