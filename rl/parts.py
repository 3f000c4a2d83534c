"""Starts the parts of a run side by side, and connects them; the caller's stack stops each."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from typing import Any, Protocol

from data.schema import Prompt, PromptSource
from rewards import Sample, Verdict
from rewards.grading.running import Pool
from rl.checkpoint_keeping import store_of
from rl.config import RunConfig
from rl.dispatch.admission import admission_of
from rl.dispatch.build import make_dispatcher
from rl.dispatch.flight import Ended
from rl.episodes.environment import load_environment
from rl.episodes.lengths import check_lengths
from rl.episodes.rendering import Renderer, renderer_of
from rl.episodes.runner import GroupRunner
from rl.evaluation import Evaluations
from rl.evaluation_sets import EvaluationSet
from rl.groups import Group
from rl.guards.watch import guards_of
from rl.hardware import Hardware
from rl.phases import PhaseClock
from rl.recorder import Recorder
from rl.tokenizer import load_tokenizer
from rl.tokens import Ids, Policy, Sampled, Sampling
from rl.trainer import Parts
from rl.versions import Versions
from rl.weights.canary import canary_ids


class Asked(Protocol):
    """What a run trains and evaluates on: `rl.run.Work`."""

    @property
    def source(self) -> PromptSource:
        """Training prompts in order."""

    @property
    def evaluations(self) -> Sequence[EvaluationSet]:
        """Sets that are answered beside training."""

    @property
    def prompts(self) -> Sequence[Prompt]:
        """All prompts that may be asked."""


async def start_parts(
    stack: AsyncExitStack,
    config: RunConfig,
    asked: Asked,
    *,
    hardware: Hardware,
    pool: Pool,
    last_step: int,
    say: Callable[[str], None],
) -> Parts:
    """Start everything that a trainer composes.

    Args:
        stack: stops the parts in the end.
        config: the run's configuration, with `model.path` a folder or hub id.
        asked: what it trains and evaluates on.
        hardware: what it runs on.
        pool: grades; started here.
        last_step: of the checkpoint that is gone on from; -1 for a new run.
        say: prints a line.
    """
    from rl.starting import publisher_of, start_actors, turns_of

    # On the cluster, where a verifier may place a server of its own.
    stack.push_async_callback(pool.aclose)
    await pool.start()
    (fleet, learner, placement), (renderer, canary) = await asyncio.gather(
        start_actors(stack, config, hardware, say), _render(config, asked.prompts, say)
    )
    clock, versions = PhaseClock(), Versions()
    turns = turns_of(config, placement, learner, fleet, versions, say)
    publisher = await publisher_of(config, hardware, placement, learner, fleet, canary, turns)
    recorder = Recorder(
        config.run_dir, last_step=last_step, log_every=config.train.log_rollouts_every
    )
    stack.callback(recorder.close)
    guards = guards_of(config, recorder, pool, say=say)
    environment = load_environment(config.episode.environment)
    runner = GroupRunner(
        renderer, _Timed(fleet, clock), _timed_grading(pool, clock), environment, config
    )
    dispatcher = make_dispatcher(
        config.sampler,
        asked.source,
        runner.run,
        admission_of(config.sampler.filter),
        version=lambda: versions.current,
        free=lambda: fleet.free_groups(config.sampler.samples_per_prompt),
        ended=_both(recorder.ended, guards.ended),
        max_ungradable=config.reward.max_ungradable,
        clock=clock,
    )
    evaluations = Evaluations(
        config, asked.evaluations, runner, fleet, versions, recorder, say=say, told=guards.evaluated
    )
    store = store_of(config)
    policy = fleet, learner, publisher, versions
    return Parts(dispatcher, *policy, evaluations, pool, store, recorder, guards, turns)


def _both(first: Ended, second: Ended) -> Ended:
    """Two that are told how groups end, in this order."""

    def ended(group: Group, ending: str) -> None:
        first(group, ending)
        second(group, ending)

    return ended


async def _render(
    config: RunConfig, prompts: Sequence[Prompt], say: Callable[[str], None]
) -> tuple[Renderer, list[int]]:
    """What renders prompts, each of which is short enough, and the canary's ids."""
    tokenizer = await asyncio.to_thread(load_tokenizer, config)
    renderer = renderer_of(tokenizer, config)
    if config.episode.environment is not None:
        say(f"the chat template: {renderer.finding}")
    elif renderer.warning:
        say(renderer.warning)
    limit = config.rollout.max_prompt_tokens
    await asyncio.to_thread(check_lengths, renderer, prompts, limit)
    return renderer, canary_ids(tokenizer, limit)


class _Timed:
    """A policy whose time counts as `generate`."""

    def __init__(self, policy: Policy, clock: PhaseClock) -> None:
        self._policy = policy
        self._clock = clock

    async def sample(self, context: Ids, how: Sampling, *, session: str) -> Sampled:
        """See `Policy.sample`."""
        with self._clock.phase("generate"):
            return await self._policy.sample(context, how, session=session)


def _timed_grading(pool: Pool, clock: PhaseClock) -> Callable[[Sample], Any]:
    """Grading whose time counts as `grade`."""

    async def grade(sample: Sample) -> Verdict:
        with clock.phase("grade"):
            (verdict,) = await pool.grade([sample])
        return verdict

    return grade
