"""One group: episodes at once, each graded as it ends; faults, seeds, cancellation."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from data.schema import Prompt
from rewards import Sample, Verdict
from rewards.errors import InfrastructureError as ServiceError
from rl.config import EnvConfig, RunConfig
from rl.episodes.context import Context
from rl.episodes.environment import load_environment
from rl.episodes.rendering import Renderer
from rl.episodes.runner import GroupRunner
from rl.episodes.seeds import seed_of
from rl.episodes.single_turn import SingleTurn
from rl.errors import (
    ConfigError,
    EngineError,
    EngineLostError,
    InfrastructureError,
    ModelError,
    PlumbError,
)
from rl.tokens import End, Sampling
from sandbox import UnavailableError
from tests.rl import templates
from tests.rl.scripted import Scripted, Turn, small_tokenizer

TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
PROMPT = Prompt(
    "p", ({"role": "user", "content": "6 or 7?"},), "7", "guess", {"level": 1}, tools=(TOOL,)
)
KEEPS, NO_TOOLS = map(small_tokenizer, (templates.KEEPS, templates.NO_TOOLS))


class Graders:
    """Says that the reference is right; notes what it was given."""

    def __init__(self) -> None:
        self.samples: list[Sample] = []
        self.seen = asyncio.Event()

    async def __call__(self, sample: Sample) -> Verdict:
        self.samples.append(sample)
        self.seen.set()
        if sample.response == sample.reference:
            return Verdict.correct()
        return Verdict.incorrect()


class TwoTurns:
    """Gives the policy a second try; the first one costs."""

    async def run(self, prompt: Prompt, context: Context) -> End:
        message, why = await context.ask()
        if why == "length" or message["content"] == prompt.reference:
            return why
        context.answer({"role": "user", "content": "Wrong, try again."}, reward=-0.25)
        _, why = await context.ask()
        return why

    def metrics(self) -> Mapping[str, float]:
        return {"tries": 2}


def turns(*texts: str, tokenizer: Any = KEEPS) -> list[Turn]:
    return [Turn([*tokenizer.encode(text), tokenizer.eos_token_id], text) for text in texts]


def runner(
    policy: Scripted,
    grade: Any,
    environment: Any = SingleTurn,
    *,
    samples: int = 1,
    tokenizer: Any = KEEPS,
    **rollout: Any,
) -> GroupRunner:
    config = RunConfig.model_validate(
        {
            "seed": 5,
            "sampler": {"samples_per_prompt": samples, "filter": "none"},
            "rollout": rollout,
        }
    )
    return GroupRunner(Renderer(tokenizer), policy, grade, environment, config, backoff=0.0)


async def test_a_group_of_single_turns() -> None:
    policy, graders = Scripted(turns("6", "7", "7")), Graders()
    group = await runner(policy, graders, samples=3).run(4, PROMPT, version=2)
    assert (group.index, group.prompt, group.start) == (4, PROMPT, 3)
    assert [verdict.is_correct for verdict in group.verdicts] == [False, True, True]
    assert [episode.response for episode in group.episodes] == ["6", "7", "7"]
    starts = [episode.trajectories[0].segments[0].ids for episode in group.episodes]
    assert all(start is starts[0] for start in starts)
    assert not starts[0].flags.writeable
    assert {session for _, _, session in policy.seen} == {"4"}
    assert graders.samples[1] == Sample(
        "p#1",
        PROMPT.messages,
        "7",
        reference="7",
        task="guess",
        tools=(TOOL,),
        metadata={"level": 1, "response_tokens": 2},
        stop_reason="stop",
        thinking="none",
    )


async def test_an_answer_that_was_cut_is_graded_as_such() -> None:
    graders = Graders()
    one = runner(Scripted(turns("I think that it is 7")), graders, max_response_tokens=2)
    group = await one.run(0, PROMPT, version=0)
    assert graders.samples[0].stop_reason == group.episodes[0].end == "length"
    assert graders.samples[0].metadata["response_tokens"] == 2


async def test_settings_reach_the_policy_and_seeds_are_those_of_one_request() -> None:
    """vLLM seeds the i-th of a request's answers by the request's seed plus i."""
    rollout: dict[str, Any] = {
        "temperature": 0.7,
        "top_p": 0.9,
        "top_k": 40,
        "max_response_tokens": 30,
    }
    stops: dict[str, Any] = {"stop": ["\n\n"], "stop_token_ids": [9]}
    policy = Scripted(turns("6", "7"))
    await runner(policy, Graders(), samples=2, **rollout, **stops).run(4, PROMPT, version=0)
    expected = Sampling(
        0.7, 30, top_p=0.9, top_k=40, stop=("\n\n",), stop_token_ids=(9,), keep_special=True,
        seed=seed_of("5/4"),
    )  # fmt: skip
    second = replace(expected, seed=seed_of("5/4") + 1)
    assert [how for _, how, _ in policy.seen] == [expected, second]
    policy = Scripted(turns("6", "7"))
    await runner(policy, Graders(), samples=2, reproducible=False).run(4, PROMPT, version=0)
    assert [how.seed for _, how, _ in policy.seen] == [None, None]


async def test_a_slow_sibling_delays_no_grading() -> None:
    """The first answer ends only after the second is graded."""
    graders = Graders()
    slow = seed_of("5/0")

    async def gate(how: Sampling) -> None:
        if how.seed == slow:
            await graders.seen.wait()

    async with asyncio.timeout(30):
        one = runner(Scripted(turns("6", "7"), gate=gate), graders, samples=2)
        group = await one.run(0, PROMPT, version=0)
    assert [sample.id for sample in graders.samples] == ["p#1", "p#0"]
    assert [episode.response for episode in group.episodes] == ["6", "7"]


@pytest.mark.parametrize(
    ("texts", "rewards", "text"),
    [
        (["7"], [0, 0], "7<|im_end|>"),
        (
            ["6", "7"],
            [0, -0.25, 0, 0],
            "6<|im_end|>\n<|im_start|>user\nWrong, try again.<|im_end|>\n<|im_start|>assistant\n"
            "7<|im_end|>",
        ),
    ],
)
async def test_two_turns(texts: list[str], rewards: list[float], text: str) -> None:
    graders = Graders()
    group = await runner(Scripted(turns(*texts)), graders, TwoTurns).run(0, PROMPT, version=0)
    (episode,), (verdict,) = group.episodes, group.verdicts
    (trajectory,) = episode.trajectories
    assert verdict.is_correct
    assert [segment.reward for segment in trajectory.segments] == rewards
    assert KEEPS.decode(trajectory.ids).endswith(f"<|im_start|>assistant\n{text}")
    assert graders.samples[0].response == "7"
    assert graders.samples[0].metadata["response_tokens"] == 2
    earned = -0.25 if rewards[2:] else 0.0
    own = {"tries": 2, "template_refused": 0.0, "turn_rewards": earned, "begun_anew": 0.0}
    assert dict(episode.metrics) == own


async def test_an_episode_ends_where_turns_are_used_up_whatever_the_environment_does() -> None:
    class Endless:
        async def run(self, prompt: Prompt, context: Context) -> End:
            for _ in range(9):
                with suppress(Exception):
                    await context.ask()
                    context.answer({"role": "user", "content": "again"})
            raise AssertionError("it was not stopped")

    config = {"sampler": {"samples_per_prompt": 1, "filter": "none"}, "episode": {"turns": 3}}
    one = GroupRunner(
        Renderer(KEEPS),
        Scripted(turns(*"66666")),
        Graders(),
        Endless,
        RunConfig.model_validate(config),
    )
    group = await one.run(0, PROMPT, version=0)
    assert (group.episodes[0].end, group.episodes[0].turns) == ("turns", 3)


@pytest.mark.parametrize("away", [InfrastructureError, ServiceError, UnavailableError])
@pytest.mark.parametrize("times", [2, 9])
async def test_what_is_away_is_tried_again_and_then_a_fault(
    away: type[Exception], times: int
) -> None:
    failures = iter([True] * times)

    class Shaky:
        async def run(self, prompt: Prompt, context: Context) -> End:
            await context.ask()
            if next(failures, False):
                raise away("the service\nis away")
            return "stop"

    graders = Graders()
    group = await runner(Scripted(turns(*"7777")), graders, Shaky).run(0, PROMPT, version=0)
    (episode,), (verdict,) = group.episodes, group.verdicts
    assert "away" not in str(episode.messages)
    if times == 2:
        assert verdict.is_correct
        assert episode.fault == ""
        return
    assert verdict.reason == episode.fault == "infrastructure: the service is away"
    assert not verdict.is_gradable
    assert graders.samples == []
    assert group.gradable == []
    assert next(failures, None) is True  # after three tries more it was given up
    assert len(list(failures)) == 4


async def test_an_exception_of_an_environment_is_a_fault_of_one_episode() -> None:
    class Picky:
        async def run(self, prompt: Prompt, context: Context) -> End:
            message, why = await context.ask()
            if message["content"] == "6":
                raise KeyError("six")
            return why

    group = await runner(Scripted(turns("6", "7")), Graders(), Picky, samples=2).run(0, PROMPT, 0)
    assert [verdict.reason for verdict in group.verdicts] == ["KeyError: 'six'", ""]
    assert group.gradable == [1]


async def test_an_environment_that_never_asks_is_a_fault() -> None:
    class Silent:
        async def run(self, prompt: Prompt, context: Context) -> End:
            return "stop"

    group = await runner(Scripted([]), Graders(), Silent).run(0, PROMPT, version=6)
    assert group.verdicts[0].reason == "environment: it ended without asking the policy"
    assert group.start == 6


async def test_an_environment_has_to_say_how_it_ended() -> None:
    class Forgets:
        async def run(self, prompt: Prompt, context: Context) -> Any:
            await context.ask()

    with pytest.raises(ConfigError, match=r"ended with None: .* one of stop, length, turns"):
        await runner(Scripted(turns("7")), Graders(), Forgets).run(0, PROMPT, version=0)


async def test_a_turn_that_the_template_cannot_go_on_from_ends_the_episode() -> None:
    class Twice:
        async def run(self, prompt: Prompt, context: Context) -> End:
            await context.ask()
            context.answer(*[{"role": "user", "content": "and?"}] * 2)
            await context.ask()
            return "stop"

    one = runner(Scripted(turns("7", tokenizer=NO_TOOLS)), Graders(), Twice, tokenizer=NO_TOOLS)
    group = await one.run(0, Prompt("p", PROMPT.messages, "7"), version=0)
    assert group.verdicts[0].is_correct
    own = {"template_refused": 1.0, "turn_rewards": 0.0, "begun_anew": 0.0}
    assert dict(group.episodes[0].metrics) == own


def test_a_role_that_the_template_cannot_show_is_refused_before_anything_is_sampled() -> None:
    class Results(TwoTurns):
        roles = ("tool",)

    runner(Scripted([]), Graders(), Results)
    with pytest.raises(ModelError, match=r"'tool': .* Conversation roles must alternate"):
        runner(Scripted([]), Graders(), Results, tokenizer=NO_TOOLS)


@pytest.mark.parametrize("error", [EngineLostError("gone"), EngineError("no engine is left")])
async def test_a_lost_policy_ends_the_group_whatever_the_environment_does(
    error: EngineError,
) -> None:
    class Swallows:
        async def run(self, prompt: Prompt, context: Context) -> End:
            try:
                await context.ask()
            except Exception:
                return "stop"
            await asyncio.Event().wait()
            return "stop"

    async def lose(how: Sampling) -> None:
        if how.seed == seed_of("5/0") + 1:
            raise error

    one = runner(Scripted(turns("7", "7"), gate=lose), Graders(), Swallows, samples=2)
    async with asyncio.timeout(30):
        with pytest.raises(type(error)) as found:
            await one.run(0, PROMPT, version=0)
    assert found.value is error


async def test_an_environments_own_reward_counts_where_the_template_refuses() -> None:
    class Twice:
        async def run(self, prompt: Prompt, context: Context) -> End:
            await context.ask()
            context.answer(*[{"role": "user", "content": "and?"}] * 2)
            await context.ask()
            return "stop"

        def reward(self, messages: object) -> float:
            return 0.25

    one = runner(Scripted(turns("7", tokenizer=NO_TOOLS)), Graders(), Twice, tokenizer=NO_TOOLS)
    group = await one.run(0, Prompt("p", PROMPT.messages, "7"), version=0)
    assert group.verdicts[0].reward == 0.25


async def test_cancelling_a_group_cancels_its_requests() -> None:
    begun = asyncio.Semaphore(0)

    async def never(how: Sampling) -> None:
        begun.release()
        await asyncio.Event().wait()

    policy = Scripted(turns("7", "7", "7"), gate=never)
    task = asyncio.create_task(runner(policy, Graders(), samples=3).run(0, PROMPT, version=0))
    async with asyncio.timeout(30):
        for _ in range(3):
            await begun.acquire()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert policy.cancelled == 3


async def test_a_prompt_that_is_too_long_is_refused_by_name() -> None:
    with pytest.raises(PlumbError, match=r"'p' with \d+: raise the limit"):
        await runner(Scripted([]), Graders(), max_prompt_tokens=5).run(0, PROMPT, version=0)


async def test_evaluation_samples_otherwise_and_beside() -> None:
    training, policy = Scripted([]), Scripted(turns("6", "7"))
    how = Sampling(0.6, 50, top_p=0.95, min_p=0.1)
    one = runner(training, Graders(), stop=["\n\n"])
    episodes, verdicts = await one.evaluate(PROMPT, 2, how, policy, "eval/p")
    assert [verdict.is_correct for verdict in verdicts] == [False, True]
    assert [episode.response for episode in episodes] == ["6", "7"]
    asked = [
        (h.temperature, h.max_tokens, h.top_p, h.min_p, h.seed, h.stop) for _, h, _ in policy.seen
    ]
    assert asked == [
        (0.6, 50, 0.95, 0.1, seed_of("5/eval/p"), ("\n\n",)),
        (0.6, 50, 0.95, 0.1, seed_of("5/eval/p") + 1, ("\n\n",)),
    ]
    assert {session for _, _, session in policy.seen} == {"eval/p"}
    greedy = Scripted(turns("7"))
    await one.evaluate(PROMPT, 1, Sampling(0.0, 50), greedy, "eval/p")
    assert greedy.seen[0][1].seed is None


async def test_an_evaluation_may_answer_at_greater_length() -> None:
    policy = Scripted(turns("7 " * 60))
    one = runner(Scripted([]), Graders(), max_response_tokens=10, max_prompt_tokens=40)
    await one.evaluate(PROMPT, 1, Sampling(0.0, 500), policy, "eval/p")
    assert policy.seen[0][1].max_tokens == 500


def test_an_environment_comes_out_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "guess.py"
    file.write_text(
        "class Guess:\n    async def run(self, prompt, context):\n        return 'stop'\n"
        "class Waits:\n    def run(self, prompt, context):\n        return 'stop'\n"
        "class Bare:\n    async def run(self):\n        return 'stop'\n"
        "class Needs(Guess):\n    def __init__(self, size):\n        pass\n"
        "def guess(prompt, context):\n    return 'stop'\n"
    )
    assert load_environment(None) is SingleTurn
    assert hasattr(load_environment(EnvConfig(spec=f"{file}:Guess"))(), "run")
    for name, words in {
        "Waits": "no `async def run",
        "Bare": "no `async def run",
        "Needs": "cannot be made with no options; it takes size",
        "guess": "cannot be made with no options; it takes prompt, context",
        "Other": "has no environment 'Other'",
    }.items():
        with pytest.raises(ConfigError, match=f"^env: .*{words}"):
            load_environment(EnvConfig(spec=f"{file}:{name}"))
    with pytest.raises(ConfigError, match="there is no environment file"):
        load_environment(EnvConfig(spec=f"{tmp_path}/none.py:Guess"))
