"""How hard prompts are for a model: strata by pass rates, their certainty, and when it is reached.

A prompt is easy when every answer that could be graded is right, hard when none is, and medium
between: with five answers that is pass@5 = 1, 0 and between, as section 4.3 of the TeleChat2.5/T1
report has it. Ungradable answers are no evidence.
"""

import math
from collections import Counter
from collections.abc import Iterable
from typing import Final

from data.schema import PassRate, Stratum, stratum

Z95: Final = 1.959963984540054
"""The normal quantile of a two-sided 95 % interval."""


def stratum_of(rate: PassRate) -> Stratum:
    """The stratum of a measured prompt."""
    return stratum(rate.correct, rate.k)


def is_settled(correct: int, wrong: int, k: int) -> bool:
    """Whether `k` answers would give the stratum that is known after these.

    One right and one wrong answer make a prompt medium, whatever follows.
    """
    return (correct > 0 and wrong > 0) or correct + wrong >= k


def wilson(correct: int, k: int, z: float = Z95) -> tuple[float, float]:
    """Wilson's score interval of a pass rate (E. B. Wilson, JASA 22, 1927).

    Args:
        correct: right answers.
        k: graded answers; with none the interval is (0, 1).
        z: normal quantile of the confidence.
    """
    if k == 0:
        return 0.0, 1.0
    share, spread = correct / k, z * z / k
    middle = (share + spread / 2) / (1 + spread)
    half = z / (1 + spread) * math.sqrt(share * (1 - share) / k + spread / (4 * k))
    low = 0.0 if correct == 0 else max(0.0, middle - half)
    high = 1.0 if correct == k else min(1.0, middle + half)
    return low, high


def histogram(rates: Iterable[float], bins: int = 10) -> list[int]:
    """Prompts by pass rate: those at 0, `bins` - 1 equal steps between, those at 1."""
    counts = Counter(
        0 if rate <= 0 else bins if rate >= 1 else 1 + min(int(rate * (bins - 1)), bins - 2)
        for rate in rates
    )
    return [counts[place] for place in range(bins + 1)]
