"""Shows what `sandbox.doctor` finds."""

import asyncio

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from sandbox.backends.settings import BoxSettings
from sandbox.doctor import KINDS, Examination, examine
from sandbox.errors import SandboxError

STYLES = {"ok": "green", "missing": "bold red", "weak": "yellow"}


def doctor(console: Console, rootfs: str | None = None) -> bool:
    """Examine every backend and print a table for each; whether one of them isolates."""
    console.print(f"image: {_image()}", highlight=False, soft_wrap=True)
    settings = BoxSettings(slots=1, rootfs=rootfs)
    isolating = []
    for kind in KINDS:
        examination = asyncio.run(examine(kind, settings))
        console.print(_table(examination))
        if examination.isolates:
            isolating.append(kind)
    if isolating:
        console.print(f"Programs can be run here by: {', '.join(isolating)}")
    else:
        console.print("Nothing here can isolate a program, so none is run: see above for remedies.")
    return bool(isolating)


def _image() -> str:
    from sandbox.image.build import image_tag, is_built

    try:
        built = is_built()
    except SandboxError:
        return f"{image_tag()}, which a Docker daemon would hold; none answers"
    return f"{image_tag()} {'is built' if built else 'is not built; run: plumb sandbox build'}"


def _table(examination: Examination) -> Table:
    table = Table(title=examination.backend, title_justify="left", min_width=78)
    table.add_column("what", overflow="fold")
    table.add_column("state")
    table.add_column("found", overflow="fold")
    for finding in examination.findings:
        state = f"[{STYLES[finding.state]}]{finding.state}[/]"
        table.add_row(finding.subject, state, escape(finding.detail))
    return table
