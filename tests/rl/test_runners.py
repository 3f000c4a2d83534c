"""Episodes in runners: groups are those of the driver's process, whatever dies or falls silent."""

import asyncio
import hashlib
import os
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import ray

from data.schema import Prompt
from data.stream import PromptStream
from rewards import Sample, Verdict
from rl.config import RunConfig
from rl.dispatch.admission import admission_of
from rl.dispatch.build import make_dispatcher
from rl.endpoint.begin import begin_answering
from rl.episodes.rendering import renderer_of
from rl.episodes.runner import GroupRunner, Runner
from rl.errors import ConfigError, EngineError, RunnerError, RunnerLostError
from rl.groups import Group
from rl.placement import Node
from rl.runners import handle
from rl.runners.actor import EpisodeRunner
from rl.runners.runners import Runners
from rl.runners.spread import chosen, maker
from rl.runners.travel import packed
from rl.runners.wire import Offer, Order, Trained
from rl.tokenizer import load_tokenizer
from rl.tokens import Episode, Ids, Sampled, Sampling, Segment, Span
from rl.whereabouts import Whereabouts
from tests.ray_start import start_ray
from tests.rl import templates
from tests.rl.scripted import small_tokenizer
from tests.rl.scripted_engines import Remote

ENVIRONMENT = """
class World:
    begun = ended = closed = 0

    @classmethod
    async def start(cls):
        cls.begun += 1

    @classmethod
    async def aclose(cls):
        cls.ended += 1

    async def add(self, a: int, b: int) -> dict:
        \'\'\'Add.\'\'\'
        return {"text": a + b}

    def turn(self, a: int) -> object:
        \'\'\'Turn.\'\'\'
        return Told(str(-a), a / 8)

    async def stay(self) -> None:
        \'\'\'Stay.\'\'\'
        import asyncio
        await asyncio.sleep(1000)

    async def metrics(self):
        return {"begun": 1.0}

    async def close(self):
        World.closed += 1


class Told:
    def __init__(self, text, reward):
        self.text, self.reward = text, reward
"""
CALLS = (
    '<tool_call>{"name": "add", "arguments": {"a": 1, "b": 2}}</tool_call>',
    '<tool_call>{"name": "turn", "arguments": {"a": 3}}</tool_call>',
    '<tool_call>{"name": "sing", "arguments": {}}</tool_call>',
)
STAY = '<tool_call>{"name": "stay", "arguments": {}}</tool_call>'
PROMPTS = [Prompt(f"p{i}", ({"role": "user", "content": f"{i}?"},), str(i)) for i in range(12)]


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> RunConfig:
    folder = tmp_path_factory.mktemp("runners")
    tokenizer = small_tokenizer(templates.KEEPS)
    tokenizer.save_pretrained(folder / "model")
    (folder / "world.py").write_text(ENVIRONMENT)
    return RunConfig.model_validate(
        {
            "model": {"path": str(folder / "model")},
            "env": f"{folder}/world.py:World",
            "episode": {
                "call_format": "hermes",
                "runners": 2,
                "runner_silence": 60.0,
                "runner_restarts": 1000,
            },
            "sampler": {"prompts_per_step": 3, "samples_per_prompt": 2, "filter": "none"},
            "rollout": {"max_prompt_tokens": 2000, "max_response_tokens": 2000},
        }
    )


class Speaks:
    """A policy whose words are a function of the context and the seed; `say` may choose others."""

    def __init__(self, tokenizer: Any, say: Callable[[int], str] | None = None) -> None:
        self.tokenizer = tokenizer
        self.say = say
        self.asked = self.version = 0
        self.sessions: list[str] = []
        self.error: Exception | None = None

    async def sample(self, context: Ids, how: Sampling, *, session: str) -> Sampled:
        self.asked += 1
        self.sessions.append(session)
        if self.error is not None:
            raise self.error
        draw = hashlib.blake2b(context.tobytes() + str(how.seed).encode(), digest_size=2).digest()
        version = self.version
        for _ in range(draw[0] % 5):
            await asyncio.sleep(0)
        choices = (*CALLS, f"{draw[1] % 7}")
        text = self.say(self.asked) if self.say else choices[draw[1] % len(choices)]
        ids = [*self.tokenizer.encode(text), self.tokenizer.eos_token_id]
        logprobs = np.full(len(ids), -draw[0] / 256, np.float32)
        segment = Segment(np.array(ids, np.int32), logprobs, (Span(len(ids), version),))
        return Sampled(segment, "stop", text)


async def grade(sample: Sample) -> Verdict:
    await asyncio.sleep(0)
    return Verdict.correct() if "3" in sample.response else Verdict.incorrect()


class Local(EpisodeRunner):
    """In this process."""

    async def whereabouts(self) -> Whereabouts:
        return Whereabouts("here", "node", 1, 0)


class Remotes:
    """Runners in this process, as Ray shows them."""

    def __init__(self, config: RunConfig) -> None:
        self._packed = packed(config, config.episode.runners)
        self.made: list[Remote] = []

    def __call__(self, index: int) -> Remote:
        self.made.append(Remote(Local(*self._packed)))  # type: ignore[arg-type]
        return self.made[-1]

    def kill(self, remote: Remote) -> None:
        """What a process was doing ends with it."""
        remote.kill()
        actor: Any = remote.actor
        for task in list(actor._orders.values()):
            task.cancel()


@asynccontextmanager
async def runners_of(
    config: RunConfig, policy: Speaks, lines: list[str], **episode: Any
) -> AsyncIterator[tuple[Runners, Remotes]]:
    config = config.model_copy(update={"episode": config.episode.model_copy(update=episode)})
    remotes = Remotes(config)
    made = Runners(config, make=remotes, lost=lines.append, kill=remotes.kill)
    await made.start()
    made.serve(policy, grade)
    try:
        yield made, remotes
    finally:
        await made.aclose()


def plain(group: Group) -> object:
    """All of a group that is not a time."""
    episodes = [
        (
            [(s.ids.tolist(), s.versions, s.reward) for t in one.trajectories for s in t.segments],
            one.messages,
            one.end,
            {key: value for key, value in one.metrics.items() if key != "tool_seconds"},
        )
        for one in group.episodes
    ]
    return group.index, group.prompt, group.start, episodes, group.verdicts


async def batches_of(
    config: RunConfig, run: Runner, policy: Speaks, ended: list[int]
) -> list[list[object]]:
    """What a synchronous run trains on."""
    policy.version = 0
    dispatcher = make_dispatcher(
        config.sampler,
        PromptStream(PROMPTS, seed=1, epochs=1),
        run.run,
        admission_of(config.sampler.filter),
        version=lambda: policy.version,
        free=lambda: 100.0,
        ended=lambda group, ending: ended.append(group.index),
    )
    found = []
    while (batch := await dispatcher.batch()).groups:
        found.append([plain(group) for group in batch.groups])
        policy.version += 1
    await dispatcher.aclose()
    return found


async def test_batches_are_those_of_the_driver_s_own_process_whoever_dies(
    config: RunConfig,
) -> None:
    tokenizer = load_tokenizer(config)
    async with asyncio.timeout(120):
        async with AsyncExitStack() as stack:
            environment = await begin_answering(stack, config)
            renderer = renderer_of(tokenizer, config)
            policy = Speaks(tokenizer)
            alone = GroupRunner(renderer, policy, grade, environment, config)
            expected = await batches_of(config, alone, policy, [])
        for deaths in (0, 30):
            policy, lines, ended = Speaks(tokenizer), [], []
            async with runners_of(config, policy, lines) as (made, remotes):
                assert [tool["function"]["name"] for tool in made.tools] == ["add", "turn", "stay"]
                killing = asyncio.create_task(kill_some(policy, made, deaths))
                assert await batches_of(config, made, policy, ended) == expected
                killing.cancel()
            assert sorted(ended) == list(range(len(PROMPTS))), "each has ended once"
            told = [line for line in lines if "is lost" in line]
            assert bool(told) == bool(deaths)
            assert len(remotes.made) <= 2 + len(told)


async def kill_some(policy: Speaks, made: Runners, every: int, most: int = 1000) -> None:
    """Kill a runner that has something to do, each time that so many turns were asked for."""
    last, left = policy.asked, most if every else 0
    while left:
        await asyncio.sleep(0)
        busy = [one for one in made.handles if one.ready and one.load]
        if busy and policy.asked >= last + every:
            last, left = policy.asked, left - 1
            busy[0].actor.kill()


async def test_what_evaluates_goes_on_with_another_runner(config: RunConfig) -> None:
    tokenizer = load_tokenizer(config)
    lines: list[str] = []
    policy, how = Speaks(tokenizer), Sampling(1.0, 500)
    played: list[tuple[int, str]] = []

    async def told(number: int, episode: Episode) -> None:
        played.append((number, episode.response))

    async with asyncio.timeout(120), runners_of(config, policy, lines) as (made, _):
        expected = await made.evaluate(PROMPTS[0], 3, how, policy, "eval/p0")
        killing = asyncio.create_task(kill_some(policy, made, 2, most=2))
        found = await made.evaluate(PROMPTS[0], 3, how, policy, "eval/p0", told=told)
        await killing
    kept = [[t.ids.tolist() for e in f[0] for t in e.trajectories] for f in (expected, found)]
    assert kept[0] == kept[1]
    assert {(i, one.response) for i, one in enumerate(found[0])} == set(played)
    assert set(policy.sessions) == {"eval/p0"}
    assert sum("is lost" in line for line in lines) == 2


async def test_what_is_cancelled_here_is_cancelled_there(config: RunConfig) -> None:
    tokenizer = load_tokenizer(config)
    policy = Speaks(tokenizer, lambda number: STAY)
    async with asyncio.timeout(120), runners_of(config, policy, []) as (made, remotes):
        asking = asyncio.create_task(made.run(0, PROMPTS[0], 0))
        while not any(remote.actor._orders for remote in remotes.made):  # type: ignore[attr-defined]
            await asyncio.sleep(0)
        while policy.asked < 2:
            await asyncio.sleep(0)
        asking.cancel()
        with suppress(asyncio.CancelledError):
            await asking
        while any(remote.actor._orders for remote in remotes.made):  # type: ignore[attr-defined]
            await asyncio.sleep(0)
        assert all(not one.load for one in made.handles)


async def test_an_order_that_is_dropped_before_it_begins_leaves_nothing(config: RunConfig) -> None:
    policy = Speaks(load_tokenizer(config))
    async with asyncio.timeout(120), runners_of(config, policy, []) as (_, remotes):
        actor: Any = remotes.made[0].actor
        await actor.submit([Order(7, PROMPTS[0], Trained(0, 0))], [7], [])
        while actor._orders:
            await asyncio.sleep(0)
        assert policy.asked == 0
        await actor.submit([], [8], [])  # which was overtaken by its drop
        await actor.submit([Order(8, PROMPTS[0], Trained(0, 0))], [], [])
        while actor._orders:
            await asyncio.sleep(0)
        assert policy.asked == 0 and not actor._cancelled


async def test_a_prompt_that_cannot_travel_ends_its_order_by_name(
    config: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy, lines = Speaks(load_tokenizer(config)), []
    async with (
        asyncio.timeout(120),
        runners_of(config, policy, lines, runner_restarts=0, runners=1) as (made, remotes),
    ):

        def refuse(*_: object) -> None:
            raise TypeError("cannot pickle '_io.TextIOWrapper' object")

        monkeypatch.setattr(
            remotes.made[0], "submit", SimpleNamespace(remote=refuse), raising=False
        )
        with pytest.raises(RunnerLostError, match="cannot pickle"):
            await made.run(0, PROMPTS[0], 0)
    assert "is lost: TypeError: cannot pickle" in lines[0]


@pytest.mark.parametrize("error", [EngineError("no engine is left"), ValueError("a defect")])
async def test_what_the_policy_cannot_do_is_told_as_it_was_raised(
    config: RunConfig, error: Exception
) -> None:
    policy = Speaks(load_tokenizer(config))
    async with asyncio.timeout(120), runners_of(config, policy, []) as (made, remotes):
        policy.error = error
        with pytest.raises(type(error), match=str(error)):
            await made.run(0, PROMPTS[0], 0)
        while any(remote.actor._orders for remote in remotes.made):  # type: ignore[attr-defined]
            await asyncio.sleep(0)
        policy.error = None
        assert (await made.run(1, PROMPTS[1], 0)).index == 1


async def test_a_silent_runner_is_lost_and_one_that_is_lost_too_often_ends_the_run(
    config: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handle, "POLL_SECONDS", 0.05)
    lines: list[str] = []
    policy = Speaks(load_tokenizer(config))
    limits = {"runners": 1, "runner_silence": 1.0, "runner_restarts": 1}
    async with asyncio.timeout(120), runners_of(config, policy, lines, **limits) as (made, remotes):
        remotes.made[0].hangs = True
        while not any("is back" in line for line in lines):
            await asyncio.sleep(0.01)
        assert "episode runner 0 is lost: `take` took longer than 1.05 s" in lines[0]
        remotes.made[1].kill()
        with pytest.raises(RunnerError, match="runner_restarts=1 times within an hour"):
            while True:
                with suppress(RunnerLostError):
                    await made.run(0, PROMPTS[0], 0)


class Offering(Local):
    """Without tools."""

    async def start(self) -> Offer:
        return replace(await super().start(), tools=())


class Differing(Remotes):
    """Those from a number on offer other tools."""

    def __init__(self, config: RunConfig, first: int) -> None:
        super().__init__(config)
        self._first = first

    def __call__(self, index: int) -> Remote:
        kind = Offering if len(self.made) >= self._first else Local
        self.made.append(Remote(kind(*self._packed)))  # type: ignore[arg-type]
        return self.made[-1]


async def test_runners_that_offer_other_tools_end_the_run_by_name(config: RunConfig) -> None:
    lines: list[str] = []
    remotes = Differing(config, first=1)
    made = Runners(config, make=remotes, lost=lines.append, kill=remotes.kill)
    async with asyncio.timeout(120):
        with pytest.raises(ConfigError, match="runner 1 offers other tools than episode runner 0"):
            await made.start()
        await made.aclose()
    remotes = Differing(config, first=2)
    made = Runners(config, make=remotes, lost=lines.append, kill=remotes.kill)
    await failing_after_a_loss(made, remotes, config, "came back with other tools")


async def test_a_runner_that_cannot_be_made_again_ends_the_run_by_name(config: RunConfig) -> None:
    async def settle() -> None:
        raise OSError("no\nhead")

    remotes = Remotes(config)
    made = Runners(config, make=remotes, settle=settle, kill=remotes.kill)
    words = "runner 0 cannot be started again: OSError: no head"
    await failing_after_a_loss(made, remotes, config, words)


async def failing_after_a_loss(
    made: Runners, remotes: Remotes, config: RunConfig, words: str
) -> None:
    async with asyncio.timeout(120):
        await made.start()
        made.serve(Speaks(load_tokenizer(config)), grade)
        try:
            remotes.made[0].kill()
            with pytest.raises(RunnerError, match=words):
                while True:
                    with suppress(RunnerLostError):
                        await made.run(0, PROMPTS[0], 0)
        finally:
            await made.aclose()


def test_runners_are_spread_over_nodes_without_gpus() -> None:
    nodes = [Node("a", gpus=8), Node("b"), Node("c")]
    assert [chosen(nodes, index).name for index in range(4)] == ["b", "c", "b", "c"]
    assert [chosen(nodes[:1], index).name for index in range(2)] == ["a", "a"]


def test_what_may_go_on_at_a_time_is_parted_among_runners(tmp_path: Path) -> None:
    config = RunConfig.model_validate(
        {
            "agent": {"command": ["true"], "folder": "x", "readable": ["y"], "at_once": 5},
            "episode": {"runners": 2, "calls_at_once": 64},
        }
    )
    own, file = packed(config, 2)
    assert own.agent is not None and own.agent.folder is not None
    assert (own.agent.at_once, own.episode.calls_at_once, own.episode.runners) == (3, 32, 0)
    assert own.agent.folder.is_absolute() and own.agent.readable[0].is_absolute()
    assert file is None


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    start_ray(num_cpus=1)
    yield
    ray.shutdown()


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_a_killed_process_of_a_runner_is_replaced_and_its_groups_are_the_same(
    cluster: None, config: RunConfig, tmp_path: Path
) -> None:
    """Over Ray, with an environment whose file its nodes do not have."""
    path = tmp_path / "world.py"
    path.write_text(ENVIRONMENT)
    assert config.env is not None
    env = config.env.model_copy(update={"spec": f"{path}:World"})
    config = config.model_copy(update={"env": env})
    make = maker(config)
    path.unlink()
    tokenizer = load_tokenizer(config)
    policy, lines, ended = Speaks(tokenizer), [], []
    made = Runners(config, make=make, lost=lines.append)
    try:
        async with asyncio.timeout(600):
            await made.start()
            made.serve(policy, grade)
            expected = await batches_of(config, made, policy, [])
            policy.asked = 0
            running = asyncio.create_task(batches_of(config, made, policy, ended))
            while policy.asked < 8 or not (busy := [one for one in made.handles if one.load]):
                await asyncio.sleep(0.001)
            assert busy[0].whereabouts is not None
            os.kill(busy[0].whereabouts.pid, signal.SIGKILL)
            assert await running == expected
            while not any("is back" in line for line in lines):
                await asyncio.sleep(0.01)
    finally:
        await made.aclose()
    assert sorted(ended) == list(range(len(PROMPTS)))
    assert "is lost" in lines[0]
