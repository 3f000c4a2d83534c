"""What a run will need, step by step, and which group size makes the best use of its data.

Guarantees: the same population, plan and path give the same forecast. Tokens of an answer stay what
they were measured to be, as nothing foretells how a model's answers grow.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from data.errors import ForecastError
from data.forecast import Path, Population
from data.forecast_cost import Cluster
from data.forecast_pacing import Asked, Pacing

GROUP_SIZES: Final = (2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)
RUNS: Final = 16
"""Runs whose pacing is drawn; their mean is what is expected."""
STARVED: Final = 20
"""Batches of prompts after which a run gives up on one (`sampler.give_up_after`)."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is planned.

    Attributes:
        prompts: of the data set.
        batch: groups a step that teach something (`sampler.prompts_per_step`).
        group: answers a prompt (`sampler.samples_per_prompt`).
        max_lag: `sampler.max_lag`.
        oversampling: `sampler.max_oversampling`.
        steps: training steps.
        epochs: passes over the data; None: as many as the steps need.
        response_tokens: of an answer, on average.
    """

    prompts: int
    batch: int = 128
    group: int = 16
    max_lag: int = 0
    oversampling: float = 4.0
    steps: int = 200
    epochs: int | None = None
    response_tokens: float | None = None

    def __post_init__(self) -> None:
        low = {"prompts": 1, "batch": 1, "group": 2, "max_lag": 0, "oversampling": 1, "steps": 1}
        for name, least in low.items():
            if getattr(self, name) < least:
                raise ForecastError(f"{name} is {getattr(self, name)}; give {least} or more")
        if self.epochs is not None and self.epochs < 1:
            raise ForecastError(f"epochs is {self.epochs}; give 1 or more")


@dataclass(frozen=True, slots=True)
class Step:
    """What a step is expected to be like.

    Attributes:
        step: from 1.
        pass_rate: of the policy that samples it.
        acceptance: share of prompts whose groups teach something.
        between: that share if log odds move alike, and if failures go alike (`Population.moved`).
        easy: share of prompts of whose group all answers are right.
        hard: share of prompts of whose group all are wrong.
        sampled: groups, those included that are sampled again.
        new: prompts that the data gives.
        tokens: sampled response tokens; None where an answer's are not known.
        seconds: wall time; None where the cluster or the tokens are not known.
    """

    step: int
    pass_rate: float
    acceptance: float
    between: tuple[float, float]
    easy: float
    hard: float
    sampled: float
    new: float
    tokens: float | None
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Forecast:
    """A run's steps, as far as the data and the pass rates carry it.

    Attributes:
        steps: at most as many as planned.
        prompts: that the data gives in them.
        first_pass: the step in which every prompt has been asked once; None: there are more.
        ends: why there are fewer steps than planned; empty if there are not.
        acceptance_error: standard deviation of the first step's acceptance, by the evidence.
        gpu_hours: None where the cluster or the tokens are not known.
    """

    steps: Sequence[Step]
    prompts: float
    first_pass: int | None
    ends: str
    acceptance_error: float
    gpu_hours: float | None


@dataclass(frozen=True, slots=True)
class GroupSize:
    """A group size, at the same number of trained answers a step.

    Attributes:
        group: answers a prompt.
        batch: prompts a step, so that the trained answers stay as planned.
        acceptance: share of prompts whose groups teach something.
        answers: sampled answers a trained one.
        steps: that one pass over the data lasts.
        signal: share of a prompt's own gradient that its group tells apart from noise.
        per_answer: the signal of a thousand sampled answers.
    """

    group: int
    batch: float
    acceptance: float
    answers: float
    steps: float
    signal: float
    per_answer: float


def forecast(
    found: Population, plan: Plan, path: Path | None = None, cluster: Cluster | None = None
) -> Forecast:
    """Foretell a run.

    Args:
        found: what is known of the data's prompts.
        plan: what is planned.
        path: the course of the mean pass rate; none: it stays.
        cluster: what the run has; none: no times.
    """
    paced = [
        Pacing(plan.batch, plan.max_lag, plan.oversampling, seed)
        for seed in range(1 if plan.max_lag else RUNS)
    ]
    most = math.inf if plan.epochs is None else float(plan.epochs * plan.prompts)
    steps: list[Step] = []
    given, ends = 0.0, ""
    first_pass: int | None = None
    for number in range(1, plan.steps + 1):
        rate = None if path is None else path.at(number - 1)
        now = found if rate is None else found.moved(rate)
        acceptance = now.acceptance(plan.group)
        if acceptance * STARVED < 1:
            ends = (
                f"step {number}: {acceptance:.2%} of the prompts teach something, and a batch is "
                f"given up after {STARVED} times its prompts"
            )
            break
        asked = _mean([pacing.step(acceptance) for pacing in paced])
        if given + asked.new > most:
            ends = f"the data lasts {number - 1} steps"
            break
        given += asked.new
        if first_pass is None and given >= plan.prompts:
            first_pass = number
        steps.append(_step(number, now, _between(found, rate, plan.group), plan, asked, cluster))
    spent = [one.seconds for one in steps if one.seconds is not None]
    hours = cluster.gpus * sum(spent) / 3600 if cluster and spent else None
    return Forecast(
        steps, given, first_pass, ends, found.acceptance_error(plan.group), gpu_hours=hours
    )


def _mean(asked: Sequence[Asked]) -> Asked:
    number = len(asked)
    return Asked(sum(one.sampled for one in asked) / number, sum(one.new for one in asked) / number)


def _between(found: Population, rate: float | None, group: int) -> tuple[float, float]:
    if rate is None:
        return found.acceptance(group), found.acceptance(group)
    odds = found.moved(rate, "odds").acceptance(group)
    failures = found.moved(rate, "failures").acceptance(group)
    return min(odds, failures), max(odds, failures)


def _step(
    number: int,
    now: Population,
    between: tuple[float, float],
    plan: Plan,
    asked: Asked,
    cluster: Cluster | None,
) -> Step:
    easy, hard = now.rejected(plan.group)
    tokens = seconds = None
    if plan.response_tokens is not None:
        tokens = asked.sampled * plan.group * plan.response_tokens
        if cluster is not None:
            trained = plan.batch * plan.group * plan.response_tokens
            seconds = cluster.seconds(tokens, trained, plan.max_lag)
    return Step(
        step=number,
        pass_rate=now.pass_rate,
        acceptance=now.acceptance(plan.group),
        between=between,
        easy=easy,
        hard=hard,
        sampled=asked.sampled,
        new=asked.new,
        tokens=tokens,
        seconds=seconds,
    )


def group_sizes(found: Population, plan: Plan) -> list[GroupSize]:
    r"""What each group size would make of the data, at the planned number of trained answers.

    The signal of a group of n answers at pass rate p is s / (1 + s) with s = (n - 1) p (1 - p): in
    units of the score's, a group's gradient is its prompt's own, of size p (1 - p), with noise of
    variance p (1 - p) / (n - 1) where the others' mean is the baseline (RLOO); s is the ratio of
    the squares, and s / (1 + s) the share that the best linear estimate recovers. It is 0 for
    prompts that teach nothing, grows with n, and flattens: that is why there is a best n for each
    sampled answer. It does not know how prompts help each other.
    """
    return [_group_size(found, plan, size) for size in sorted({*GROUP_SIZES, plan.group})]


def _group_size(found: Population, plan: Plan, group: int) -> GroupSize:
    rates, weights = found.density()
    ratio = (group - 1) * rates * (1 - rates)
    signal = float(weights @ (ratio / (1 + ratio)))
    acceptance = found.acceptance(group)
    batch = plan.batch * plan.group / group
    return GroupSize(
        group=group,
        batch=batch,
        acceptance=acceptance,
        answers=1 / acceptance if acceptance else math.inf,
        steps=plan.prompts * acceptance / batch,
        signal=signal,
        per_answer=1000 * signal / group,
    )


def best_group_size(sizes: Sequence[GroupSize], steps: int, epochs: int | None) -> GroupSize:
    """The one with the most signal a sampled answer, of those with which the data lasts.

    Where it lasts with none, the one with which it lasts longest.
    """
    passes = math.inf if epochs is None else epochs
    lasting = [one for one in sizes if one.steps * passes >= steps]
    if not lasting:
        return max(sizes, key=lambda one: one.steps)
    return max(lasting, key=lambda one: one.per_answer)
