"""One HTML file that shows a run: what it achieved, how it went, what the policy wrote.

Guarantees: the file needs no network and no other file; whatever the policy wrote is shown as text
and never runs; a run that is still going, or was killed while writing, gives the report of what is
there, with a note about what is not. The file appears whole or not at all.
"""

import json
import math
import secrets
import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeVar

import jinja2
import pyarrow
import yaml
from markupsafe import Markup
from plotly.offline import get_plotlyjs
from pyarrow import parquet

from rl.errors import PlumbError
from rl.task_panels import task_panels

ANSWER_LIMIT: Final = 300
"""Answers shown at most, over all the steps that are shown."""

TEXT_LIMIT: Final = 8_000
"""Characters of one prompt, answer or reference shown at most."""

_TEMPLATES: Final = Path(__file__).parent / "templates"
_LATEST: Final = datetime.max.replace(tzinfo=UTC).timestamp()
_PHASES: Final = ("seconds.generate", "seconds.grade", "seconds.learn", "seconds.sync")
_ANSWER_COLUMNS: Final = (
    *("prompt_id", "prompt", "response", "reference", "outcome", "reward", "reason"),
    *("advantage", "tokens", "stop_reason", "group", "used"),
)

Item = TypeVar("Item")


class ReportError(PlumbError):
    """The run directory holds nothing to report."""


@dataclass(frozen=True, slots=True)
class History:
    """A run's metrics: one row a step, in order, and what a reader should know about them."""

    rows: Sequence[Mapping[str, Any]]
    notes: Sequence[str]

    def column(self, key: str) -> list[float | None]:
        """Give a metric at every step; None where it is absent or no finite number."""
        return [_number(_lookup(row, key)) for row in self.rows]

    def known(self, key: str) -> list[tuple[int, float]]:
        """Give (step, value) wherever the metric is a finite number."""
        pairs = zip(self.rows, self.column(key), strict=True)
        return [(row["step"], value) for row, value in pairs if value is not None]

    def total(self, key: str) -> float:
        """Add a metric up over the run."""
        return math.fsum(value for _, value in self.known(key))


@dataclass(frozen=True, slots=True)
class Tile:
    """A headline number and what it means."""

    label: str
    value: str
    detail: str


@dataclass(frozen=True, slots=True)
class StepAnswers:
    """Answers of one step: those shown, out of how many."""

    step: int
    total: int
    answers: Sequence[Mapping[str, Any]]


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


def read_history(path: Path) -> History:
    """Read metrics.jsonl.

    Where steps were run again after a restart, the later attempt counts. Lines that are not whole
    are left out and noted.
    """
    if not path.is_file():
        raise ReportError(f"{path}: there is no such file; give the directory of a run")
    by_step: dict[int, Mapping[str, Any]] = {}
    broken: list[int] = []
    repeated = last = 0
    with path.open(encoding="utf-8", errors="replace", newline="\n") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            last = number
            if (row := _parse_row(line)) is None:
                broken.append(number)
                continue
            repeated += _forget_restarted(by_step, row["step"])
            by_step[row["step"]] = {**by_step.get(row["step"], {}), **row}
    if not by_step:
        raise ReportError(
            f"{path}: holds no complete line yet; wait for the first step, or start the run again"
        )
    rows = list(by_step.values())
    return History(rows, list(_history_notes(rows, broken, last, repeated)))


def read_answers(folder: Path) -> tuple[list[StepAnswers], list[str]]:
    """Read answers of the first, the middle and the last recorded step, and notes on failures."""
    files = sorted(folder.glob("step_*.parquet"))
    chosen = list(dict.fromkeys(_spread(files, 3)))
    found: list[StepAnswers] = []
    notes: list[str] = []
    for path in chosen:
        try:
            found.append(_read_step(path, ANSWER_LIMIT // len(chosen)))
        except (pyarrow.ArrowException, OSError, KeyError, ValueError) as error:
            reason = str(error).partition("\n")[0].strip("'.")
            notes.append(f"rollouts/{path.name} could not be read and is left out: {reason}.")
    return found, notes


def _parse_row(line: str) -> Mapping[str, Any] | None:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    whole = isinstance(row, dict) and type(row.get("step")) is int
    return row if whole else None


def _forget_restarted(by_step: dict[int, Mapping[str, Any]], step: int) -> int:
    """Where a run went back to `step`, drop what the earlier attempt recorded from there on."""
    if not by_step or next(reversed(by_step)) <= step:
        return 0
    superseded = [old for old in by_step if old >= step]
    for old in superseded:
        del by_step[old]
    return len(superseded)


def _history_notes(
    rows: Sequence[Mapping[str, Any]], broken: Sequence[int], last: int, repeated: int
) -> Iterator[str]:
    for number in broken:
        if number == last:
            yield (
                "The last line of metrics.jsonl is incomplete and left out: it is being written, "
                "or the run was stopped while writing it."
            )
        else:
            yield f"Line {number} of metrics.jsonl is not a whole record and is left out."
    if repeated:
        yield f"{repeated} steps were taken back by a restart; only the later attempt is shown."
    not_finite: dict[str, list[int]] = {}
    for row in rows:
        for key, value in row.items():
            if isinstance(value, float) and not math.isfinite(value):
                not_finite.setdefault(key, []).append(row["step"])
    for key, steps in not_finite.items():
        yield f"{key} was not finite at {len(steps)} steps, first at step {steps[0]}."


def _read_step(path: Path, room: int) -> StepAnswers:
    names = [name for name in parquet.read_schema(path).names if name in _ANSWER_COLUMNS]
    table = parquet.read_table(path, columns=names)
    shown = _pick(table["group"].to_pylist(), table["outcome"].to_pylist(), room)
    answers = [
        {name: _shortened(row.get(name)) for name in _ANSWER_COLUMNS}
        for row in table.take(shown).to_pylist()
    ]
    return StepAnswers(int(path.stem.removeprefix("step_")), table.num_rows, answers)


def _pick(groups: Sequence[Any], outcomes: Sequence[Any], room: int) -> list[int]:
    """Choose rows by whole groups spread over the step, two with ungradable answers first."""
    members: dict[Any, list[int]] = {}
    for index, group in enumerate(groups):
        members.setdefault(group, []).append(index)
    unjudged = [groups[index] for index, name in enumerate(outcomes) if name == "ungradable"]
    wanted = max(1, room * len(members) // max(1, len(groups)))
    order = [*_spread(list(dict.fromkeys(unjudged)), 2), *_spread(list(members), wanted)]
    rows = [index for group in dict.fromkeys(order) for index in members[group]]
    return sorted(rows[:room])


def _spread(items: Sequence[Item], count: int) -> list[Item]:
    """Take `count` items at even distances, both ends included; all where there are fewer."""
    if len(items) <= count:
        return list(items)
    if count == 1:
        return [items[0]]
    return [items[round(number * (len(items) - 1) / (count - 1))] for number in range(count)]


def _shortened(value: Any) -> Any:
    if not isinstance(value, str) or len(value) <= TEXT_LIMIT:
        return value
    return f"{value[:TEXT_LIMIT]}\n[{len(value) - TEXT_LIMIT:,} more characters]"


def _setting(config_text: str, section: str, name: str) -> int | None:
    """Give a whole number of the configuration, None where it is absent or unreadable."""
    try:
        config = yaml.safe_load(config_text)
    except yaml.YAMLError:
        return None
    settings = config.get(section) if isinstance(config, dict) else None
    value = settings.get(name) if isinstance(settings, dict) else None
    return value if type(value) is int else None


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
        lead=_lead(history),
        updated=_clock(_number(history.rows[-1].get("time"))),
        tiles=_tiles(history, config_text),
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
    return [*shown[:1], *task_panels(history.rows), *shown[1:]], absent


def _chart_data(history: History, panels: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    series = [one for panel in panels for one in panel["series"]]
    keys = [one[role] for one in series for role in ("key", "spread") if role in one]
    columns = {key: [_rounded(value) for value in history.column(key)] for key in keys}
    if "seconds.other" in columns:
        columns["seconds.other"] = [_other_seconds(row) for row in history.rows]
    return {"steps": [row["step"] for row in history.rows], "columns": columns, "panels": panels}


def _other_seconds(row: Mapping[str, Any]) -> float | None:
    """Give the part of a step's time that no phase accounts for."""
    total = _number(_lookup(row, "seconds.total"))
    if total is None:
        return None
    return _rounded(max(0.0, total - sum(_number(_lookup(row, key)) or 0.0 for key in _PHASES)))


def _lead(history: History) -> str:
    evaluations = history.known("eval_accuracy")
    if not evaluations:
        return "The held-out prompts have not been evaluated."
    (first_step, first), (last_step, last) = evaluations[0], evaluations[-1]
    if len(evaluations) == 1:
        return f"Held-out accuracy was {_share(first)} at step {first_step}."
    verb = "rose" if last > first else "fell" if last < first else "stayed"
    way = f"from {_share(first)} to {_share(last)}" if last != first else f"at {_share(last)}"
    return f"Held-out accuracy {verb} {way} in {last_step - first_step} steps."


def _tiles(history: History, config_text: str) -> list[Tile]:
    return [
        _accuracy_tile(history),
        _steps_tile(history, config_text),
        _time_tile(history),
        _samples_tile(history, config_text),
        _speed_tile(history),
    ]


def _accuracy_tile(history: History) -> Tile:
    evaluations = history.known("eval_accuracy")
    if not evaluations:
        return Tile("Held-out accuracy", "none", "no evaluation recorded")
    (first_step, first), (last_step, last) = evaluations[0], evaluations[-1]
    if len(evaluations) == 1:
        return Tile("Held-out accuracy", _share(last), f"at step {last_step}")
    best_step, best = max(evaluations, key=lambda evaluation: evaluation[1])
    detail = f"{100 * (last - first):+.1f} points, step {first_step} to {last_step}"
    if best > last:
        detail += f"; best {_share(best)} at step {best_step}"
    return Tile("Held-out accuracy", f"{_share(first)} \u2192 {_share(last)}", detail)


def _steps_tile(history: History, config_text: str) -> Tile:
    done, planned = history.rows[-1]["step"], _setting(config_text, "train", "steps")
    version = history.known("policy_version")
    detail = f"policy version {version[-1][1]:.0f}" if version else ""
    return Tile("Training steps", f"{done} of {planned}" if planned else f"{done}", detail)


def _time_tile(history: History) -> Tile:
    times = [time for _, time in history.known("time")]
    span = _duration(times[-1] - times[0]) if times else "unknown"
    return Tile("Wall time", span, f"{_duration(history.total('seconds.total'))} in training steps")


def _samples_tile(history: History, config_text: str) -> Tile:
    groups, accepted = history.total("groups_sampled"), history.total("groups_accepted")
    kept = f", {_share(accepted / groups)} accepted" if groups else ""
    size = _setting(config_text, "sampler", "samples_per_prompt")
    if size is None:
        return Tile("Groups sampled", f"{groups:,.0f}", kept.removeprefix(", "))
    return Tile("Answers sampled", f"{groups * size:,.0f}", f"in {groups:,.0f} groups{kept}")


def _speed_tile(history: History) -> Tile:
    speeds = [speed for _, speed in history.known("tokens_per_second")]
    if not speeds:
        return Tile("Tokens a second", "none", "not recorded")
    return Tile("Tokens a second", f"{statistics.median(speeds):,.0f}", "median over the steps")


def _lookup(row: Mapping[str, Any], key: str) -> Any:
    """Follow a dotted key into nested objects; where a name has dots, the longest one counts."""
    if key in row:
        return row[key]
    head, _, rest = key.partition(".")
    inner = row.get(head)
    if not rest or not isinstance(inner, Mapping):
        return None
    name, _, metric = rest.rpartition(".")
    if isinstance(inner.get(name), Mapping):
        return inner[name].get(metric)
    return inner.get(rest)


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) <= sys.float_info.max else None


def _rounded(value: float | None) -> float | None:
    """Keep what a chart can show; thousands of steps are then still a small page."""
    return None if value is None else float(f"{value:.6g}")


def _share(value: float) -> str:
    return f"{100 * value:.1f}%"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _clock(time: float | None) -> str:
    if time is None or not 0 <= time < _LATEST:
        return "at an unknown time"
    return f"{datetime.fromtimestamp(time, UTC):%Y-%m-%d %H:%M} UTC"
