"""How many groups a step samples: what a batch needs, and what its pacing samples beyond that.

At max_lag 0 a batch is filled in waves: as many groups as the acceptance rate of the last 256 asks
for, and a standard deviation more, then another wave for what is lacking (rl/dispatch/waves.py,
whose rule this follows). Groups beyond the batch are sampled again in the next step. At larger lags
sampling never stops, and what it costs is what is accepted.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

_WINDOW: Final = 256
"""Groups over which the acceptance rate is averaged."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Groups of one step: all that were sampled, and those of new prompts among them."""

    sampled: float
    new: float


class Pacing:
    """The groups of one step after another.

    Args:
        batch: accepted groups a step.
        max_lag: that of the run.
        oversampling: `sampler.max_oversampling`.
        seed: of the draws.
    """

    def __init__(self, batch: int, max_lag: int, oversampling: float = 4.0, seed: int = 0) -> None:
        self._batch = batch
        self._max_lag = max_lag
        self._oversampling = oversampling
        self._draw = np.random.default_rng(seed)
        self._rate, self._observed, self._again = 1.0, 0, 0

    def step(self, acceptance: float) -> Asked:
        """The groups of the next step.

        Args:
            acceptance: of new prompts; above 0.
        """
        if self._max_lag:
            needed = self._batch / acceptance
            return Asked(needed, needed)
        known = accepted = 0
        again = self._again
        outcomes = self._outcomes(acceptance)
        end = self._wave(self._batch)
        while known < max(end, known + self._batch - accepted):
            is_accepted = next(outcomes)
            known += 1
            accepted += is_accepted
            self._observed = min(self._observed + 1, _WINDOW)
            self._rate += (is_accepted - self._rate) / self._observed
            if known >= end:
                end = known + self._wave(self._batch - accepted)
        self._again = accepted - self._batch
        return Asked(known, known - again)

    def _outcomes(self, acceptance: float) -> Iterator[bool]:
        """First the groups that were accepted before, then those of new prompts."""
        yield from [True] * self._again
        while True:
            yield from (self._draw.random(self._batch) < acceptance).tolist()

    def _wave(self, lacking: int) -> int:
        if lacking <= 0:
            return 0
        margin = math.sqrt(lacking * (1 - self._rate))
        most = lacking * self._oversampling
        return math.ceil(min((lacking + margin) / max(self._rate, 1e-9), most))
