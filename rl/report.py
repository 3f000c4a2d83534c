"""One HTML file that shows a run: what it achieved, how it went, what the policy wrote.

Guarantees: the file needs no network and no other file; whatever the policy wrote is shown as text
and never runs; a run that is still going, or was killed while writing, gives the report of what is
there, with a note about what is not. The file appears whole or not at all.
"""

import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import jinja2
import yaml
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from rl.report_records import (
    History,
    ReportError,
    StepAnswers,
    finite,
    lookup,
    read_answers,
    read_history,
)
from rl.report_tiles import lead, tiles
from rl.task_panels import task_panels, verdict_panels

_TEMPLATES: Final = Path(__file__).parent / "templates"
_LATEST: Final = datetime.max.replace(tzinfo=UTC).timestamp()
_PHASES: Final = tuple(
    f"seconds.{phase}" for phase in ("generate", "grade", "learn", "sync", "evaluate", "checkpoint")
)


def write_report(run_dir: Path) -> Path:
    """Write `report.html` into a run directory and return its path.

    Raises:
        ReportError: there are no metrics to report, or a file cannot be read or written.
    """
    try:
        history = read_history(run_dir / "metrics.jsonl")
        config = run_dir / "config.yaml"
        config_text = config.read_text("utf-8", "replace") if config.is_file() else ""
        answers, answer_notes = read_answers(run_dir / "rollouts")
        page = _render(run_dir.resolve().name, history, config_text, answers, answer_notes)
        unfinished = run_dir / ".report.html.partial"
        unfinished.write_text(page, encoding="utf-8", errors="replace")
        return unfinished.replace(run_dir / "report.html")
    except OSError as error:
        reason = error.strerror or str(error)
        raise ReportError(
            f"{error.filename or run_dir}: {reason}; check the path, its permissions and the disk"
        ) from error


def _render(
    name: str,
    history: History,
    config_text: str,
    answers: Sequence[StepAnswers],
    answer_notes: Sequence[str],
) -> str:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    panels, absent = _panels(history)
    return environment.get_template("report.html.j2").render(
        name=name,
        lead=lead(history),
        updated=_clock(finite(history.rows[-1].get("time"))),
        tiles=tiles(history, config_text),
        notes=[*history.notes, *answer_notes],
        panels=panels,
        absent=absent,
        charts=_chart_data(history, panels),
        answers=answers,
        config_text=config_text,
        plotly=Markup(get_plotlyjs()),
        nonce=secrets.token_urlsafe(16),
    )


def _panels(history: History) -> tuple[list[Mapping[str, Any]], list[str]]:
    """Give the charts that have something to show, and the titles of the others."""
    every = yaml.safe_load((_TEMPLATES / "panels.yaml").read_text(encoding="utf-8"))
    shown = [one for one in every if any(history.known(line["key"]) for line in one["series"])]
    absent = [panel["title"] for panel in every if panel not in shown]
    first, rest, last = shown[:1], shown[1:-1], shown[1:][-1:]
    apart = task_panels(history.rows)
    return [*first, *apart, *rest, *verdict_panels(history.rows), *last], absent


def _chart_data(history: History, panels: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    series = [one for panel in panels for one in panel["series"]]
    keys = [one[role] for one in series for role in ("key", "spread") if role in one]
    columns = {key: [_rounded(value) for value in history.column(key)] for key in keys}
    if "seconds.other" in columns:
        columns["seconds.other"] = [_other_seconds(row) for row in history.rows]
    return {"steps": [row["step"] for row in history.rows], "columns": columns, "panels": panels}


def _other_seconds(row: Mapping[str, Any]) -> float | None:
    """Give the part of a step's time that no phase accounts for."""
    total = finite(lookup(row, "seconds.total"))
    if total is None:
        return None
    return _rounded(max(0.0, total - sum(finite(lookup(row, key)) or 0.0 for key in _PHASES)))


def _rounded(value: float | None) -> float | None:
    """Keep what a chart can show; thousands of steps are then still a small page."""
    return None if value is None else float(f"{value:.6g}")


def _clock(time: float | None) -> str:
    if time is None or not 0 <= time < _LATEST:
        return "at an unknown time"
    return f"{datetime.fromtimestamp(time, UTC):%Y-%m-%d %H:%M} UTC"
