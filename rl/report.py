"""One HTML file that shows a run: what it achieved, how it went, what the policy wrote.

Guarantees: the file needs no network and no other file; whatever the policy wrote is shown as text
and never runs; a run that is still going, or was killed while writing, gives the report of what is
there, with a note about what is not. The file appears whole or not at all.
"""

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import jinja2
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from rl.report_answers import StepAnswers, read_answers
from rl.report_charts import chart_data, charted, panels_of
from rl.report_guards import findings_of
from rl.report_records import History, ReportError, finite, read_history
from rl.report_tiles import lead, tiles

_TEMPLATES: Final = Path(__file__).parent / "templates"
_LATEST: Final = datetime.max.replace(tzinfo=UTC).timestamp()


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
    drawn = charted(history)
    panels, absent = panels_of(drawn)
    return environment.get_template("report.html.j2").render(
        name=name,
        lead=lead(history),
        updated=_clock(finite(history.rows[-1].get("time"))),
        tiles=tiles(history, config_text),
        notes=[*history.notes, *answer_notes],
        guards=findings_of(history),
        panels=panels,
        absent=absent,
        charts=chart_data(drawn, panels),
        answers=answers,
        config_text=config_text,
        plotly=Markup(get_plotlyjs()),
        nonce=secrets.token_urlsafe(16),
    )


def _clock(time: float | None) -> str:
    if time is None or not 0 <= time < _LATEST:
        return "at an unknown time"
    return f"{datetime.fromtimestamp(time, UTC):%Y-%m-%d %H:%M} UTC"
