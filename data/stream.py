"""A deterministic, resumable stream of prompts.

Guarantees: every epoch gives every prompt exactly once; the order of an epoch depends on the seed
and the epoch alone; a stream that loads another's state continues exactly where that one stood; a
state of other data, or of another order, is refused and changes nothing.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, TypeGuard

from data.errors import StreamError, StreamStateError
from data.identity import DataIdentity, check_saved
from data.schema import Prompt


class PromptStream:
    """Gives prompts epoch by epoch; implements `data.schema.PromptSource`.

    Args:
        prompts: the data set; ids are unique.
        seed: decides the order, together with the epoch.
        epochs: how often each prompt is given; None is endless. It may differ from the run that
            saved a state: raising it makes a finished run longer.
        shuffle: False gives every epoch in the order of `prompts`.
    """

    def __init__(
        self, prompts: Sequence[Prompt], *, seed: int, epochs: int | None, shuffle: bool = True
    ) -> None:
        if not prompts:
            raise StreamError("there are no prompts to stream; check the source and its limit")
        if epochs is not None and epochs < 1:
            raise StreamError(f"epochs is {epochs}; give 1 or more, or None for no end")
        self._prompts = tuple(prompts)
        self.identity = DataIdentity.of(self._prompts)
        """Of the data."""
        self._seed = seed
        self._epochs = epochs
        self._shuffle = shuffle
        self._epoch = 0
        self._index = 0
        self._order = self._order_of(0)

    @property
    def fingerprint(self) -> str:
        """Identify the data: a SHA-256 over ids and content, in order."""
        return self.identity.fingerprint

    @property
    def total(self) -> int | None:
        """How many prompts there are over all epochs, or None without an end."""
        return None if self._epochs is None else self._epochs * len(self._prompts)

    def next(self) -> Prompt | None:
        """Give the next prompt, or None once every epoch has been given."""
        if self._epochs is not None and self._epoch >= self._epochs:
            return None
        prompt = self._prompts[self._order[self._index]]
        self._index += 1
        if self._index == len(self._prompts):
            self._epoch += 1
            self._index = 0
            self._order = self._order_of(self._epoch)
        return prompt

    def state_dict(self) -> dict[str, Any]:
        """Give the position and what it depends on, as JSON values."""
        return {
            "epoch": self._epoch,
            "index": self._index,
            "seed": self._seed,
            "shuffle": self._shuffle,
            "data": asdict(self.identity),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue where `state` was taken.

        Raises:
            StreamStateError: the state is of other data, another seed or another order, or damaged.
        """
        settings = {"order": "uniform", "seed": self._seed, "shuffle": self._shuffle}
        check_saved(self.identity, settings, state)
        epoch, index = state.get("epoch"), state.get("index")
        if not _within(epoch, None) or not _within(index, len(self._prompts)):
            raise StreamStateError(
                f"the saved position is damaged (epoch {epoch!r}, index {index!r} of "
                f"{len(self._prompts)} prompts); resume from an earlier checkpoint"
            )
        self._epoch, self._index = epoch, index
        self._order = self._order_of(self._epoch)

    def _order_of(self, epoch: int) -> Sequence[int]:
        order = list(range(len(self._prompts)))
        if self._shuffle:
            random.Random(f"{self._seed}/{epoch}").shuffle(order)
        return order


def _within(value: object, end: int | None) -> TypeGuard[int]:
    """Whether a value is an integer in [0, end), or at least 0 where there is no end."""
    if not isinstance(value, int) or isinstance(value, bool):
        return False
    return value >= 0 and (end is None or value < end)
