"""What is sampled: lengths and outcomes of every group, the same for all schemes.

Answers have 3000 * exp(0.5 p + 0.75 a) tokens, p drawn once a prompt and a once an answer, both
standard normal, cut at 32,768: lengths of a thinking model, of which 0.4 % are cut. Median, cut and
spread can be others.
"""

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from data.schema import Prompt
from rewards import Verdict

CUT, MEDIAN = 32_768, 3000.0
MESSAGES = ({"role": "user", "content": "?"},)
RIGHT, WRONG = Verdict.correct(), Verdict.incorrect()


@dataclass(frozen=True, slots=True)
class Work:
    """What a prompt's group will turn out to be."""

    lengths: tuple[int, ...]
    accepted: bool

    @property
    def tokens(self) -> int:
        """Of all answers."""
        return sum(self.lengths)

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """Half right where the group is accepted, else all wrong."""
        right = len(self.lengths) // 2 if self.accepted else 0
        return (RIGHT,) * right + (WRONG,) * (len(self.lengths) - right)


@dataclass(slots=True)
class Load:
    """A prompt source without end; prompt i is named `i`.

    Args:
        samples: answers a prompt.
        acceptance: share of groups that are accepted.
        seed: of lengths and outcomes.
        spread: of lengths: standard deviation of the logarithm, of answers to one prompt.
        median: of lengths, tokens.
        cut: longest answer, tokens.
    """

    samples: int
    acceptance: float
    seed: int = 0
    spread: float = 0.75
    median: float = MEDIAN
    cut: int = CUT
    given: list[Work] = field(default_factory=list)
    fingerprint: str = "simulated"
    total: int | None = None

    def next(self) -> Prompt:
        """The next prompt."""
        index = len(self.given)
        draw = random.Random(f"{self.seed}/{index}")
        prompt = draw.gauss(0, 1) * self.spread / 1.5
        lengths = tuple(
            min(self.cut, max(16, int(self.median * math.exp(prompt + self._own(draw)))))
            for _ in range(self.samples)
        )
        self.given.append(Work(lengths, draw.random() < self.acceptance))
        return Prompt(str(index), MESSAGES)

    def state_dict(self) -> dict[str, Any]:
        """The position."""
        return {"given": len(self.given)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a position; what was given before is the same again."""
        self.given.clear()
        while len(self.given) < state["given"]:
            self.next()

    def mean_tokens(self) -> float:
        """Expected tokens of an answer: a lognormal's mean, cut at `cut`."""
        return _mean(self.median, self.spread, self.cut)

    def _own(self, draw: random.Random) -> float:
        return self.spread * draw.gauss(0, 1)


def median_of(mean: float, cut: int, spread: float = 0.75) -> float:
    """The median of lengths whose mean, cut at `cut`, is this; tokens.

    A mean near the cut has no such median: then the one at which nearly all answers are cut.
    """
    low, high = 1.0, 64.0 * cut
    for _ in range(60):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if _mean(middle, spread, cut) < mean else (low, middle)
    return high


def _mean(median: float, spread: float, cut: int) -> float:
    whole = math.hypot(spread, spread / 1.5)
    place = (math.log(cut) - math.log(median)) / whole
    below = median * math.exp(whole**2 / 2) * _normal(place - whole)
    return below + cut * (1 - _normal(place))


def _normal(x: float) -> float:
    return (1 + math.erf(x / math.sqrt(2))) / 2
