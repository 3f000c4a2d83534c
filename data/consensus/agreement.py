"""Which answer models agree on.

Guarantees: the outcome depends on the answers alone, in the order of models and answers. An answer
that was cut, refused or cannot be read counts as one that agrees with nothing. A model is of an
opinion if a share `within` of its answers, at least, is that opinion; models agree if at least
`models` of them are.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

A = TypeVar("A")
_ALMOST = 1e-9  # 2 of 3 is a share of 0.6667 too


@dataclass(frozen=True, slots=True)
class Thresholds:
    """How much agreement is wanted.

    Attributes:
        within: The share of a model's own answers, above 0.
        models: Models; None: all of them.
    """

    within: float = 1.0
    models: int | None = None


@dataclass(frozen=True, slots=True)
class Opinion(Generic[A]):
    """An answer, and who gave it.

    Attributes:
        answer: As the first of those gave it by whom all others are matched.
        votes: Answers of each model that match it.
        given: Answers of each model.
    """

    answer: A
    votes: Mapping[str, int]
    given: Mapping[str, int]

    def models(self, within: float) -> list[str]:
        """The models that are of this opinion."""
        return [
            name
            for name, count in self.votes.items()
            if count and count >= within * self.given[name] - _ALMOST
        ]

    def holds(self, wanted: Thresholds) -> bool:
        """Whether enough models are of this opinion."""
        needed = len(self.given) if wanted.models is None else wanted.models
        return len(self.models(wanted.within)) >= needed

    def facts(self, within: float) -> dict[str, object]:
        """What metadata says of it."""
        return {
            "agreeing": self.models(within),
            "votes": sum(self.votes.values()),
            "answers": sum(self.given.values()),
        }


def opinion_on(
    answer: A,
    answers: Mapping[str, Sequence[A | None]],
    matches: Callable[[A, A], bool],
) -> Opinion[A]:
    """Who gave `answer`; `matches` is told an answer and the reference it is held against."""
    votes = {
        name: sum(one is not None and matches(one, answer) for one in given)
        for name, given in answers.items()
    }
    return Opinion(answer, votes, {name: len(given) for name, given in answers.items()})


def best_opinion(
    answers: Mapping[str, Sequence[A | None]],
    matches: Callable[[A, A], bool],
    within: float,
) -> Opinion[A] | None:
    """The opinion that most models share, and of those the one with most answers; None: no answer.

    Each answer is tried as the reference, as matching need not be the same both ways round: `2`
    stands for `2.0`, and not the reverse. Of equals the first is taken.
    """
    best: Opinion[A] | None = None
    tried: set[str] = set()  # as text, in which 1 and 1.0 differ
    for given in answers.values():
        for answer in given:
            if answer is None or (text := repr(answer)) in tried:
                continue
            tried.add(text)
            found = opinion_on(answer, answers, matches)
            if best is None or _weight(found, within) > _weight(best, within):
                best = found
    return best


def _weight(opinion: Opinion[A], within: float) -> tuple[int, int]:
    return len(opinion.models(within)), sum(opinion.votes.values())
