"""Turns by weight: which of several comes next, so that shares are exact over every window.

Guarantees: after any number of turns each has had its share of them, give or take less than one
turn; with weights that are multiples of a unit, as many consecutive turns as the weights have units
have each exactly its weight's share. What comes next depends on the weights and on the turns alone.

The rule is Tijdeman's for the chairman assignment problem (Discrete Mathematics 32, 1980): of those
that may have the next turn without being too early, the one that would first be too late.
"""

import math
from collections.abc import Sequence
from fractions import Fraction


class Shares:
    """Deals out turns.

    Args:
        weights: above 0; 0.7 is taken as 7/10, not as the nearest binary number.
    """

    def __init__(self, weights: Sequence[float]) -> None:
        exact = [Fraction(str(weight)) for weight in weights]
        unit = Fraction(1, math.lcm(*(weight.denominator for weight in exact)))
        units = [int(weight / unit) for weight in exact]
        common = math.gcd(*units) or 1  # of nothing
        self.units = [count // common for count in units]
        self.turns = [0] * len(units)
        """That each has had since the shares were last even."""

    @property
    def period(self) -> int:
        """Turns after which shares are even again."""
        return sum(self.units)

    def next(self) -> int:
        """Whose turn it is."""
        if len(self.units) == 1:
            return 0
        period, number = self.period, sum(self.turns) + 1
        # All times (2k - 2) * period, so that everything is a whole number.
        scale = 2 * len(self.units) - 2
        slack = (scale - 1) * period
        best, left, of = -1, 0, 1  # turns until the best would be late: left / of
        for who, (units, had) in enumerate(zip(self.units, self.turns, strict=True)):
            due = scale * (units * number - had * period)
            if due < period:
                continue  # it would be too early
            if best < 0 or (slack - due) * of < left * units:
                best, left, of = who, slack - due, units
        self.turns[best] += 1
        if number == period:
            self.turns = [0] * len(self.units)
        return best
