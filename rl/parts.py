"""Starts the parts of a run side by side, and connects them; the caller's stack stops each."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from data.schema import Prompt, PromptSource
from rewards import Sample, Verdict
from rewards.grading.running import Pool
from rl.checkpoint_keeping import store_of
from rl.config import RunConfig
from rl.dispatch.admission import admission_of
from rl.dispatch.build import make_dispatcher
from rl.dispatch.flight import Ended
from rl.episodes.lengths import check_lengths, offered
from rl.episodes.rendering import Renderer, findings, renderer_of
from rl.evaluation import Evaluations
from rl.evaluation_sets import EvaluationSet
from rl.groups import Group
from rl.guards.watch import guards_of
from rl.hardware import Hardware
from rl.phases import PhaseClock
from rl.recorder import Recorder
from rl.sinks import Sink
from rl.startup import Startup
from rl.tasks import both
from rl.tokenizer import load_tokenizer
from rl.tokens import Ids, Policy, Sampled, Sampling
from rl.trainer_parts import Parts
from rl.versions import Versions
from rl.weights.canary import canary_ids

if TYPE_CHECKING:
    from rl.engines.fleet import Fleet
    from rl.runners.begin import Here, There


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
    startup: Startup,
    say: Callable[[str], None],
    lost: Callable[[str], None] | None = None,
    sinks: Sequence[Sink] = (),
) -> Parts:
    """Start everything that a trainer composes.

    Args:
        stack: stops the parts in the end.
        config: the run's configuration, with `model.path` a folder or hub id.
        asked: what it trains and evaluates on.
        hardware: what it runs on.
        pool: grades; started here.
        last_step: of the checkpoint that is gone on from; -1 for a new run.
        startup: told what is being started.
        say: prints a line.
        lost: told what engines were lost and came back.
        sinks: where metrics go beside the run directory.
    """
    from rl.starting import publisher_of, start_actors, turns_of

    episodes = await _answers(stack, config, pool, startup, say, lost)
    prompts = [offered(episodes.environment, prompt) for prompt in asked.prompts]
    (fleet, learner, places), (renderer, canary) = await both(
        start_actors(stack, config, hardware, startup, say, lost or say),
        _render(config, prompts, startup, say),
    )
    versions = Versions()
    turns = turns_of(config, hardware, places.placement, learner, fleet, versions, say)
    publisher = await publisher_of(config, hardware, places, learner, fleet, canary, turns)
    make = partial(
        Parts,
        fleet=fleet,
        learner=learner,
        publisher=publisher,
        versions=versions,
        pool=pool,
        turns=turns,
        store=store_of(config),
        runners=episodes.runners,
    )
    loop = _Loop(config, asked, episodes, renderer, fleet, pool, versions, make, sinks, say)
    stack.callback(loop.close)
    return loop.begin(last_step)


async def _answers(
    stack: AsyncExitStack,
    config: RunConfig,
    pool: Pool,
    startup: Startup,
    say: Callable[[str], None],
    lost: Callable[[str], None] | None,
) -> "Here | There":
    """What grades the policy, and what answers it."""
    from rl.runners.begin import begin_episodes

    # On the cluster, where a verifier may place a server of its own.
    stack.push_async_callback(pool.aclose)
    with startup.of("grading workers"):
        await pool.start()
    with startup.of("environments"):
        return await begin_episodes(stack, config, say, lost)


class _Loop:
    """Makes the parts of the loop that begin anew where a run goes back to a checkpoint."""

    def __init__(
        self,
        config: RunConfig,
        asked: Asked,
        episodes: "Here | There",
        renderer: Renderer,
        fleet: "Fleet",
        pool: Pool,
        versions: Versions,
        make: Callable[..., Parts],
        sinks: Sequence[Sink],
        say: Callable[[str], None],
    ) -> None:
        self._config = config
        self._asked = asked
        self._fleet = fleet
        self._pool = pool
        self._versions = versions
        self._make = make
        self._sinks = sinks
        self._say = say
        self._recorder: Recorder | None = None
        self._clock = PhaseClock()
        self._runner = episodes.runner(
            renderer, _Timed(fleet, self._clock), _timed_grading(pool, self._clock)
        )

    def begin(self, last_step: int) -> Parts:
        """All parts, with records that end with `last_step`; those of before must be closed."""
        self.close()
        config = self._config
        recorder = self._recorder = Recorder(
            config.run_dir,
            last_step=last_step,
            log_every=config.train.log_rollouts_every,
            sinks=self._sinks,
        )
        guards = guards_of(config, recorder, self._pool, say=self._say)
        dispatcher = make_dispatcher(
            config.sampler,
            self._asked.source,
            self._runner.run,
            admission_of(config.sampler.filter),
            version=lambda: self._versions.current,
            free=lambda: self._fleet.free_groups(config.sampler.samples_per_prompt),
            ended=_both(recorder.ended, guards.ended),
            max_ungradable=config.reward.max_ungradable,
            clock=self._clock,
        )
        evaluations = Evaluations(
            config,
            self._asked.evaluations,
            self._runner,
            self._fleet,
            self._versions,
            recorder,
            say=self._say,
            told=guards.evaluated,
        )
        return self._make(
            dispatcher=dispatcher,
            evaluations=evaluations,
            recorder=recorder,
            guards=guards,
            again=self.begin,
        )

    def close(self) -> None:
        """Close the records."""
        if self._recorder is not None:
            self._recorder.close()
        self._recorder = None


def _both(first: Ended, second: Ended) -> Ended:
    """Two that are told how groups end, in this order."""

    def ended(group: Group, ending: str) -> None:
        first(group, ending)
        second(group, ending)

    return ended


async def _render(
    config: RunConfig, prompts: Sequence[Prompt], startup: Startup, say: Callable[[str], None]
) -> tuple[Renderer, list[int]]:
    """What renders prompts, each of which is short enough, and the canary's ids."""
    with startup.of("the tokenizer"):
        tokenizer = await asyncio.to_thread(load_tokenizer, config)
    renderer = renderer_of(tokenizer, config)
    for line in findings(renderer, config, with_tools=any(prompt.tools for prompt in prompts)):
        say(line)
    limit = config.rollout.max_prompt_tokens
    with startup.of("the lengths of all prompts"):
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
