"""An order from easy to hard, by the pass rates that were measured before the run.

Guarantees: prompts are sorted by pass rate, high to low. At first the easiest share `start` of them
is open; each batch opens more, evenly, until all are open when the share `until` of the run's
batches was taken. Of the open ones the next is always one that was given least often. So a long run
gives every prompt, the hard ones from when they open, and a short one keeps to a sample; an epoch
is as many prompts as the data has. The order is a function of the data, the settings and the number
of batches. A stream that loads another's state continues exactly.
"""

import heapq
import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from data.errors import PromptError, StreamError, StreamStateError
from data.identity import DataIdentity, check_saved
from data.schema import Answered, Prompt


class CurriculumStream:
    """Gives prompts from easy to hard; implements `data.schema.ListeningSource`.

    Args:
        prompts: the data set; ids are unique and pass rates are known.
        seed: decides the order among prompts of one pass rate, and among those given as often.
        epochs: how many prompts are given, as a multiple of the data; None is endless.
        batches: of the whole run.
        shuffle: False keeps the order of `prompts` where the seed would decide.
        start: share of the prompts that is open at first, in (0, 1].
        until: share of the batches after which all are open, in [0, 1].
    """

    def __init__(
        self,
        prompts: Sequence[Prompt],
        *,
        seed: int,
        epochs: int | None,
        batches: int,
        shuffle: bool = True,
        start: float = 0.25,
        until: float = 0.75,
    ) -> None:
        if not prompts:
            raise StreamError("there are no prompts to stream; check the source and its limit")
        if not 0 < start <= 1 or not 0 <= until <= 1 or batches < 1:
            raise StreamError(
                f"start is {start}, until {until} and batches {batches}; give shares and a number"
            )
        self._prompts = tuple(prompts)
        self._identity = DataIdentity.of(self._prompts)
        self._epochs = epochs
        self._settings = {
            "order": "curriculum",
            "seed": seed,
            "shuffle": shuffle,
            "start": start,
            "until": until,
        }
        self._growth = (start, until * batches)
        self._place = list(range(len(prompts)))
        if shuffle:
            random.Random(f"{seed}").shuffle(self._place)
        rates = [_rate(prompt, self._prompts) for prompt in self._prompts]
        self._sorted = sorted(range(len(prompts)), key=lambda at: (-rates[at], self._place[at]))
        self._times: dict[int, int] = {}
        self._given = self._batches = 0
        self._open: list[tuple[int, int, int]] = []  # a heap: times given, place, position
        self._opened = 0
        self._unfold()

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
        times, place, position = self._open[0]
        heapq.heapreplace(self._open, (times + 1, place, position))
        self._times[position] = times + 1
        self._given += 1
        return self._prompts[position]

    def note(self, answered: Sequence[Answered]) -> None:
        """A batch was taken: more prompts are open."""
        self._batches += 1
        self._unfold()

    def state_dict(self) -> dict[str, Any]:
        """Give the position and what it depends on, as JSON values."""
        return {
            **self._settings,
            "given": self._given,
            "batches": self._batches,
            "times": [list(self._times), list(self._times.values())],
            "data": asdict(self._identity),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue where `state` was taken; the run may have become longer since.

        Raises:
            StreamStateError: the state is of other data, another order or settings, or damaged.
        """
        check_saved(self._identity, self._settings, state)
        try:
            positions, counts = state["times"]
            times = dict(zip(positions, counts, strict=True))
            numbers = [state["given"], state["batches"], *times, *times.values()]
            if not all(type(number) is int and number >= 0 for number in numbers):
                raise ValueError("a count is no whole number")
            if any(position >= len(self._prompts) for position in times):
                raise ValueError("a position is out of range")
        except (ValueError, TypeError, KeyError) as error:
            raise StreamStateError(
                f"the saved position is damaged ({error}); resume from an earlier checkpoint"
            ) from error
        self._given, self._batches, self._times = state["given"], state["batches"], times
        self._open, self._opened = [], 0
        self._unfold()

    def _unfold(self) -> None:
        """Open as many prompts as are due."""
        start, until = self._growth
        progress = min(1.0, self._batches / until) if until else 1.0
        due = math.ceil((start + (1 - start) * progress) * len(self._prompts))
        for position in self._sorted[self._opened : due]:
            item = (self._times.get(position, 0), self._place[position], position)
            heapq.heappush(self._open, item)
        self._opened = max(self._opened, due)


def _rate(prompt: Prompt, prompts: Sequence[Prompt]) -> float:
    if prompt.evidence is None:
        unknown = sum(one.evidence is None for one in prompts)
        raise PromptError(
            f"{unknown} of {len(prompts)} prompts have no pass_rate to be ordered by, the first is "
            f"{prompt.id!r}: measure it with plumb data difficulty, or set data.order to adaptive"
        )
    correct, graded = prompt.evidence
    return correct / graded
