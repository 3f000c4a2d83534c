"""Grading as a run's settings ask for it, and what a person is told of it.

Guarantee: nothing here imports torch or Ray, unless the settings ask for grading nodes.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from rewards.combine import Rubric, Term
from rewards.grading.pool import GradingPool
from rewards.grading.running import Pool
from rewards.use import Use
from rl.config import RewardConfig

START_SLACK = 30.0  # seconds that a pool waits longer than a judge's server, which says more
SLOW_SECONDS = 5.0  # after which the live line names what is being graded


def grading_pool(reward: RewardConfig) -> Pool:
    """The pool that `reward` describes, not yet started.

    Raises:
        RewardError: A verifier does not load, or an option is wrong.
    """
    make: Callable[..., Pool] = GradingPool
    if reward.nodes:
        from rewards.grading.ray_pool import RayGradingPool

        make = partial(RayGradingPool, nodes=reward.nodes)
    return make(
        rubric(reward),
        workers=reward.workers,
        deadline=reward.deadline,
        memory_mb=reward.memory_mb,
        retries=reward.retries,
        concurrency=reward.concurrency,
        start_deadline=max([reward.start_deadline, *_serving_deadlines(reward)]),
    )


def rubric(reward: RewardConfig) -> Rubric:
    """The verifiers of a run and how they are put together."""
    return Rubric(
        Use(reward.verifier, reward.options),
        {task: Use(one.spec, one.options, one.deadline) for task, one in reward.routes.items()},
        tuple(
            Term(
                name,
                Use(one.spec or name, one.options, one.deadline),
                one.weight,
                frozenset(one.tasks),
                one.factor,
            )
            for name, one in reward.terms.items()
        ),
        reward.scale.correct,
        reward.scale.incorrect,
    )


def serving_gpus(reward: RewardConfig) -> float:
    """GPUs that judges take which are served by the run itself (`options.serve.gpus`)."""
    return sum((float(one.get("gpus", 0)) for one in _serving(reward)), 0.0)


def _serving(reward: RewardConfig) -> list[Mapping[str, Any]]:
    """The settings of the judges that a run serves itself."""
    options = [reward.options, *(one.options for one in reward.routes.values())]
    options += [one.options for one in reward.terms.values()]
    return [one["serve"] for one in options if isinstance(one.get("serve"), Mapping)]


def _serving_deadlines(reward: RewardConfig) -> list[float]:
    """Seconds that each of them may take to start, and be noticed."""
    served = _serving(reward)
    if not served:
        return []
    from rewards.judge import ServeSettings

    return [ServeSettings.model_validate(one).start_deadline + START_SLACK for one in served]


def slow_grading(pool: Pool) -> str:
    """What grading waits for, in a few words; empty while it keeps up."""
    slow = [one for one in pool.pending()[:1] if one.running and one.seconds > SLOW_SECONDS]
    return "".join(
        f"{one.verifier} is grading {one.sample_id}, {one.seconds:.0f} s so far" for one in slow
    )


def slowest_calls(pool: Pool) -> list[list[str | float]]:
    """The step's slowest calls, each as verifier, prompt id and seconds."""
    return [
        [call.verifier, call.sample_id.rpartition("#")[0], round(call.seconds, 4)]
        for call in pool.take_slowest()
    ]
