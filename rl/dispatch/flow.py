"""Pacing for max_lag >= 1: fill the engines as far as the lag stays bounded.

Guarantees: what is in flight stays within the ledger's capacity, even if all of it is accepted or,
beyond that, by two standard deviations of the acceptance rate; what overshoots all the same is
surplus, which the ledger returns. While nothing is in flight one group always may start, so that
nothing can stand still. Memory is bounded by the window of the rate.

Groups start as early in a version as engines are free: batch k waits for the last group that began
under version k - max_lag, so that a group that begins late in a version has less time than another
before everything waits for it. A version is therefore filled up once, `TOP_UP` batches above
`ahead` (the work in progress falls until the next version, and `ahead` is about its mean), and
after that only while too little is in flight for the next batch. Not so at max_lag 1, where a batch
waits for all of the version before: there what is rejected is replaced at once.
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
TOP_UP = 0.5
"""Batches above `ahead` up to which a new version is filled, as far as `max_lag` has them."""
LEAST = 1.5
"""Batches that are expected of what is open and ready, below which groups start at any time."""


class Flow:
    """Fills free engines as far as `max_lag` is safe.

    Args:
        ledger: the ledger whose capacity is filled.
        margin: standard deviations kept free.
    """

    def __init__(self, ledger: Ledger[Any], *, margin: float = MARGIN) -> None:
        self._ledger = ledger
        self._margin = margin
        self._version = -1
        self._is_filling = False
        self._seen: deque[bool] = deque()
        self._accepted = 0
        self._places = 0

    @property
    def rate(self) -> float:
        """The acceptance rate, averaged over the last groups that ended."""
        return (self._accepted + PRIOR) / (len(self._seen) + PRIOR)

    def room(self, version: int, free_groups: float) -> bool:
        """Whether another group may be dispatched now; one always may where nothing is open."""
        if version != self._version:
            self._version, self._is_filling = version, True
        ledger = self._ledger
        in_flight = ledger.open + 1
        if free_groups < 1 < in_flight:
            return False
        rate = self.rate
        expected = rate * in_flight
        is_topped_up = not self._is_filling and ledger.max_lag > 1
        if is_topped_up and expected + ledger.ready > LEAST * ledger.size:
            return False
        likely = expected + self._margin * math.sqrt((1 - rate) * expected)
        has_room = min(in_flight, likely) <= ledger.capacity(version, TOP_UP)
        self._is_filling = self._is_filling and has_room
        return has_room

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
