"""Environments as users write them: calls, what goes wrong with them, rewards, games in words."""

import asyncio
import threading
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from data.schema import Prompt
from rewards import Sample, Verdict
from rl.config import EnvConfig, RunConfig
from rl.episodes.environment import load_environment
from rl.episodes.rendering import Renderer
from rl.episodes.runner import GroupRunner
from rl.episodes.tool_environment import ToolEnvironments
from rl.errors import ConfigError
from rl.groups import Group
from tests.rl import templates
from tests.rl.scripted import Scripted, Turn, small_tokenizer

PROMPT = Prompt("p", ({"role": "user", "content": "What is 6*7?"},), "42", "math")
KEEPS = small_tokenizer(templates.KEEPS)
STRIPS = small_tokenizer(templates.STRIPS)


class Tools:
    """Every kind of tool."""

    closed = 0
    running = 0
    together = 0
    infrastructure = ConnectionError

    def __init__(self, base: int = 0) -> None:
        self.base = base

    def reset(self, prompt: Any) -> str:
        self.calls: list[str] = []
        self.thread = threading.current_thread()
        return "Use add."

    def add(self, a: int, b: int = 0, seconds: int = 0) -> str:
        """Add."""
        assert threading.current_thread() is not threading.main_thread()
        self.calls.append("add")
        return str(self.base + a + b)

    async def wait(self, number: int) -> int:
        """Wait for the others."""
        Tools.running += 1
        while Tools.running < 3:
            await asyncio.sleep(0)
        return number

    def fail(self, how: str) -> None:
        """Fail."""
        if how == "exit":
            raise SystemExit(3)
        if how == "stop":
            raise StopIteration
        if how == "away":
            raise ConnectionError("no route to 10.0.0.1")
        raise ValueError(f"{how} is bad")

    async def leave(self) -> None:
        """Leave."""
        raise SystemExit(4)

    async def hang(self) -> None:
        """Hang."""
        await asyncio.sleep(1000)

    def block(self) -> None:
        """Hang on a thread."""
        time.sleep(3)

    def win(self) -> Any:
        """Win."""
        return SimpleNamespace(text="won", reward=2.5, done=True)

    def number(self) -> dict[str, Any]:
        """Give numbers."""
        return {"n": [1, 2.5], "s": "é"}

    def metrics(self) -> dict[str, float]:
        return {"added": float(self.calls.count("add"))}

    def close(self) -> None:
        Tools.closed += 1


def call(*calls: tuple[str, str]) -> str:
    return "".join(
        f'<tool_call>{{"name": "{name}", "arguments": {arguments}}}</tool_call>'
        for name, arguments in calls
    )


def turns(*texts: str, tokenizer: Any = KEEPS) -> list[Turn]:
    end = tokenizer.eos_token_id
    return [Turn([*tokenizer.encode(text, add_special_tokens=False), end], text) for text in texts]


async def graded(sample: Sample) -> Verdict:
    SAMPLES.append(sample)
    right = sample.response == sample.reference
    return Verdict.correct() if right else Verdict.incorrect()


SAMPLES: list[Sample] = []


def runner(
    kind: type, *texts: str, tokenizer: Any = KEEPS, options: Any = (), **episode: Any
) -> tuple[GroupRunner, Scripted]:
    SAMPLES.clear()
    config = RunConfig.model_validate(
        {
            "sampler": {"samples_per_prompt": 1, "filter": "none"},
            "rollout": {"max_prompt_tokens": 2000, "max_response_tokens": 2000},
            "episode": {"call_format": "hermes", **episode},
        }
    )
    policy = Scripted(turns(*texts, tokenizer=tokenizer))
    environment = ToolEnvironments(kind, dict(options), config.episode, "it")
    one = GroupRunner(Renderer(tokenizer), policy, graded, environment, config, backoff=0.0)
    return one, policy


async def played(kind: type, *texts: str, **settings: Any) -> Group:
    one, _ = runner(kind, *texts, **settings)
    return await one.run(0, PROMPT, version=0)


def observations(group: Group) -> list[str]:
    (episode,) = group.episodes
    return [one["content"] for one in episode.messages if one["role"] == "tool"]


async def test_calls_are_answered_and_the_last_turn_is_graded() -> None:
    Tools.closed = 0
    group = await played(Tools, call(("add", '{"a": 6}')), "42", options={"base": 36})
    (episode,), (verdict,) = group.episodes, group.verdicts
    assert verdict.is_correct
    assert observations(group) == ["42"]
    assert dict(episode.metrics) | {"tool_seconds": 0} == {
        "tool_calls": 1, "tool_errors": 0, "tool_malformed": 0, "tool_unknown": 0,
        "tool_arguments": 0, "tool_raised": 0, "tool_late": 0, "tool_too_many": 0,
        "tool_seconds": 0, "added": 1, "template_refused": 0, "turn_rewards": 0, "begun_anew": 0,
    }  # fmt: skip
    (trajectory,) = episode.trajectories
    text = KEEPS.decode(trajectory.ids)
    assert text.startswith("<|im_start|>user\nWhat is 6*7?\n\nUse add.<|im_end|>")
    assert text.endswith(
        "</tool_call><|im_end|>\n<|im_start|>tool\n42<|im_end|>\n<|im_start|>assistant\n42<|im_end|>"
    )
    (sample,) = SAMPLES
    assert [one["role"] for one in sample.transcript] == ["user", "assistant", "tool", "assistant"]
    assert sample.transcript[1]["tool_calls"][0]["function"] == {
        "name": "add", "arguments": {"a": 6}
    }  # fmt: skip
    assert [tool["function"]["name"] for tool in sample.tools][:2] == ["add", "wait"]
    assert Tools.closed == 1


WRONG = {
    call(("add", '{"a": 1')): ("malformed", "the call cannot be read"),
    call(("sub", "{}")): ("unknown", "there is no tool 'sub'; tools: add, wait"),
    call(("reset", '{"prompt": 1}')): ("unknown", "there is no tool 'reset'"),
    call(("close", "{}")): ("unknown", "there is no tool 'close'"),
    call(("__init__", "{}")): ("unknown", "there is no tool '__init__'"),
    call(("add", '{"a": "1"}')): ("arguments", "'a': Input should be a valid integer"),
    call(("add", "{}")): ("arguments", "'a' is missing"),
    call(("fail", '{"how": "it"}')): ("raised", "ValueError: it is bad"),
    call(("fail", '{"how": "exit"}')): ("raised", "RuntimeError: SystemExit: 3"),
    call(("fail", '{"how": "stop"}')): ("raised", "RuntimeError: StopIteration"),
    call(("leave", "{}")): ("raised", "RuntimeError: SystemExit: 4"),
    call(("hang", "{}")): ("late", "took longer than 0.2 s"),
    call(("block", "{}")): ("late", "took longer than 0.2 s"),
}


@pytest.mark.parametrize("text", WRONG)
async def test_what_goes_wrong_with_a_call_is_an_observation(text: str) -> None:
    kind, words = WRONG[text]
    limit = 0.2 if kind == "late" else 100.0
    group = await played(Tools, text, "42", call_seconds=limit)
    (episode,) = group.episodes
    assert group.verdicts[0].is_correct
    (observed,) = observations(group)
    assert observed.startswith("Error: ")
    assert words in observed
    assert episode.metrics[f"tool_{kind}"] == episode.metrics["tool_errors"] == 1


async def test_calls_of_a_turn_run_together_and_are_answered_together() -> None:
    Tools.running = 0
    text = call(*(("wait", f'{{"number": {i}}}') for i in range(3)), ("add", '{"a": 1}'))
    one, policy = runner(Tools, text, "42", calls_per_turn=3)
    group = await one.run(0, PROMPT, version=0)
    assert observations(group) == ["0", "1", "2", "Error: not run: more than 3 calls in a turn"]
    assert len(policy.seen) == 2
    ids = [one.get("tool_call_id") for one in group.episodes[0].messages[2:6]]
    assert ids == [f"call{i:05d}" for i in range(1, 5)]


async def test_calls_that_are_to_go_in_order_do() -> None:
    class Folder:
        in_order = True

        def reset(self, prompt: Any) -> None:
            self.at = "/"

        async def go(self, where: str) -> str:
            """Go."""
            await asyncio.sleep(0.01 if where == "a" else 0)
            self.at += where
            return self.at

    text = call(("go", '{"where": "a"}'), ("go", '{"where": "b"}'))
    assert observations(await played(Folder, text, "42")) == ["/a", "/ab"]


async def test_so_many_calls_at_once_over_all_episodes() -> None:
    class Counts:
        now = most = 0

        async def look(self) -> str:
            """Look."""
            Counts.now += 1
            Counts.most = max(Counts.most, Counts.now)
            await asyncio.sleep(0.002)
            Counts.now -= 1
            return "x"

    one, _ = runner(Counts, *[call(("look", "{}"), ("look", "{}"))] * 3, *"444", calls_at_once=2)
    await asyncio.gather(*(one.run(i, PROMPT, version=0) for i in range(3)))
    assert Counts.most == 2


async def test_a_result_may_pay_and_end_the_episode() -> None:
    group = await played(Tools, call(("win", "{}")), options={"base": 1})
    (episode,) = group.episodes
    assert episode.turn_rewards == [2.5]
    assert episode.metrics["turn_rewards"] == 2.5
    assert (episode.end, observations(group)) == ("stop", ["won"])
    assert episode.trajectories[0].mask[-1]  # what nobody reads is not in the context


async def test_values_are_told_as_json() -> None:
    assert observations(await played(Tools, call(("number", "{}")), "42")) == [
        '{"n": [1, 2.5], "s": "é"}'
    ]


async def test_a_service_that_is_away_is_never_an_observation() -> None:
    one, policy = runner(Tools, *[call(("fail", '{"how": "away"}'))] * 4)
    group = await one.run(0, PROMPT, version=0)
    (episode,), (verdict,) = group.episodes, group.verdicts
    assert verdict.reason == "infrastructure: no route to 10.0.0.1"
    assert "10.0.0.1" not in str(episode.messages)
    assert len(policy.seen) == 4
    assert SAMPLES == []


@pytest.mark.parametrize("name", ["add", "close"])
async def test_a_machine_without_threads_is_never_an_observation(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Adds:
        def add(self) -> int:
            """Add."""
            return 1

        def close(self) -> None:
            pass

    begin = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        if thread.name == f"environment {name}":
            raise RuntimeError("can't start new thread")
        begin(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    said = [call(("add", "{}"))] if name == "add" else [call(("add", "{}")), "42"]
    group = await played(Adds, *said * 4)
    (verdict,) = group.verdicts
    assert verdict.reason == f"infrastructure: {name} cannot be run: can't start new thread"
    assert observations(group) == ([] if name == "add" else ["1"])


async def test_what_an_episode_begins_with_has_more_time_than_a_call() -> None:
    class Connects:
        async def reset(self, prompt: Any) -> None:
            await asyncio.sleep(2.5)

        async def reply(self, message: Any) -> None:
            return None

    (verdict,) = (await played(Connects, "42", call_seconds=2)).verdicts
    assert verdict.is_correct


@pytest.mark.parametrize(
    ("gives", "correct", "reward"),
    [(True, True, 1.0), (False, False, 0.0), (0.5, False, 0.5), (3, True, 3.0), (None, True, 1.0)],
)
async def test_an_environments_own_reward(gives: Any, correct: bool, reward: float) -> None:
    seen: list[Any] = []

    class Own:
        def look(self) -> str:
            """Look."""
            return "x"

        async def reward(self, messages: list[Any]) -> Any:
            seen.extend(messages)
            return gives

    (verdict,) = (await played(Own, "42")).verdicts
    assert (verdict.is_correct, verdict.reward) == (correct, reward)
    assert [one["role"] for one in seen] == ["user", "assistant"]
    assert len(SAMPLES) == (gives is None)


async def test_a_reward_that_fails_measures_nothing() -> None:
    class Own:
        def reply(self, message: Any) -> None:
            return None

        def reward(self, messages: list[Any]) -> float:
            raise KeyError("state")

    (verdict,) = (await played(Own, "42")).verdicts
    assert verdict.reason == "KeyError: 'state'"


class Guess:
    """A game in words."""

    def reset(self, prompt: Any) -> None:
        self.left = 3

    def reply(self, message: Any) -> Any:
        self.left -= 1
        if int(message["content"]) == 42:
            return SimpleNamespace(text="Yes!", reward=1.0, done=True)
        if not self.left:
            return None
        higher = int(message["content"]) < 42
        return SimpleNamespace(text="Higher." if higher else "Lower.", reward=-0.1)


async def test_a_game_in_words() -> None:
    group = await played(Guess, "50", "x", "42")
    (episode,) = group.episodes
    said = [one["content"] for one in episode.messages if one["role"] == "user"]
    assert said[1] == "Lower."
    assert said[2].startswith("Error: ValueError: invalid literal")
    assert said[3] == "Yes!"
    assert episode.turn_rewards == [-0.1, 0.0, 1.0]
    (episode,) = (await played(Guess, "1", "2", "3")).episodes
    assert (episode.end, episode.turns) == ("stop", 3)


async def test_the_tools_can_be_switched_off() -> None:
    one, policy = runner(Tools, call(("add", '{"a": 6}')), "42")
    from rl.tokens import Sampling

    (episode,), _ = await one.evaluate(PROMPT, 1, Sampling(0.0, 100), policy, "eval/p", tools=False)
    assert episode.messages[2]["content"] == "Error: there is no tool 'add'; tools: none"
    assert episode.metrics["tool_errors"] == 1


@pytest.fixture
def file(tmp_path: Any) -> Iterator[Any]:
    path = tmp_path / "mine.py"
    path.write_text(
        "class Shared:\n"
        "    log = []\n"
        "    @classmethod\n"
        "    async def start(cls, size):\n        cls.log.append(f'start {size}')\n"
        "    @classmethod\n"
        "    def aclose(cls):\n        cls.log.append('end')\n"
        "    def __init__(self, size, other=0):\n        self.size = size\n"
        "    def look(self):\n        '''Look.'''\n        return str(self.size)\n"
        "class Empty:\n    def look(self):\n        return 1\n"
        "class Wrong:\n"
        "    async def start(self):\n        pass\n"
        "    def reply(self, message):\n        pass\n"
    )
    return path


async def test_what_is_shared_begins_once_with_the_options_that_it_takes(file: Any) -> None:
    options = {"size": 3, "other": 4}
    made: Any = load_environment(EnvConfig(spec=f"{file}:Shared", options=options))
    await made.start()
    assert [tool["function"]["name"] for tool in made.tools] == ["look"]
    assert made()._subject.size == 3
    assert made()._subject is not made()._subject
    await made.aclose()
    await made.aclose()
    assert made.kind.log == ["start 3", "end"]


async def test_a_class_that_cannot_be_an_environment_is_refused(file: Any) -> None:
    for name, options, words in [
        ("Empty", {}, "does nothing: give it a method with a docstring"),
        ("Shared", {}, "cannot be made with no options; it takes size, other"),
        ("Shared", {"size": 1, "sise": 2}, "cannot be made with size, sise"),
    ]:
        with pytest.raises(ConfigError, match=words):
            load_environment(EnvConfig(spec=f"{file}:{name}", options=options))
    wrong: Any = load_environment(EnvConfig(spec=f"{file}:Wrong"))
    with pytest.raises(ConfigError, match=r"make it a @classmethod"):
        await wrong.start()
    with pytest.raises(ConfigError, match=r"no environment 'calculater'; choose one .*calculator"):
        load_environment(EnvConfig(spec="calculater"))
    settings = RunConfig.model_validate({"episode": {"call_format": "hermos"}})
    with pytest.raises(ConfigError, match=r"episode.call_format: there is no format 'hermos'"):
        load_environment(EnvConfig(spec="calculator"), settings.episode)
