"""What a judge says: a grade, a preference, and what it took."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Winner = Literal["first", "second", "tie"]


@dataclass(frozen=True, slots=True)
class Spent:
    """What a verdict took.

    Attributes:
        requests: Replies that were waited for.
        cached: Votes that the cache had.
        cost: By the settings' prices.
    """

    requests: int = 0
    cached: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: float = 0.0

    def __add__(self, other: "Spent") -> "Spent":
        return Spent(
            self.requests + other.requests,
            self.cached + other.cached,
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.cost + other.cost,
        )


@dataclass(frozen=True, slots=True)
class Grade:
    """What an answer is worth.

    Attributes:
        score: S, the median of the votes, on the rubric's scale.
        reward: S mapped to [-1, 1].
        is_correct: Whether S reaches the threshold.
        votes: The readable votes.
        factors: Each factor's median; empty where the judge gave an overall grade alone.
        spent: What it took.
    """

    score: float
    reward: float
    is_correct: bool
    votes: tuple[float, ...]
    factors: Mapping[str, float]
    spent: Spent

    @property
    def spread(self) -> float:
        """The highest vote minus the lowest."""
        return max(self.votes) - min(self.votes)


@dataclass(frozen=True, slots=True)
class Preference:
    """Which of two answers is better.

    Attributes:
        winner: The one that both orders prefer, else `tie`.
        shown_first: What was said where the first answer stood first.
        shown_second: What was said where it stood second; `first` is the first answer here too.
        spent: What it took.
    """

    winner: Winner
    shown_first: Winner
    shown_second: Winner
    spent: Spent

    @property
    def is_flipped(self) -> bool:
        """Whether the two orders named different winners."""
        return {self.shown_first, self.shown_second} == {"first", "second"}
