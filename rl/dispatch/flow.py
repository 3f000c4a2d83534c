"""Pacing for max_lag >= 1: fill the engines as far as the lag stays bounded.

Guarantees: while even the acceptance of everything in flight keeps every lag within bounds, free
engines are filled; beyond that, as many are in flight as the acceptance rate makes safe by two
standard deviations. What overshoots all the same is surplus, which the ledger returns. Memory is
bounded by the window of the rate.
"""

import math
from collections import deque
from collections.abc import Mapping
from typing import Any

from rl.dispatch.ledger import Ledger

WINDOW = 256
"""Groups over which the acceptance rate is averaged."""
PRIOR = 8
"""Accepted groups that the rate pretends to have seen: cautious while little is known, never 0."""
MARGIN = 2.0
"""Standard deviations of the number of accepted groups that are kept free."""


class Flow:
    """Fills free engines as far as `max_lag` is safe.

    Args:
        ledger: the ledger whose capacity is filled.
        margin: standard deviations kept free.
    """

    def __init__(self, ledger: Ledger[Any], *, margin: float = MARGIN) -> None:
        self._ledger = ledger
        self._margin = margin
        self._seen: deque[bool] = deque()
        self._accepted = 0
        self._places = 0

    @property
    def rate(self) -> float:
        """The acceptance rate, averaged over the last groups that ended."""
        return (self._accepted + PRIOR) / (len(self._seen) + PRIOR)

    def room(self, version: int, free_groups: float) -> bool:
        """Whether another group may be dispatched now; one always may where nothing is open."""
        in_flight = self._ledger.open + 1
        if free_groups < 1 < in_flight:
            return False
        capacity = self._ledger.capacity(version)
        if in_flight <= capacity:
            return True
        rate = self.rate
        expected = rate * in_flight
        return expected + self._margin * math.sqrt((1 - rate) * expected) <= capacity

    def dispatched(self) -> int:
        """A group is dispatched; returns its place."""
        self._places += 1
        return self._places - 1

    def note(self, place: int, accepted: bool) -> None:
        """The outcome of a group; the place does not matter here."""
        self._seen.append(accepted)
        self._accepted += accepted
        if len(self._seen) > WINDOW:
            self._accepted -= self._seen.popleft()

    def taken(self) -> None:
        """A batch was taken: the ledger's capacity says all there is to know."""

    def state_dict(self) -> dict[str, Any]:
        """JSON-able state."""
        return {"places": self._places, "seen": [int(accepted) for accepted in self._seen]}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from `state_dict`'s value; what another pacing's lacks begins anew."""
        self._places = state.get("places", 0)
        self._seen = deque(bool(accepted) for accepted in state.get("seen", ()))
        self._accepted = sum(self._seen)
