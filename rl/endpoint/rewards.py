"""What an agent says that its episode was worth: the last line that it wrote.

Guarantee: nothing is raised. What is no finite number, or not there, is no reward; of the metrics
those are taken that are finite numbers.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeGuard

from rewards import Verdict

METRICS: Final = 100  # of an episode
_NAME: Final = 64  # characters


@dataclass(frozen=True, slots=True)
class Worth:
    """What was said."""

    verdict: Verdict
    """Correct from a reward of 1 on, unless `correct` says otherwise."""
    metrics: Mapping[str, float]


def worth_of(output: str) -> Worth | None:
    """What the last line of an output says; None: no reward."""
    lines = output.rstrip().rsplit("\n", 1)
    try:
        said = json.loads(lines[-1])
    except (ValueError, RecursionError):
        return None
    reward = said.get("reward") if isinstance(said, dict) else None
    if not _is_number(reward):
        return None
    correct = said.get("correct")
    is_correct = correct if isinstance(correct, bool) else reward >= 1
    made = Verdict.correct if is_correct else Verdict.incorrect
    metrics = said.get("metrics")
    found = metrics if isinstance(metrics, dict) else {}
    numbers = {_named(name): float(value) for name, value in found.items() if _is_number(value)}
    return Worth(made(float(reward)), dict(list(numbers.items())[:METRICS]))


def _named(name: str) -> str:
    """The name of a metric as a file can hold it: JSON may write half of a pair of surrogates."""
    return name[:_NAME].encode("utf-8", "replace").decode()


def _is_number(value: Any) -> TypeGuard[float]:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False
