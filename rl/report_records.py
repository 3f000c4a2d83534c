"""What a run has written, as its report reads it: metrics and sampled answers.

A run that is still going, or was killed while writing, gives what is there, with notes about what
is not.
"""

import json
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import pyarrow
from pyarrow import parquet

from rl.errors import PlumbError

ANSWER_LIMIT: Final = 300
"""Answers shown at most, over all the steps that are shown."""

TEXT_LIMIT: Final = 8_000
"""Characters of one prompt, answer or reference shown at most."""

_ANSWER_COLUMNS: Final = (
    *("prompt_id", "prompt", "response", "reference", "outcome", "reward", "reason"),
    *("advantage", "tokens", "stop_reason", "group", "used", "metrics"),
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
        return [finite(lookup(row, key)) for row in self.rows]

    def known(self, key: str) -> list[tuple[int, float]]:
        """Give (step, value) wherever the metric is a finite number."""
        pairs = zip(self.rows, self.column(key), strict=True)
        return [(row["step"], value) for row, value in pairs if value is not None]

    def total(self, key: str) -> float:
        """Add a metric up over the run."""
        return math.fsum(value for _, value in self.known(key))


@dataclass(frozen=True, slots=True)
class StepAnswers:
    """Answers of one step: those shown, out of how many."""

    step: int
    total: int
    answers: Sequence[Mapping[str, Any]]


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


def lookup(row: Mapping[str, Any], key: str) -> Any:
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


def finite(value: Any) -> float | None:
    """Give a number as a float; None where it is none, or not finite."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) <= sys.float_info.max else None


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
