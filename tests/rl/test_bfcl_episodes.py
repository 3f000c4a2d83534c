"""Conversations over simulated objects: what is right after each turn, by BFCL's rule."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from data.errors import RowError
from data.formats.opening import open_source
from data.schema import Prompt, Record
from rewards import Sample, Verdict
from rl.config import EnvConfig, RunConfig
from rl.environments.bfcl import ADDED, Bfcl
from rl.environments.simulators import Simulators, WrongSceneError
from rl.episodes.environment import load_environment
from rl.episodes.rendering import Renderer
from rl.episodes.runner import GroupRunner
from rl.errors import ConfigError, InfrastructureError
from rl.groups import Group
from tests.rl import bfcl_world as world
from tests.rl import templates
from tests.rl.scripted import Scripted, Turn, small_tokenizer
from tests.rl.test_toolgraph_episodes import Calls, written

TOKENIZER = small_tokenizer(templates.KEEPS)


def records(questions: Path) -> list[Record]:
    return list(open_source(questions).records())


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[Record]:
    return records(world.write_data(tmp_path_factory.mktemp("data")))


@pytest.fixture(scope="module")
def classes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return world.write_classes(tmp_path_factory.mktemp("classes"))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def simulators(classes: Path) -> AsyncIterator[Simulators]:
    """As `start` would make them."""
    await Bfcl.start(str(classes), seconds=300.0, memory_mb=512, workers=1)
    assert Bfcl.simulators is not None
    yield Bfcl.simulators
    await Bfcl.aclose()


async def graded(sample: Sample) -> Verdict:
    raise AssertionError("the environment says what the episode is worth")


async def played(prompt: Prompt, said: Sequence[str | Calls], **episode: Any) -> Group:
    config = RunConfig.model_validate(
        {
            "sampler": {"samples_per_prompt": 1, "filter": "none"},
            "rollout": {"max_prompt_tokens": 20_000, "max_response_tokens": 20_000},
            "episode": {"call_format": "hermes", **episode},
            "env": {"spec": "bfcl", "options": {"classes": "."}},
        }
    )
    end = TOKENIZER.eos_token_id
    texts = [one if isinstance(one, str) else written(one) for one in said]
    policy = Scripted(
        [Turn([*TOKENIZER.encode(text, add_special_tokens=False), end], text) for text in texts]
    )
    environment = load_environment(config.env, config.episode)
    runner = GroupRunner(Renderer(TOKENIZER), policy, graded, environment, config, backoff=0.0)
    return await runner.run(0, prompt, version=0)


def observed(group: Group) -> list[str]:
    return [m["content"] for m in group.episodes[0].messages if m["role"] == "tool"]


PUT: Calls = [("put", {"thing": "cup"})]
LOOK: Calls = [("look", {})]
TAKE: Calls = [("take", {"thing": "cup"})]
ADD: Calls = [("add", {"numbers": [1, 2]})]
WRONG = "Cupboard.things is not what it should be after turn"


def test_rows_hold_what_an_episode_needs(rows: list[Record]) -> None:
    first = rows[0]
    assert [one.environment for one in rows] == ["bfcl"] * 3
    assert first.task == "tool_turns" and first.source_id == "multi_turn_base_0"
    assert first.messages == ({"role": "user", "content": "Put a cup in."},)
    reference: Any = first.reference
    assert reference["turns"] == [
        [{"name": "put", "arguments": {"thing": "cup"}}],
        [{"name": "look", "arguments": {}}],
        [
            {"name": "take", "arguments": {"thing": "cup"}},
            {"name": "add", "arguments": {"numbers": [1, 2]}},
        ],
    ]
    names = [[one["function"]["name"] for one in row.tools] for row in rows]  # type: ignore[index,call-overload]
    assert "add" in names[0] and "take" in names[2]
    assert "take" not in names[1]
    assert len({one.id for one in rows}) == 3
    assert [row.reference["long_context"] for row in rows] == [False, False, True]  # type: ignore[index,call-overload]


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("turns", "reason"),
    [
        ([PUT, "in", LOOK, "that", TAKE + ADD, "done"], ""),
        ([PUT, "in", LOOK, "that", ADD, TAKE, "done"], ""),
        ([LOOK, PUT, "in", LOOK, "that", LOOK, TAKE + ADD, "done"], ""),
        ([PUT, "in", LOOK, "that", PUT, TAKE + ADD, "done"], ""),
        ([[("put", {"thing": "cup", "times": 1})], "in", LOOK, "a", TAKE + ADD, "done"], ""),
        (["in", PUT + LOOK, "that", TAKE + ADD, "done"], "nothing was called in turn 1"),
        ([PUT, "in", "that", LOOK, TAKE + ADD, "done"], "nothing was called in turn 2"),
        ([PUT + LOOK, "in", "that", TAKE + ADD, "done"], "nothing was called in turn 2"),
        ([PUT, "in", PUT, "that", TAKE + ADD, "done"], "turn 2 lacks what a call of look gives"),
        ([PUT, "in", LOOK, "that", TAKE, "It is 3."], "turn 3 lacks what a call of add gives"),
        ([PUT, "in", LOOK + TAKE, "that", ADD, "done"], f"{WRONG} 2"),
        ([LOOK, "in", LOOK, "that", TAKE + ADD, "done"], f"{WRONG} 1"),
        ([[("put", {"thing": "mug"})], "in", LOOK, "a", TAKE + ADD, "done"], f"{WRONG} 1"),
        ([PUT, "in", LOOK], "the conversation ended before its last turn had"),
    ],
)  # fmt: skip
async def test_objects_are_compared_after_each_turn(
    turns: list[Any], reason: str, rows: list[Record], simulators: Simulators
) -> None:
    limits = {"turns": 3} if turns[-1] is LOOK else {}
    (verdict,) = (await played(rows[0].prompt(), turns, **limits)).verdicts
    assert verdict.is_gradable
    assert (verdict.is_correct, verdict.reason) == (not reason, reason)


@pytest.mark.asyncio(loop_scope="module")
async def test_functions_that_come_later_are_said_and_not_there_before(
    rows: list[Record], simulators: Simulators
) -> None:
    take: Calls = [("take", {"thing": "plate"})]
    group = await played(rows[1].prompt(), [take, "I cannot.", take, "done"])
    (episode,), (verdict,) = group.episodes, group.verdicts
    assert verdict.is_correct
    told = observed(group)
    assert told[0].startswith("Error: there is no tool 'take'; tools: put, look")
    assert told[1] == "took plate"
    declared, words = [m["content"] for m in episode.messages if m["role"] == "user"][1].split("\n")
    assert json.loads(declared)[0]["name"] == "take" and words == ADDED
    metrics = episode.metrics
    assert (metrics["turns_of_person"], metrics["calls_made"], metrics["tool_unknown"]) == (2, 1, 1)
    wrong = await played(rows[1].prompt(), ["I cannot.", "Still not."])
    assert wrong.verdicts[0].reason == "nothing was called in turn 2"


@pytest.mark.asyncio(loop_scope="module")
async def test_what_goes_wrong_in_a_call_is_its_answer(
    rows: list[Record], simulators: Simulators
) -> None:
    calls: Calls = [
        ("put", {"thing": "plate"}), ("take", {}), ("put", {"thing": "a", "colour": "red"}),
        ("remove", {"thing": "plate"}), ("fill", {"size": 1 << 31}), ("look", {}),
    ]  # fmt: skip
    group = await played(rows[0].prompt(), [calls, *["done"] * 3])
    told = observed(group)
    assert told[0] == "Error during execution: plate is there already"
    assert all(one.startswith("Error during execution: ") for one in told[:5])
    assert "remove is not allowed" in told[3]
    assert told[5] == "['plate']"
    assert group.episodes[0].metrics["calls_failed"] == 5
    long = await played(rows[2].prompt(), [LOOK, "done"])
    assert observed(long) == ["['plate', 'filler', 'filler', 'filler']"]


class Impatient(Simulators):
    """Waits for no call of `wait`, and for all others."""

    async def ask(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        self._seconds = 0.5 if ["wait", {"seconds": 600}] in asked.get("calls", ()) else 300.0
        return await super().ask(asked)


@pytest.mark.asyncio(loop_scope="module")
async def test_what_never_comes_back_is_ended_and_has_not_happened(
    rows: list[Record], classes: Path
) -> None:
    one = Impatient(str(classes), 300.0, 512, 1)
    scene = {key: rows[0].reference[key] for key in ("classes", "initial_config", "long_context")}  # type: ignore[index,call-overload]
    before = Bfcl.simulators
    Bfcl.simulators = one
    try:
        assert await one.ask({"scene": scene, "before": [], "calls": []}) == {"results": []}
        turns: list[Any] = [PUT, "in", [("wait", {"seconds": 600})], [("die", {})], LOOK, "that"]
        group = await played(rows[0].prompt(), [*turns, TAKE + ADD, "done"])
    finally:
        Bfcl.simulators = before
        await one.aclose()
    assert group.verdicts[0].is_correct
    assert observed(group)[1] == "Error: CallFailedError: took longer than 0.5 s"
    assert observed(group)[2] == "Error: CallFailedError: it ended the process that it ran in"
    assert group.episodes[0].metrics["tool_raised"] == 2


@pytest.mark.asyncio(loop_scope="module")
async def test_rows_and_classes_that_do_not_fit_end_the_run(
    rows: list[Record], simulators: Simulators, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="is no conversation of the format bfcl_turns"):
        await played(Prompt("p", rows[0].messages, "4"), ["done"])
    reference: Any = rows[0].reference
    for name, words in {
        "Nobody": "there is no class Nobody in",
        "Broken": "ZeroDivisionError",
    }.items():
        prompt = Prompt("p", rows[0].messages, {**reference, "classes": [name]},
                        metadata=rows[0].prompt().metadata)  # fmt: skip
        with pytest.raises(ConfigError, match=words):
            await played(prompt, ["done"])
    with pytest.raises(ConfigError, match="cannot be made with no options; it takes classes"):
        load_environment(EnvConfig(spec="bfcl"))
    with pytest.raises(ConfigError, match="no file or folder no/where"):
        load_environment(EnvConfig(spec="bfcl", options={"classes": "no/where"}))
    one = Simulators("no_such_module", 300.0, 512, 1)
    with pytest.raises(WrongSceneError, match="there is no module no_such_module"):
        await one.ask({"scene": {}, "before": [], "calls": []})
    await one.aclose()


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("ground_truth", None, "there is no answer for 'multi_turn_base_0', neither in a column"),
        ("ground_truth", [["put('cup')"]], "has not a list a turn: 3"),
        ("ground_truth", [["put(__import__('os'))"], [], []], "an argument is no literal"),
        ("ground_truth", [["put('a', 2, 3)"], [], []], "an argument without a name"),
        ("ground_truth", [["put('a', thing='b')"], [], []], "'thing' stands twice"),
        ("ground_truth", [["look(); look()"], [], []], "something follows"),
        ("ground_truth", [[1], [], []], "1 is no call"),
        ("question", world.said("", "a", "b"), "is no list of turns"),
        ("question", world.said("a", "", "b"), "a turn in which nothing is said"),
        ("involved_classes", ["Nobody"], "there are no declarations of 'Nobody': neither in"),
        ("missed_function", {"7": ["take"]}, "names by a later turn's number"),
        ("missed_function", {"1": ["sing"]}, "there is no function 'sing'"),
    ],
)  # fmt: skip
def test_rows_that_cannot_be_read_are_named(
    column: str, value: Any, words: str, tmp_path: Path
) -> None:
    questions = world.write_data(tmp_path)
    row = {**world.ROWS[0], "ground_truth": world.ANSWERS[0]["ground_truth"], column: value}
    if value is None:
        del row["ground_truth"]
        (tmp_path / "possible_answer" / questions.name).unlink()
    world.lines(questions, [row])
    with pytest.raises(RowError, match=r"BFCL_v4_multi_turn\.jsonl") as caught:
        records(questions)
    assert words in str(caught.value) and "\n" not in str(caught.value)


class Failing(Simulators):
    """Whose processes start, and end, as a test says."""

    starts: Callable[[], Awaitable[Any]]
    ends: Callable[[], Awaitable[Any]]

    async def _started(self) -> Any:
        return await self.starts()

    async def _ended(self, process: Any) -> None:
        await self.ends()


class Quick:
    """A process that answers at once, or not at all."""

    def __init__(self, hangs: bool) -> None:
        self.hangs = hangs

    async def ask(self, line: bytes, seconds: float) -> dict[str, Any]:
        if self.hangs:
            await asyncio.sleep(3_600)
        return {"results": []}


@pytest.mark.parametrize("where", ["fails", "starting", "asking", "ending"])
async def test_a_place_is_free_again_however_a_call_ended(where: str) -> None:
    reached = asyncio.Event()

    async def stays() -> Any:
        reached.set()
        await asyncio.sleep(3_600)

    async def starts() -> Any:
        if where == "fails":
            reached.set()
            raise InfrastructureError("no process")
        if where == "starting":
            return await stays()
        if where == "asking":
            reached.set()
        return Quick(hangs=True)

    async def ends() -> None:
        if where == "ending":
            await stays()

    async def nothing() -> None:
        return

    async def good() -> Any:
        return Quick(hangs=False)

    one = Failing("classes", 300.0, 512, 1)
    one.starts, one.ends = starts, ends
    async with asyncio.timeout(60):
        asked = asyncio.create_task(one.ask({}))
        if where == "ending":
            await asyncio.sleep(0.01)
            asked.cancel()
        await reached.wait()
        await asyncio.sleep(0)
        asked.cancel()
        with pytest.raises((asyncio.CancelledError, InfrastructureError)):
            await asked
        one.starts, one.ends = good, nothing
        assert [await one.ask({}) for _ in range(3)] == [{"results": []}] * 3
