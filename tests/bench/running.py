"""The parts of a run as a benchmark drives them: whole steps, or one phase by itself.

Guarantees: a step does what a step of `rl.trainer` does, records apart; dispatchers that follow
each other on the same engines begin with the same prompts, at the version that there is.
"""

import asyncio
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace

from rewards import Sample, Verdict
from rewards.grading.running import Pool
from rl.config import RunConfig
from rl.dispatch.admission import admission_of
from rl.dispatch.build import make_dispatcher
from rl.dispatch.dispatcher import Dispatcher
from rl.engines.fleet import Fleet
from rl.episodes.environment import load_environment
from rl.episodes.rendering import renderer_of
from rl.episodes.runner import GroupRunner
from rl.groups import Group
from rl.hardware import Hardware
from rl.learn.shares import Share, cut
from rl.parts import start_parts
from rl.run import startup_of
from rl.trainer_parts import Parts
from tests.bench.work import NOMINAL_TOKENS, PROMPTS, EveryOther, Questions, Work

BLOCK = 6
"""Measured steps a block."""


@dataclass(frozen=True, slots=True)
class Timing:
    """One phase of one step."""

    seconds: float
    tokens: int
    """Response tokens that it worked on."""

    @property
    def nominal(self) -> float:
        """Seconds for `NOMINAL_TOKENS` at this rate."""
        return self.seconds * NOMINAL_TOKENS / self.tokens

    @property
    def rate(self) -> float:
        """Tokens a second."""
        return self.tokens / self.seconds


@dataclass(frozen=True, slots=True)
class Ran:
    """One step without its peers."""

    shares: Sequence[Share]
    generate: Timing
    learn: Timing
    sync: float
    canary_gap: float
    total: float

    @property
    def nominal(self) -> float:
        """Seconds of the whole step for `NOMINAL_TOKENS`."""
        fixed = self.total - self.generate.seconds - self.learn.seconds
        return fixed + self.generate.nominal + self.learn.nominal


class Bench:
    """The running parts, and steps of them."""

    def __init__(self, config: RunConfig, parts: Parts, runner: GroupRunner) -> None:
        self.parts = parts
        self._config = config
        self._runner = runner

    @classmethod
    async def start(
        cls,
        stack: AsyncExitStack,
        config: RunConfig,
        hardware: Hardware,
        pool: Pool | None = None,
    ) -> "Bench":
        """Start every part, and bring the learner's weights to the engines."""
        pool = pool or EveryOther()
        # Nothing is prepared beside what is measured.
        rollout = config.rollout.model_copy(update={"spare_after": None})
        config = config.model_copy(update={"rollout": rollout})
        config.run_dir.mkdir(parents=True, exist_ok=True)
        parts = await start_parts(
            stack,
            config,
            Work(Questions()),
            hardware=hardware,
            pool=pool,
            last_step=-1,
            startup=startup_of(config, None),
            say=lambda line: print(line, file=sys.stderr),
        )
        await parts.versions.start(parts.publisher)
        return cls(config, parts, _runner(config, parts.fleet, pool))

    async def first_token(self) -> None:
        """Ask for one answer."""
        config = self._config.model_copy(
            update={
                "sampler": self._config.sampler.model_copy(update={"samples_per_prompt": 1}),
                "rollout": self._config.rollout.model_copy(update={"max_response_tokens": 1}),
            }
        )
        await _runner(config, self.parts.fleet, self.parts.pool).run(0, Questions().next(), 0)

    def dispatcher(
        self, *, max_lag: int, ended: Callable[[Group, str], None] = lambda group, ending: None
    ) -> Dispatcher:
        """A dispatcher that begins at the current version, with the same prompts each time."""
        parts, sampler = self.parts, self._config.sampler
        found = make_dispatcher(
            sampler.model_copy(update={"max_lag": max_lag}),
            Questions(),
            self._runner.run,
            admission_of(sampler.filter),
            version=lambda: parts.versions.current,
            free=lambda: parts.fleet.free_groups(sampler.samples_per_prompt),
            ended=ended,
        )
        found.restore(replace(found.state(), taken=parts.versions.current))
        return found

    async def block(self, max_lag: int) -> Timing:
        """Whole steps one after the other; those that fill the pipeline do not count."""
        dispatcher = self.dispatcher(max_lag=max_lag)
        for _ in range(1 + max_lag):
            await self.step(dispatcher)
        began = time.perf_counter()
        ran = [await self.step(dispatcher) for _ in range(BLOCK)]
        seconds = time.perf_counter() - began
        await dispatcher.aclose()
        return Timing(seconds, sum(one.learn.tokens for one in ran))

    async def step(self, dispatcher: Dispatcher) -> Ran:
        """Take a batch, learn from it and publish the weights, as `rl.trainer` does."""
        parts, learner = self.parts, self._config.learner
        started = time.perf_counter()
        batch = await dispatcher.batch()
        sampled = time.perf_counter()
        version = parts.versions.current
        shares = cut(
            batch.groups,
            ranks=learner.data_ranks,
            mini_batch_size=learner.mini_batch_size,
            micro_batch_tokens=learner.micro_batch_tokens * learner.sequence_parallel,
            packed=learner.packing,
            seed=f"{version}",
        )
        await parts.learner.train(shares, version + 1, version)
        learned = time.perf_counter()
        stats = await parts.versions.publish(parts.publisher)
        ended = time.perf_counter()
        if dispatcher.in_flight:  # or what is beside the steps would be sampled beside
            dispatcher.pump()
        tokens = sum(group.sampled for group in batch.groups)
        return Ran(
            shares,
            generate=Timing(sampled - started, tokens),
            learn=Timing(learned - sampled, tokens),
            sync=ended - learned,
            canary_gap=stats.canary_gap or 0.0,
            total=ended - started,
        )

    async def generate_unseeded(self) -> Timing:
        """Sample a step's prompts as `rollout.reproducible=false` does."""
        rollout = self._config.rollout.model_copy(update={"reproducible": False})
        runner = _runner(
            self._config.model_copy(update={"rollout": rollout}), self.parts.fleet, self.parts.pool
        )
        source, version = Questions(), self.parts.versions.current
        started = time.perf_counter()
        asked = [runner.run(i, source.next(), version) for i in range(PROMPTS)]
        groups = await asyncio.gather(*asked)
        seconds = time.perf_counter() - started
        return Timing(seconds, sum(group.sampled for group in groups))


def _runner(config: RunConfig, fleet: Fleet, pool: Pool) -> GroupRunner:
    from transformers import AutoTokenizer

    renderer = renderer_of(AutoTokenizer.from_pretrained(config.model.path), config)

    async def grade(sample: Sample) -> Verdict:
        (verdict,) = await pool.grade([sample])
        return verdict

    environment = load_environment(config.env, config.episode)
    return GroupRunner(renderer, fleet, grade, environment, config)
