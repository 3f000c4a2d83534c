"""Times of day: `1:30 pm` = `13:30` = `1:30`.

Guarantees: only what can be the hour, the minute and the second is a time.
"""

from collections.abc import Sequence
from fractions import Fraction

from rewards.math.nodes import Call, Node, Number

CLOCK = frozenset(("am", "pm"))


def same_time(times: Sequence[Node], halves: Sequence[str]) -> bool | None:
    """Whether two times are the same; None where one is none.

    Args:
        times: The two, as ratios or whole hours.
        halves: For each `am`, `pm` or nothing; where one has nothing, the numbers decide too.
    """
    first, second = map(_minutes, times, halves)
    if first is None or second is None:
        return None
    return first == second or (not all(halves) and _shown(times[0]) == _shown(times[1]))


def _shown(value: Node) -> tuple[Fraction, ...] | None:
    """Hour and minute as they are written."""
    parts = value.arguments if isinstance(value, Call) and value.name == "ratio" else (value,)
    numbers = tuple(part.value for part in parts if isinstance(part, Number))
    if len(numbers) != len(parts) or not 1 <= len(numbers) <= 3:
        return None
    return (*numbers, *(Fraction(0),) * (3 - len(numbers)))


def _minutes(value: Node, half: str) -> Fraction | None:
    shown = _shown(value)
    if shown is None or not (0 <= shown[0] <= 24 and max(shown[1:]) < 60):
        return None
    hour = shown[0] % 12 + (12 if half == "pm" else 0) if half else shown[0]
    return hour * 60 + shown[1] + shown[2] / 60
