"""Charts of each named evaluation set: accuracy with its interval, pass@k, majority votes.

They have the form of `templates/panels.yaml`. The numbers are a step's `evaluations`.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from rl.evaluation_sets import HELD_OUT

PASS_COLOURS: Final = (1, 3, 5)
"""Of the pass@k that are shown, the smallest k first."""


def evaluation_panels(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """A chart a set; of `held_out` only what the chart of accuracy does not show."""
    sets: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        for name, numbers in _evaluations(row):
            sets.setdefault(name, []).append(numbers)
    return [
        _panel(name, sets[name], more)
        for name in sorted(sets)
        if (more := list(_more(name, sets[name]))) or name != HELD_OUT
    ]


def _panel(
    name: str, measured: Sequence[Mapping[str, Any]], more: Sequence[Mapping[str, Any]]
) -> Mapping[str, Any]:
    key = f"evaluations.{name}"
    words = ["Share of right answers with its 95% interval"]
    if more:
        words.append(", and of prompts that any of k answers, or most of them, get right")
    words.append(".")
    if mixed := sum(bool(numbers.get("mixed_versions")) for numbers in measured):
        words.append(f" Answered by several policy versions: {mixed} of {len(measured)}.")
    accuracy = {
        "key": f"{key}.accuracy",
        "low": f"{key}.interval.0",
        "high": f"{key}.interval.1",
        "label": "accuracy",
        "style": "points",
        "colour": 2,
    }
    return {
        "title": f"Evaluation: {name.replace('_', ' ') if name == HELD_OUT else name}",
        "caption": "".join(words),
        "unit": "share",
        "series": [accuracy, *more],
    }


def _more(name: str, measured: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """The series beside the accuracy."""
    ks = {k for one in measured for k in _mapping(one.get("pass_at")) if k.isdecimal()}
    shown = sorted((int(k) for k in ks if int(k) > 1), reverse=True)[: len(PASS_COLOURS)]
    for k, colour in zip(reversed(shown), PASS_COLOURS, strict=False):
        yield _points(f"evaluations.{name}.pass_at.{k}", f"pass@{k}", colour)
    if any(one.get("majority") is not None for one in measured):
        yield _points(f"evaluations.{name}.majority", "majority", 4)


def _points(key: str, label: str, colour: int) -> Mapping[str, Any]:
    return {"key": key, "label": label, "style": "points", "colour": colour}


def _evaluations(row: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, numbers in _mapping(row.get("evaluations")).items():
        if isinstance(numbers, Mapping):
            yield name, numbers


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
