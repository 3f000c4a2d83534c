"""How often the policy is right on each prompt now, as far as a run knows.

Guarantees: the estimates are a function of the prompts and of what was noted, in its order; they
are always above 0 and below 1; a state that went through JSON gives the same bits.

An estimate is a posterior mean. A prompt's own answers count beside `OWN` at the rate of its
level: the prompts of its task on which the rate measured before the run was the same tenth. The
level's rate is that of all its answers in the run beside `LEVEL` answers at the measured rate, so
that it follows the policy also for prompts that were never asked. What is noted at one batch weighs
half after `half_life` batches.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from data.schema import Answered, Prompt

OWN: Final = 1.0
LEVEL: Final = 16.0
_TENTHS: Final = 10
_UNKNOWN: Final = (0.5, -1)
"""The rate of a prompt of which nothing was measured, and its level."""


class PassRates:
    """Estimates for the prompts of a stream.

    Args:
        prompts: by position.
        half_life: batches after which an answer weighs half.
    """

    def __init__(self, prompts: Sequence[Prompt], half_life: float) -> None:
        self._position = {prompt.id: number for number, prompt in enumerate(prompts)}
        self._fading = 0.5 ** (1 / half_life)
        measured = [_measured(prompt) for prompt in prompts]
        keys = [(prompt.task, level) for prompt, (_, level) in zip(prompts, measured, strict=True)]
        names = {key: number for number, key in enumerate(sorted(set(keys)))}
        self._level = np.array([names[key] for key in keys], np.int64)
        members = np.bincount(self._level, minlength=len(names))
        before = np.array([rate for rate, _ in measured])
        self._before = np.bincount(self._level, before, minlength=len(names)) / members
        # Right answers and graded ones: of each prompt, and of each level.
        self._own = np.zeros((2, len(prompts)))
        self._all = np.zeros((2, len(names)))

    def note(self, answered: Sequence[Answered]) -> None:
        """A batch was taken: earlier answers fade, and these are new; others' are passed over."""
        self._own *= self._fading
        self._all *= self._fading
        for prompt, graded, correct in answered:
            position = self._position.get(prompt)
            if position is None:
                continue
            self._own[:, position] += (correct, graded)
            self._all[:, self._level[position]] += (correct, graded)

    def estimates(self) -> NDArray[np.float64]:
        """The rate on each prompt."""
        correct, graded = self._all
        levels = (correct + LEVEL * self._before) / (graded + LEVEL)
        correct, graded = self._own
        rates: NDArray[np.float64] = (correct + OWN * levels[self._level]) / (graded + OWN)
        return rates

    def state_dict(self) -> dict[str, Any]:
        """What was noted, as JSON values: of each prompt that was asked, and of each level."""
        asked = np.flatnonzero(self._own[1])
        return {
            "prompts": [asked.tolist(), *self._own[:, asked].tolist()],
            "levels": self._all.tolist(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Know what another knew; raises ValueError, TypeError, KeyError or IndexError if damaged.

        Nothing has changed then.
        """
        asked, *counts = state["prompts"]
        own = np.zeros_like(self._own)
        places = np.array(asked, np.int64)
        if len(places) and not 0 <= places.min() <= places.max() < own.shape[1]:
            raise ValueError("a position is out of range")
        own[:, places] = np.array(counts, np.float64)
        levels = np.array(state["levels"], np.float64)
        if levels.shape != self._all.shape:
            raise ValueError("it has other levels")
        for correct, graded in (own, levels):
            if not np.all((correct >= 0) & (correct <= graded * (1 + 1e-9)) & np.isfinite(graded)):
                raise ValueError("a count is out of range")
        self._own, self._all = own, levels


def _measured(prompt: Prompt) -> tuple[float, int]:
    """The rate that was measured before, with a right and a wrong answer more, and its level."""
    if prompt.evidence is None:
        return _UNKNOWN
    correct, graded = prompt.evidence
    return (correct + 1) / (graded + 2), round(_TENTHS * correct / graded)
