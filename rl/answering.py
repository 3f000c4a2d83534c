"""Engines, renderer, episodes and grading of a run, without a learner: graded answers to prompts.

Guarantees: every part is the one that training has, so that what is measured here is what a run
would sample; whatever was started is stopped at the end.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from rewards import Sample, Verdict
from rewards.grading.running import Pool
from rl.config import RunConfig
from rl.episodes.rendering import Renderer, renderer_of
from rl.episodes.runner import Runner
from rl.hardware import Hardware
from rl.model_path import with_model
from rl.tasks import both
from rl.tokenizer import load_tokenizer

if TYPE_CHECKING:
    from rl.engines.fleet import Fleet


@dataclass(frozen=True, slots=True)
class Answering:
    """What answers prompts."""

    fleet: "Fleet"
    renderer: Renderer
    runner: Runner | None
    """None where nothing is graded."""
    places: int
    """Answers that the engines decode at once."""


@asynccontextmanager
async def answering(
    config: RunConfig,
    pool: Pool | None,
    *,
    hardware: Hardware | None = None,
    engines: int | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> AsyncIterator[Answering]:
    """Start engines, and the pool; stop them at the end.

    Args:
        config: a run's configuration, with `model.path` a folder or hub id.
        pool: grades; started and closed here. None: nothing is graded.
        hardware: of a cluster that is connected to; None: connected to here, and SIGTERM then ends
            the task.
        engines: how many; None: as many as the cluster has GPUs for.
        say: told what a user should know, a line at a time.

    Raises:
        PlumbError: the model cannot be loaded, or the cluster lacks what is needed.
        RewardError: grading is impossible.
    """
    from rl.awaiting import stop_on_sigterm
    from rl.cluster import await_places, connect
    from rl.engines.fleet import Fleet
    from rl.engines.making import maker
    from rl.places import reserve_engines
    from rl.runners.begin import begin_episodes

    async with AsyncExitStack() as stack:
        if hardware is None:
            hardware = stack.enter_context(connect(config))
            stop_on_sigterm()
        if pool is not None:
            stack.push_async_callback(pool.aclose)
            await pool.start()
        config, places = await reserve_engines(with_model(config, config.model.path), engines, say)
        stack.callback(places.release)
        fleet = Fleet(
            config,
            make=maker(config, hardware, places),
            renew=partial(places.renew_engine, say=say),
            say=say,
        )
        stack.push_async_callback(fleet.stop)
        await await_places(
            {"engines": [one.actor for one in fleet.handles]}, config.cluster.start_deadline
        )
        tokenizer, _ = await both(asyncio.to_thread(load_tokenizer, config), fleet.start())
        renderer = renderer_of(tokenizer, config)
        if renderer.warning:
            say(renderer.warning)
        runner = None
        if pool is not None:
            episodes = await begin_episodes(stack, config, say)
            runner = episodes.runner(renderer, fleet, partial(_graded, pool))
        rollout = config.rollout
        yield Answering(fleet, renderer, runner, rollout.engines * rollout.max_concurrency)


async def _graded(pool: Pool, sample: Sample) -> Verdict:
    (verdict,) = await pool.grade([sample])
    return verdict
