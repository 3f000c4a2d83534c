"""A run's metrics, as its report reads them.

A run that is still going, or was killed while writing, gives what is there, with notes about what
is not.
"""

import json
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rl.errors import PlumbError


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


def lookup(row: Any, key: str) -> Any:
    """Follow a dotted key into nested objects and lists; of names with dots the longest counts."""
    if isinstance(row, list):
        return row[int(key)] if key.isdecimal() and int(key) < len(row) else None
    # Asked a hundred thousand times for a chart page: the slow question comes last.
    if row is None or not isinstance(row, dict | Mapping):
        return None
    if key in row:
        return row[key]
    end = key.rfind(".")
    while end > 0:
        found = lookup(row.get(key[:end]), key[end + 1 :])
        if found is not None:
            return found
        end = key.rfind(".", 0, end)
    return None


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
