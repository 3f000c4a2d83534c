"""What the loop is compared with: three rules by which a batch is filled while the policy stands.

- `waves_with_carry`: the rule of Plumb's synchronous sampler before it was replaced by
  `rl.dispatch`: waves by the acceptance rate, and one for one while even the acceptance of all in
  flight could not fill the batch; surplus is trained later, up to two versions off-policy.
- `one_for_one`: OpenRLHF's: as many in flight as groups are missing.
- `whole_batches`: verl's: whole batches of prompts until enough are accepted; the rest is dropped.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

OVERSAMPLING, WINDOW, CARRIED_VERSIONS = 4.0, 256, 2


@dataclass(frozen=True, slots=True)
class Done:
    """A group that was sampled."""

    index: int
    accepted: bool
    tokens: dict[int, float]
    """By policy version."""
    version: int
    """At its dispatch."""


Sample = Callable[[], Awaitable[Done]]
"""Samples a group for the next prompt."""


class Filling(Protocol):
    """Fills one batch after another."""

    lost: float
    """Tokens of accepted groups that were thrown away."""

    async def batch(self, version: int) -> list[Done]:
        """A batch; nothing is in flight when it is there."""


@dataclass(slots=True)
class WavesWithCarry:
    """Args: sample: samples a group; size: groups a batch."""

    sample: Sample
    size: int
    lost: float = 0.0
    _rate: float = 1.0
    _observed: int = 0
    _carried: list[Done] = field(default_factory=list)

    async def batch(self, version: int) -> list[Done]:
        """Waves until nothing is in flight and the batch is full."""
        stale = [one for one in self._carried if version - one.version > CARRIED_VERSIONS]
        self.lost += sum(sum(one.tokens.values()) for one in stale)
        self._carried = [one for one in self._carried if one not in stale]
        needed = max(0, self.size - len(self._carried))
        outcomes: dict[int, bool] = {}
        places: dict[asyncio.Task[Done], int] = {}
        known = accepted = found = sent = 0
        end = self._wave(needed)
        while True:
            while needed - found > len(places) or sent < end:
                places[asyncio.ensure_future(self.sample())] = sent
                sent += 1
            if not places:
                break
            done, _ = await asyncio.wait(places, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                one = task.result()
                outcomes[places.pop(task)] = one.accepted
                if one.accepted:
                    found += 1
                    self._carried.append(one)
            while known in outcomes:
                self._observe(outcomes[known])
                accepted += outcomes[known]
                known += 1
                if known == end:
                    end += self._wave(needed - accepted)
        self._carried.sort(key=lambda one: one.index)
        batch, self._carried = self._carried[: self.size], self._carried[self.size :]
        return batch

    def _observe(self, accepted: bool) -> None:
        self._observed += 1
        self._rate += (accepted - self._rate) / min(self._observed, WINDOW)

    def _wave(self, lacking: int) -> int:
        if lacking <= 0:
            return 0
        wanted = (lacking + math.sqrt(lacking * (1 - self._rate))) / max(self._rate, 1e-9)
        return math.ceil(min(wanted, lacking * OVERSAMPLING))


@dataclass(slots=True)
class OneForOne:
    """Args: sample: samples a group; size: groups a batch."""

    sample: Sample
    size: int
    lost: float = 0.0

    async def batch(self, version: int) -> list[Done]:
        """As many in flight as are missing."""
        found: list[Done] = []
        flying: set[asyncio.Task[Done]] = set()
        while len(found) < self.size:
            while len(flying) < self.size - len(found):
                flying.add(asyncio.ensure_future(self.sample()))
            done, flying = await asyncio.wait(flying, return_when=asyncio.FIRST_COMPLETED)
            found += [task.result() for task in done if task.result().accepted]
        return found


@dataclass(slots=True)
class WholeBatches:
    """Args: sample: samples a group; size: groups a batch."""

    sample: Sample
    size: int
    lost: float = 0.0

    async def batch(self, version: int) -> list[Done]:
        """Whole batches until there are enough."""
        found: list[Done] = []
        while len(found) < self.size:
            done = await asyncio.gather(*(self.sample() for _ in range(self.size)))
            found += [one for one in done if one.accepted]
        self.lost += sum(sum(one.tokens.values()) for one in found[self.size :])
        return found[: self.size]
