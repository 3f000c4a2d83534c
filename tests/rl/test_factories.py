"""Environments in TRL's shape: reset with the row, tools, a reward of their own, used again."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from data.schema import Prompt
from rewards import Sample, Verdict
from rl.config import EnvConfig, RunConfig
from rl.episodes.environment import load_environment
from rl.episodes.factories import Factories
from rl.episodes.rendering import Renderer
from rl.episodes.runner import GroupRunner
from rl.errors import ConfigError
from rl.groups import Group
from tests.rl import templates
from tests.rl.scripted import Scripted, Turn, small_tokenizer
from tests.rl.test_toolgraph_episodes import written

TOKENIZER = small_tokenizer(templates.KEEPS)
PROMPT = Prompt("p", ({"role": "user", "content": "Count."},), "3", metadata={"start": 2})

SOURCE = '''
import asyncio
import threading


class Counter:
    made = 0
    released = threading.Event()
    tools_are_public = True

    def __init__(self):
        type(self).made += 1
        self.number = type(self).made
        self.resets = 0

    def reset(self, **row) -> str | None:
        self.row = row
        self.resets += 1
        self.count = row.get("start", 0)
        return f"You are at {self.count}."

    def run(self, by: int) -> dict:
        """Go on.

        Args:
            by: How far.
        """
        self.count += by
        return {"count": self.count, "done": True}

    async def close(self, what: str = "door") -> list:
        """Close something.

        Args:
            what: It.
        """
        await asyncio.sleep(0)
        return [
            {"type": "text", "text": f"{what} of {self.number} "},
            {"type": "text", "text": "closed"},
        ]

    def fail(self) -> None:
        """Fail."""
        raise KeyError("no such key")

    def hang(self) -> None:
        """Hang."""
        self.released.wait()

    def _private(self) -> None:
        """Not a tool."""


class Paid(Counter):
    async def get_reward(self) -> float:
        return float(self.count == int(self.row["answer"]))


class Named:
    def reset(self, prompt, answer, start=0):
        assert prompt[-1]["content"] == "Count."
        self.seen = (answer, start)

    def look(self) -> str:
        """Look."""
        return str(self.seen)


class Wants(Named):
    def reset(self, answer, colour):
        pass


class Idle:
    def reset(self, **row):
        pass


class Later:
    async def reset(self, **row):
        pass

    def look(self) -> str:
        """Look."""
        return "x"


class Slow(Counter):
    async def wait(self) -> list:
        """Wait."""
        await asyncio.sleep(3600)

    async def odd(self) -> list:
        """Give what is no block."""
        return [{"type": ["text"], "text": "a"}]


class Unset:
    def get_reward(self):
        return 1.0


def factory(kind=Paid):
    return kind()


def broken():
    raise OSError("no such\\n service")


def nothing():
    return 3
'''


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "envs.py"
    path.write_text(SOURCE)
    yield path


async def graded(sample: Sample) -> Verdict:
    return Verdict.correct(0.5) if sample.response == "5" else Verdict.incorrect()


def loaded(file: Path, name: str, **episode: Any) -> tuple[Factories, RunConfig]:
    config = RunConfig.model_validate(
        {
            "sampler": {"samples_per_prompt": 1, "filter": "none"},
            "rollout": {"max_prompt_tokens": 2000, "max_response_tokens": 2000},
            "episode": {"call_format": "hermes", **episode},
            "env": {"spec": f"{file}:{name}"},
        }
    )
    made = load_environment(config.env, config.episode)
    assert isinstance(made, Factories)
    return made, config


async def played(made: Factories, config: RunConfig, *texts: str, prompt: Prompt = PROMPT) -> Group:
    end = TOKENIZER.eos_token_id
    policy = Scripted(
        [Turn([*TOKENIZER.encode(text, add_special_tokens=False), end], text) for text in texts]
    )
    runner = GroupRunner(Renderer(TOKENIZER), policy, graded, made, config, backoff=0.0)
    return await runner.run(0, prompt, version=0)


def observed(group: Group) -> list[str]:
    return [m["content"] for m in group.episodes[0].messages if m["role"] == "tool"]


@pytest.mark.parametrize("name", ["Paid", "factory"])
async def test_an_object_is_begun_anew_for_each_episode(name: str, file: Path) -> None:
    made, config = loaded(file, name)
    await made.start()
    assert [tool["function"]["name"] for tool in made.tools] == ["run", "close", "fail", "hang"]
    assert made.tools[0]["function"]["parameters"] == {
        "type": "object",
        "properties": {"by": {"type": "integer", "description": "How far."}},
        "required": ["by"],
    }
    for _ in range(2):
        calls = written([("run", {"by": 1}), ("close", {}), ("fail", {})])
        group = await played(made, config, calls, "done")
        assert group.verdicts[0].is_correct and group.verdicts[0].reward == 1
        assert observed(group) == [
            "{'count': 3, 'done': True}", "door of 1 closed", "Error: KeyError: 'no such key'"
        ]  # fmt: skip
        assert group.episodes[0].messages[0]["content"] == "Count.You are at 2."
    (one,) = made._free
    assert one.resets == 2
    assert one.row["prompt"] == [{"role": "user", "content": "Count."}]
    assert (one.row["answer"], one.row["start"], one.row["id"]) == ("3", 2, "p")
    wrong = await played(made, config, "done")
    assert wrong.verdicts[0].reward == 0
    await made.aclose()


async def test_episodes_at_once_have_objects_of_their_own(file: Path) -> None:
    made, config = loaded(file, "Counter")
    groups = await asyncio.gather(
        *(played(made, config, written([("run", {"by": by})]), "5") for by in range(3))
    )
    assert [observed(one)[0] for one in groups] == [
        f"{{'count': {2 + by}, 'done': True}}" for by in range(3)
    ]
    assert [one.verdicts[0].reward for one in groups] == [0.5] * 3, "the verifier's, without one"
    before = len(made._free)
    await played(made, config, "5")
    assert len(made._free) == before <= 3


async def test_an_object_that_may_be_at_work_is_not_used_again(file: Path) -> None:
    made, _ = loaded(file, "Counter")
    one = made.subject()
    await asyncio.to_thread(one.reset, PROMPT)
    thread = threading.Thread(target=one.tool("hang"), daemon=True)
    thread.start()
    while not one._running:
        await asyncio.sleep(0.01)
    one.close()
    assert made._free == []
    made.kind.released.set()  # type: ignore[attr-defined]
    thread.join(60)
    other = made.subject()
    await asyncio.to_thread(other.reset, PROMPT)
    other.close()
    assert len(made._free) == 1


async def test_an_object_whose_call_broke_off_is_not_used_again(file: Path) -> None:
    made, config = loaded(file, "Slow", call_seconds=5.0)
    group = await played(made, config, written([("odd", {})]), "5")
    assert observed(group) == ["[{'type': ['text'], 'text': 'a'}]"]
    assert len(made._free) == 1
    made, config = loaded(file, "Slow", call_seconds=0.1)
    group = await played(made, config, written([("wait", {})]), "5")
    assert observed(group) == ["Error: took longer than 0.1 s"]
    assert made._free == []


async def test_columns_that_reset_names_are_given_by_name(file: Path) -> None:
    made, config = loaded(file, "Named")
    group = await played(made, config, written([("look", {})]), "5")
    assert observed(group) == ["('3', 2)"]
    made, config = loaded(file, "Wants")
    with pytest.raises(ConfigError, match=r"prompt 'p' has no column 'colour', which `reset`"):
        await played(made, config, "5")


async def test_words_that_begin_an_empty_request_stand_alone(file: Path) -> None:
    made, config = loaded(file, "Counter")
    empty = Prompt("p", ({"role": "user", "content": ""},))
    group = await played(made, config, "5", prompt=empty)
    assert group.episodes[0].messages[0]["content"] == "You are at 0."


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Idle", "gives Idle, which has no tools"),
        ("Later", "gives Later, whose `reset` is `async`: make it a plain"),
        ("nothing", "gives int, which has no `reset"),
        ("broken", "failed to make an environment: OSError: no such service$"),
    ],
)
def test_what_is_no_environment_is_said(name: str, words: str, file: Path) -> None:
    with pytest.raises(ConfigError, match=words):
        load_environment(EnvConfig(spec=f"{file}:{name}"))


async def test_tools_run_on_threads_and_may_be_switched_off(file: Path) -> None:
    made, _ = loaded(file, "Counter")
    one = made.subject()
    await asyncio.to_thread(one.reset, PROMPT)
    seen: list[threading.Thread] = []
    one._one.run = lambda by: seen.append(threading.current_thread())
    assert one.tool("run")(by=1) == "None" and seen
    one.close()
    assert made.without_tools()._tools == {}
