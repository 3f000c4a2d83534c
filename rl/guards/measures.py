"""What guards measure of the steps' metrics; plain functions of the rows up to a step.

Guarantees: a number that was not measured says nothing; a step is compared with earlier ones alone.
"""

import math
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from rl.config.guards import GuardsConfig
from rl.guards.table import GUARDS, Finding, Limits, judged

Rows = Sequence[Mapping[str, Any]]
"""Metrics of steps, in order."""

Evaluated = tuple[int, float, tuple[float, float]]
"""An evaluation's step, accuracy, and its 95 % interval."""

ENOUGH: Final = 5  # steps before, for a median to say anything
REWARD_STEPS: Final = 5  # whose mean is the reward of an instant
KEPT: Final = (
    "step", "rollout_logprob_gap", "entropy", "response_tokens_mean", "truncated", "grad_norm",
    "reward_mean",
)  # fmt: skip
"""Of a row, what is looked at."""


def looked_at(row: Mapping[str, Any]) -> dict[str, Any]:
    """The numbers of a row that guards need; None where one is absent or not finite."""
    return {key: value if _is_finite(value := row.get(key)) else None for key in KEPT}


def found_in(rows: Rows, config: GuardsConfig) -> Iterator[Finding]:
    """What the guards of single metrics find at the last of `rows`, training steps in order."""
    measures: dict[str, tuple[Limits, int, Callable[[int], float | None]]] = {
        "logprob_gap": (
            config.logprob_gap,
            config.logprob_gap.steps,
            lambda at: rows[at]["rollout_logprob_gap"],
        ),
        "entropy": (
            config.entropy,
            config.entropy.steps,
            lambda at: _of_start(rows, at, "entropy", config.entropy.start),
        ),
        "length": (
            config.length,
            config.length.steps,
            lambda at: _of_window(rows, at, "response_tokens_mean", config.length.window),
        ),
        "truncated": (
            config.truncated,
            config.truncated.steps,
            lambda at: rows[at]["truncated"],
        ),
        "gradient": (
            config.gradient,
            config.gradient.steps,
            lambda at: _of_window(rows, at, "grad_norm", config.gradient.window),
        ),
    }
    for name, (limits, steps, measure) in measures.items():
        values = _last(len(rows), steps, measure)
        if len(values) < steps or measure(len(rows) - 1) is None:
            continue
        # What all of them are at least as bad as.
        held = max(values) if GUARDS[name].low_is_bad else min(values)
        finding = judged(name, held, limits, rows[-1]["step"])
        if finding is not None:
            yield finding


def lost_while_reward_rose(
    rows: Rows, measured: Sequence[Evaluated], evaluations: int
) -> float | None:
    """Accuracy that the last so many evaluations all lost, each against the best up to it.

    None where one of them has lost nothing, or the reward has gained nothing.

    Args:
        rows: training steps up to that of the last evaluation.
        measured: the evaluations of a set, in order.
        evaluations: how many have to agree: a policy may fall and rise again.
    """
    ends = range(len(measured), len(measured) - evaluations, -1)
    lost = [_lost(rows, measured[:end]) for end in ends if end > 0]
    known = [one for one in lost if one is not None]
    return min(known) if len(known) == evaluations else None


def _lost(rows: Rows, measured: Sequence[Evaluated]) -> float | None:
    step, accuracy, (_, high) = measured[-1]
    best_step, best, (low, _) = max(measured, key=lambda one: one[1])
    if high >= low:
        return None
    then, now = _reward(rows, best_step), _reward(rows, step)
    if then is None or now is None or now <= then:
        return None
    return best - accuracy


def _reward(rows: Rows, step: int) -> float | None:
    """The mean reward of the steps up to `step`, or, at a start, of those after it."""
    up_to = [row["reward_mean"] for row in rows if row["step"] <= step][-REWARD_STEPS:]
    after = [row["reward_mean"] for row in rows if row["step"] > step][:REWARD_STEPS]
    known = [reward for reward in (up_to or after) if reward is not None]
    return statistics.fmean(known) if known else None


def _last(count: int, steps: int, measure: Callable[[int], float | None]) -> list[float]:
    """The values of the last `steps` rows that have one."""
    values: list[float] = []
    for at in reversed(range(count)):
        if (value := measure(at)) is not None:
            values.append(value)
        if len(values) == steps:
            break
    return values


def _of_start(rows: Rows, at: int, key: str, start: int) -> float | None:
    """A row's value over the mean of the first `start` rows."""
    known = [row[key] for row in rows[:at] if row[key] is not None][:start]
    value = rows[at][key]
    if value is None or len(known) < start:
        return None
    mean = statistics.fmean(known)
    return value / mean if mean > 0 else None


def _of_window(rows: Rows, at: int, key: str, window: int) -> float | None:
    """A row's value over the median of the `window` rows before it."""
    before = [row[key] for row in rows[max(0, at - window) : at] if row[key] is not None]
    value = rows[at][key]
    if value is None or len(before) < ENOUGH:
        return None
    median = statistics.median(before)
    return value / median if median > 0 else None


def _is_finite(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)
