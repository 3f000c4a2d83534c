"""Several verifiers for one reward: routes by task, weighted terms, and a scale.

Guarantees: `correct` is what the main verifier says, and no term changes it. The reward is the main
verifier's, mapped by the scale and lowered by the factors of terms that are not met, plus each
term's `weight * reward`. Where any part is ungradable, so is the whole, under the part's kind of
reason.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from rewards.errors import InvalidVerdictError
from rewards.types import Sample, Verdict
from rewards.use import Use


@dataclass(frozen=True, slots=True)
class Term:
    """A further verifier whose reward is added to the main one's.

    Attributes:
        name: Names the term in metrics and reasons.
        use: The verifier.
        weight: What its reward is multiplied by.
        tasks: The tasks whose samples have the term; empty: all.
        factor: What a main reward above 0 is multiplied by where the term's verdict is not correct.
    """

    name: str
    use: Use
    weight: float = 1.0
    tasks: frozenset[str] = frozenset()
    factor: float = 1.0


@dataclass(frozen=True, slots=True)
class Rubric:
    """What an answer is worth, put together from verifiers.

    Attributes:
        main: Decides whether an answer is correct, for tasks without a route.
        routes: The main verifier of a task, by the sample's `task`.
        terms: What is added to the reward.
        correct: What a main reward of 1 becomes.
        incorrect: What a main reward of 0 becomes; the map is affine.
    """

    main: Use = field(default_factory=lambda: Use("math"))
    routes: Mapping[str, Use] = field(default_factory=dict)
    terms: tuple[Term, ...] = ()
    correct: float = 1.0
    incorrect: float = 0.0

    def uses(self) -> list[Use]:
        """Every use once, the main one first."""
        distinct: list[Use] = []
        for use in [self.main, *self.routes.values(), *(term.use for term in self.terms)]:
            if use not in distinct:
                distinct.append(use)
        return distinct

    def main_of(self, sample: Sample) -> Use:
        """The main verifier of a sample."""
        return self.routes.get(sample.task, self.main)

    def terms_of(self, sample: Sample) -> tuple[Term, ...]:
        """The terms of a sample."""
        return tuple(term for term in self.terms if not term.tasks or sample.task in term.tasks)

    def combine(self, sample: Sample, verdicts: Sequence[Verdict]) -> Verdict:
        """The verdict on `sample` from that of its main verifier and those of its terms, in order.

        Metrics are the main verifier's, and each term's reward, before weighting, under its name;
        what a term measured beside that is `TERM.NAME`.
        """
        main, *extra = verdicts
        if not main.is_gradable:
            return main
        reward = self.correct * main.reward + self.incorrect * (1 - main.reward)
        added = 0.0
        metrics = dict(main.metrics)
        for term, verdict in zip(self.terms_of(sample), extra, strict=True):
            if not verdict.is_gradable:
                return Verdict.ungradable(f"{verdict.reason} (term '{term.name}')")
            if reward > 0 and not verdict.is_correct:
                reward *= term.factor
            added += term.weight * verdict.reward
            metrics |= {f"{term.name}.{name}": n for name, n in verdict.metrics.items()}
            metrics[term.name] = verdict.reward
        try:
            return Verdict(main.outcome, reward + added, main.reason, metrics)
        except InvalidVerdictError as error:
            return Verdict.ungradable(f"combination: {error}")

    def portable(self) -> "Rubric":
        """The same rubric in a form that means the same in any folder: paths made absolute."""
        return replace(
            self,
            main=self.main.portable(),
            routes={task: use.portable() for task, use in self.routes.items()},
            terms=tuple(replace(term, use=term.use.portable()) for term in self.terms),
        )

    def check(self) -> None:
        """Refuse weights and scales that are no numbers, and names that stand twice."""
        names = [term.name for term in self.terms]
        if len(set(names)) < len(names):
            raise ValueError(f"two terms of a reward have the same name: {', '.join(names)}")
        numbers = [self.correct, self.incorrect, *(term.weight for term in self.terms)]
        numbers += [term.factor for term in self.terms]
        if not all(map(math.isfinite, numbers)):
            raise ValueError("weights and scale of a reward must be finite numbers")
