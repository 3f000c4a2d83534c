"""An order that follows the policy: prompts that are neither sure nor hopeless come more often.

Guarantees: a prompt is drawn with a chance in proportion to p(1 - p), p being the rate at which the
policy is right on it now (`data.pass_rates`); a share `floor` of the prompts walks through the data
epoch by epoch instead, so that each prompt comes in the first 1 / floor passes' worth of prompts,
and in any 2 / floor later; a prompt whose answers are awaited is not given again, unless all are.
Prompts come with replacement: an epoch is as many of them as the data has, not each of them once.
The order is a function of the data, the settings and what was noted, and the numbers drawn are
whole, so that it is the same on every machine. A stream that loads another's state continues
exactly.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from fractions import Fraction
from typing import Any, Final

import numpy as np

from data.errors import StreamError, StreamStateError
from data.identity import check_saved
from data.pass_rates import PassRates
from data.schema import Answered, Prompt
from data.stream import PromptStream
from data.weighted import WeightedDraw

_SCALE: Final = 2**32
"""Of weights: a chance of p(1 - p) is told from others to the tenth digit."""


class AdaptiveStream:
    """Gives prompts by what they can teach now; implements `data.schema.ListeningSource`.

    Args:
        prompts: the data set; ids are unique.
        seed: decides the draws, together with what is noted.
        epochs: how many prompts are given, as a multiple of the data; None is endless.
        shuffle: False walks through the floor's share in the order of `prompts`.
        floor: share of the prompts that walks through the data, in (0, 1].
        half_life: batches after which an answer weighs half.
    """

    def __init__(
        self,
        prompts: Sequence[Prompt],
        *,
        seed: int,
        epochs: int | None,
        shuffle: bool = True,
        floor: float = 0.1,
        half_life: float = 10.0,
    ) -> None:
        if not 0 < floor <= 1 or not 0 < half_life < float("inf"):
            raise StreamError(
                f"floor is {floor} and half_life {half_life}; give a share above 0, and batches"
            )
        self._walk = PromptStream(prompts, seed=seed, epochs=None, shuffle=shuffle)
        self._prompts = tuple(prompts)
        self._identity = self._walk.identity
        self._position = {prompt.id: number for number, prompt in enumerate(self._prompts)}
        self._epochs = epochs
        self._floor = Fraction(str(floor))
        self._settings = {
            "order": "adaptive",
            "seed": seed,
            "shuffle": shuffle,
            "floor": floor,
            "half_life": half_life,
        }
        self._seed = seed
        self._rates = PassRates(self._prompts, half_life)
        self._given = 0
        self._awaited: set[int] = set()
        self._draw = self._weighed()

    @property
    def fingerprint(self) -> str:
        """Identify the data: a SHA-256 over ids and content, in order."""
        return self._identity.fingerprint

    @property
    def total(self) -> int | None:
        """How many prompts are given over all epochs, or None without an end."""
        return None if self._epochs is None else self._epochs * len(self._prompts)

    def next(self) -> Prompt | None:
        """Give the next prompt, or None once all epochs' worth has been given."""
        if self.total is not None and self._given >= self.total:
            return None
        if len(self._awaited) == len(self._prompts):
            self._awaited.clear()
            self._draw = self._weighed()
        number, self._given = self._given, self._given + 1
        if int(self._floor * (number + 1)) > int(self._floor * number):
            position = self._walked()
            self._draw.remove(position)
        else:
            at = random.Random(f"{self._seed}/{number}").randrange(self._draw.total)
            position = self._draw.take(at)
        self._awaited.add(position)
        return self._prompts[position]

    def note(self, answered: Sequence[Answered]) -> None:
        """A batch was taken, and these prompts were answered since the one before."""
        for one in answered:
            self._awaited.discard(self._position.get(one.prompt, -1))
        self._rates.note(answered)
        self._draw = self._weighed()

    def state_dict(self) -> dict[str, Any]:
        """Give the position, what is known, and what both depend on, as JSON values."""
        return {
            **self._settings,
            "given": self._given,
            "awaited": sorted(self._awaited),
            "walk": self._walk.state_dict(),
            "rates": self._rates.state_dict(),
            "data": asdict(self._identity),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue where `state` was taken.

        Raises:
            StreamStateError: the state is of other data, another order or settings, or damaged.
        """
        check_saved(self._identity, self._settings, state)
        given, awaited = state.get("given"), state.get("awaited")
        before = self._walk.state_dict()
        try:
            if type(given) is not int or given < 0 or not isinstance(awaited, list):
                raise ValueError(f"given {given!r}, awaited {awaited!s:.40}")
            if not all(type(one) is int and 0 <= one < len(self._prompts) for one in awaited):
                raise ValueError("a position is out of range")
            self._walk.load_state_dict(state["walk"])
            self._rates.load_state_dict(state["rates"])
        except (ValueError, TypeError, KeyError, IndexError, StreamError) as error:
            self._walk.load_state_dict(before)
            raise StreamStateError(
                f"the saved position is damaged ({error}); resume from an earlier checkpoint"
            ) from error
        self._given, self._awaited = given, set(awaited)
        self._draw = self._weighed()

    def _walked(self) -> int:
        """The next of the walk that is not awaited; there is one."""
        while True:
            prompt = self._walk.next()
            if prompt is not None and self._position[prompt.id] not in self._awaited:
                return self._position[prompt.id]

    def _weighed(self) -> WeightedDraw:
        rates = self._rates.estimates()
        weights = np.maximum(1, (rates * (1 - rates) * _SCALE).astype(np.int64))
        weights[sorted(self._awaited)] = 0
        return WeightedDraw(weights)
