"""What the guards of a run have found, as its report shows it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rl.report_records import History


@dataclass(frozen=True, slots=True)
class Found:
    """What one guard has found over the run."""

    guard: str
    level: str
    """`stop` if it stopped the run, else `warn`."""
    when: str
    """At which steps."""
    line: str
    """The newest line of this level."""


def findings_of(history: History) -> list[Found] | None:
    """One a guard, those that stopped the run first; None for a run without guards."""
    rows = [row for row in history.rows if isinstance(row.get("guards"), Mapping)]
    if not rows:
        return None
    steps: dict[str, list[int]] = {}
    newest: dict[str, Mapping[str, Any]] = {}
    for row in rows:
        for guard, found in row["guards"].items():
            if not isinstance(found, Mapping):
                continue
            steps.setdefault(guard, []).append(row["step"])
            if found.get("level") == "stop" or newest.get(guard, {}).get("level") != "stop":
                newest[guard] = found
    found = [
        Found(guard, str(one.get("level")), _when(steps[guard]), str(one.get("line")))
        for guard, one in newest.items()
    ]
    return sorted(found, key=lambda one: (one.level != "stop", one.guard))


def guard_panels(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The chart of the judge's drift, where it was watched; the others' metrics have charts."""
    if not any(row.get("judge_drift") is not None for row in rows):
        return []
    return [
        {
            "title": "Judge drift",
            "caption": "Mean change of the reward of answers of the first steps, graded again.",
            "unit": "number",
            "series": [
                {"key": "judge_drift", "label": "drift", "style": "points", "colour": 4},
            ],
        }
    ]


def _when(steps: Sequence[int]) -> str:
    first, last = steps[0], steps[-1]
    if first == last:
        return f"step {first}"
    return f"{len(steps)} times, steps {first} to {last}"
