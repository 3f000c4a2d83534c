"""Grading as a run's settings ask for it, and what a person is told of it.

Guarantee: nothing here imports torch or Ray, unless the settings ask for grading nodes.
"""

from collections.abc import Callable
from functools import partial

from rewards.combine import Rubric, Term
from rewards.pool import GradingPool
from rewards.running import Pool
from rewards.use import Use
from rl.config import RewardConfig

SLOW_SECONDS = 5.0  # after which the live line names what is being graded


def grading_pool(reward: RewardConfig) -> Pool:
    """The pool that `reward` describes, not yet started.

    Raises:
        RewardError: A verifier does not load, or an option is wrong.
    """
    make: Callable[..., Pool] = GradingPool
    if reward.nodes:
        from rewards.ray_pool import RayGradingPool

        make = partial(RayGradingPool, nodes=reward.nodes)
    return make(
        rubric(reward),
        workers=reward.workers,
        deadline=reward.deadline,
        memory_mb=reward.memory_mb,
        retries=reward.retries,
        concurrency=reward.concurrency,
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
            )
            for name, one in reward.terms.items()
        ),
        reward.scale.correct,
        reward.scale.incorrect,
    )


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
