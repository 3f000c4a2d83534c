"""Pacing for max_lag 0: which prompts a batch dispatches is a function of outcomes alone.

Guarantees: neither the order in which groups finish, nor lost engines, nor the number of engines
change what is dispatched; short answers win no advantage, and a resumed run takes the same path.

That holds because each of the two reasons to dispatch depends on outcomes alone. A rejected group
is replaced at once while even the acceptance of everything in flight could not fill the batch. And
each time a whole wave is known, from the batch's first group to the wave's last, the next wave is
as large as the groups still missing and the acceptance rate ask for; the rate is averaged in the
order of dispatch. Both are lower bounds that the batch has to reach under any timing.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from rl.dispatch.ledger import Ledger

WINDOW = 256
"""Groups over which the acceptance rate is averaged."""


class Waves:
    """Fills one batch after another; nothing is dispatched while the policy changes.

    Args:
        ledger: the ledger whose capacity is filled.
        oversampling: most groups dispatched ahead, as a multiple of the groups still needed.
        limit: most groups that one batch may dispatch.
    """

    def __init__(self, ledger: Ledger[Any], *, oversampling: float, limit: int) -> None:
        self._ledger = ledger
        self._oversampling = oversampling
        self._limit = limit
        self._rate = OrderedRate()
        self._places = 0
        self._fill: _Fill | None = None

    @property
    def rate(self) -> float:
        """The acceptance rate, averaged in the order of dispatch."""
        return self._rate.value

    def room(self, version: int, free_groups: float) -> bool:
        """Whether another group has to be dispatched now, whatever the engines have free."""
        if version < self._ledger.taken:
            return False
        capacity = self._ledger.capacity(version)
        if self._fill is None:
            self._fill = _Fill(capacity, self._oversampling, self._rate.value)
        if self._fill.dispatched >= self._limit:
            return False
        return self._ledger.open < capacity or self._fill.dispatched < self._fill.wave_end

    def dispatched(self) -> int:
        """A group is dispatched; returns its place."""
        if self._fill is not None:
            self._fill.dispatched += 1
        self._places += 1
        return self._places - 1

    def note(self, place: int, accepted: bool) -> None:
        """The outcome of the group of this place; it counts once all before it are known."""
        for counted in self._rate.observe(place, accepted):
            if self._fill is not None:
                self._fill.learn(counted, self._rate.value)

    def taken(self) -> None:
        """A batch was taken: the next call of `room` begins to fill another."""
        self._fill = None

    def state_dict(self) -> dict[str, Any]:
        """JSON-able state.

        Groups in flight are dispatched again in new places; what is known behind them counts now.
        """
        return {"places": self._places, **self._rate.settled()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from `state_dict`'s value; what another pacing's lacks begins anew."""
        self._places = state.get("places", 0)
        self._rate = OrderedRate(state.get("value", 1.0), state.get("observed", 0), self._places)
        self._fill = None


class OrderedRate:
    """Running acceptance rate over groups in the order of their places, from a start of 1."""

    def __init__(self, value: float = 1.0, observed: int = 0, following: int = 0) -> None:
        self.value = value
        self._observed = observed
        self._next = following
        self._waiting: dict[int, bool] = {}

    def observe(self, place: int, accepted: bool) -> Iterator[bool]:
        """Note an outcome; yield those that now count, as every earlier one is known."""
        self._waiting[place] = accepted
        while self._next in self._waiting:
            counted = self._waiting.pop(self._next)
            self._next += 1
            self._count(counted)
            yield counted

    def settled(self) -> dict[str, Any]:
        """The rate as if no earlier outcome was to come any more."""
        rate = OrderedRate(self.value, self._observed)
        for place in sorted(self._waiting):
            rate._count(self._waiting[place])
        return {"value": rate.value, "observed": rate._observed}

    def _count(self, accepted: bool) -> None:
        self._observed = min(self._observed + 1, WINDOW)
        self.value += (accepted - self.value) / self._observed


class _Fill:
    """The filling of one batch: what was dispatched, and how far its outcomes are known."""

    def __init__(self, needed: int, oversampling: float, rate: float) -> None:
        self.dispatched = 0
        self._needed = needed
        self._oversampling = oversampling
        self._known = 0
        self._accepted = 0
        self.wave_end = self._wave(rate)

    def learn(self, accepted: bool, rate: float) -> None:
        """Extend the known start of the batch's dispatches; plan a wave where one ends."""
        self._known += 1
        self._accepted += accepted
        if self._known == self.wave_end:
            self.wave_end += self._wave(rate)

    def _wave(self, rate: float) -> int:
        """Groups to dispatch for those still lacking, with a margin of one standard deviation."""
        lacking = self._needed - self._accepted
        if lacking <= 0:
            return 0
        margin = math.sqrt(lacking * (1 - rate))
        return math.ceil(min((lacking + margin) / max(rate, 1e-9), lacking * self._oversampling))
