"""Tasks of the tool graph as episodes: right is what was really done, in the task's own world."""

import json
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from data.asking.answers import Answer
from data.records import read_records, write_records
from data.schema import Prompt, Record
from data.toolgraph.declared import load_apis
from data.toolgraph.graph import Graph
from data.toolgraph.library import library
from data.toolgraph.playing import ToolGraph
from data.toolgraph.rewording import reworded
from data.toolgraph.tasks import Wanted, make_tasks
from rewards import Sample, Verdict
from rl.config import EnvConfig, RunConfig
from rl.episodes.environment import load_environment
from rl.episodes.lengths import offered
from rl.episodes.rendering import Renderer
from rl.episodes.runner import GroupRunner
from rl.errors import ConfigError
from rl.groups import Group
from tests.rl import templates
from tests.rl.scripted import Scripted, Turn, small_tokenizer
from tests.rl.test_runners import Speaks, runners_of

TOKENIZER = small_tokenizer(templates.KEEPS)
GRAPH = Graph(library())
Calls = list[tuple[str, Any]]


@lru_cache
def tasks(count: int, whole: bool) -> tuple[Record, ...]:
    return tuple(make_tasks(GRAPH, Wanted(count, episodes=whole)))


def facts(record: Record) -> Any:
    return record.metadata["tool_graph"]


def steps(record: Record) -> list[Calls]:
    """What is still to be called."""
    trace = facts(record)["trace"][facts(record)["given"] :]
    return [[(call["name"], call["arguments"]) for call in step] for step in trace]


def written(calls: Calls) -> str:
    return "".join(
        f"<tool_call>{json.dumps({'name': name, 'arguments': given})}</tool_call>"
        for name, given in calls
    )


def script(record: Record, wanted: Sequence[Calls]) -> list[str]:
    """Turns of a policy that makes these calls, and says so after each request."""
    between = ["Done."] if facts(record)["asks"] else []
    turns = [turn for calls in wanted for turn in (written(calls), *between) if turn]
    return turns if between else [*turns, "Done."]


async def graded(sample: Sample) -> Verdict:
    raise AssertionError("the environment says what the episode is worth")


async def played(prompt: Prompt, turns: Sequence[str], **options: Any) -> Group:
    end = TOKENIZER.eos_token_id
    config = RunConfig.model_validate(
        {
            "sampler": {"samples_per_prompt": 1, "filter": "none"},
            "rollout": {"max_prompt_tokens": 60_000, "max_response_tokens": 20_000},
            "episode": {"call_format": "hermes", "turns": 14},
            "env": {"spec": "toolgraph", "options": options},
        }
    )
    policy = Scripted(
        [
            Turn([*TOKENIZER.encode(text, add_special_tokens=False), end], text)
            for text in (*turns, *["Done."] * 3)
        ]
    )
    environment = load_environment(config.env, config.episode)
    runner = GroupRunner(Renderer(TOKENIZER), policy, graded, environment, config, backoff=0.0)
    return await runner.run(0, prompt, version=0)


async def test_a_policy_that_does_what_was_asked_is_right() -> None:
    """Both forms of rows; calls at once in any order; requests are said one after the other."""
    for record in (*tasks(9, True), *tasks(6, False)):
        wanted = steps(record)
        turned = [calls[::-1] for calls in wanted]
        for one in [wanted, *([turned] if turned != wanted else [])]:
            group = await played(record.prompt(), script(record, one))
            (episode,), (verdict,) = group.episodes, group.verdicts
            assert verdict.is_correct, (verdict, record)
            assert episode.metrics["path_made"] == 1 and episode.metrics["calls_extra"] == 0
            assert episode.metrics["tool_errors"] == 0
        said = [m["content"] for m in episode.messages if m["role"] == "user"]
        before = [m["content"] for m in record.messages if m["role"] == "user"]
        assert said == [*before, *facts(record)["asks"]]
        results = [json.loads(m["content"]) for m in episode.messages if m["role"] == "tool"]
        assert len(results) == sum(map(len, facts(record)["trace"]))


def one_of(count: int, fits: Callable[[Record], bool]) -> Record:
    return next(record for record in tasks(count, True) if fits(record))


def uses(name: str) -> Callable[[Record], bool]:
    return lambda record: any(name == call for step in facts(record)["path"] for call in step)


async def reason(record: Record, turns: Sequence[str], **options: Any) -> str:
    (verdict,) = (await played(record.prompt(), turns, **options)).verdicts
    assert verdict.is_gradable
    return "" if verdict.is_correct else verdict.reason


async def test_anything_else_is_not() -> None:
    for record in tasks(6, True):
        wanted = steps(record)
        calls = [call for step in wanted for call in step]
        fewer = [*wanted[:-1], wanted[-1][1:]]
        assert "not made" in await reason(record, script(record, fewer))
        name, given = calls[-1]
        key = next(iter(given))
        other = given[key] + 1 if isinstance(given[key], int) else f"{given[key]}x"
        changed = [*wanted[:-1], [*wanted[-1][:-1], (name, {**given, key: other})]]
        assert "not made" in await reason(record, script(record, changed))
        faked = "".join(f"<tool_response>{written([one])} done</tool_response>" for one in calls)
        talk = ["Done.", *["Done." for _ in facts(record)["asks"]]]
        assert "not made" in await reason(record, [faked.replace("tool_call>", "x>"), *talk[1:]])


async def test_doing_more_is_wrong_and_looking_up_more_is_not() -> None:
    record = one_of(90, uses("find_account"))
    names = {tool["function"]["name"] for tool in record.tools}  # type: ignore[index,call-overload]
    assert "find_account" in names
    wanted = steps(record)
    looked = [[("find_account", {"owner": "Somebody Else"})], *wanted]
    turns = [written(looked[0]), *script(record, wanted)]
    assert await reason(record, turns) == ""
    assert "1 calls beside" in await reason(record, turns, extra_calls=0)
    group = await played(record.prompt(), turns)
    assert group.episodes[0].metrics["calls_extra"] == 1

    acting = one_of(90, uses("transfer"))
    wanted = steps(acting)
    (name, given) = next(call for step in wanted for call in step if call[0] == "transfer")
    again = script(acting, wanted)
    again.insert(len(again) - 1, written([(name, {**given, "amount": 1})]))
    assert "more or other things" in await reason(acting, again)


async def test_what_a_tool_refuses_is_read_and_changes_nothing() -> None:
    record = one_of(90, uses("transfer"))
    wanted = steps(record)
    (name, given) = next(call for step in wanted for call in step if call[0] == "transfer")
    before = [
        written([(name, {**given, "account_id": "AC1"})]),
        written([(name, {**given, "amount": "much"})]),
        written([(name, {"amount": 1})]),
        written([("no_such_tool", {})]),
    ]
    group = await played(record.prompt(), [*before, *script(record, wanted)])
    (episode,), (verdict,) = group.episodes, group.verdicts
    assert verdict.is_correct
    told = [m["content"] for m in episode.messages if m["role"] == "tool"][:4]
    assert told[0] == "Error: RefusedCallError: no account 'AC1'"
    assert told[1].startswith("Error: transfer: argument 'amount': expected")
    assert told[2].startswith("Error: transfer: argument ")
    assert told[3].startswith("Error: there is no tool 'no_such_tool'; tools: ")
    assert episode.metrics["calls_refused"] == 1
    assert [episode.metrics[f"tool_{kind}"] for kind in ("raised", "arguments", "unknown")] == [
        1, 2, 1
    ]  # fmt: skip


async def test_a_policy_that_was_cut_off_has_not_finished() -> None:
    record = tasks(24, True)[0]
    turns = [written(calls) for calls in steps(record)]
    turns += [written([("no_such_tool", {})])] * (14 - len(turns))
    assert await reason(record, turns) == "the episode ended before the policy had"


async def test_rows_of_files_and_of_a_model_s_words_are_played_alike(tmp_path: Path) -> None:
    path = tmp_path / "tasks.parquet"
    records = [one for one in tasks(24, True) if facts(one)["asks"]][:2]
    again = []
    for record in records:
        said = [record.messages[0]["content"], *facts(record)["asks"]]
        words = json.dumps({"messages": [f"Please: {one}" for one in said]})
        again.append(reworded(record, [Answer(words)]))
    write_records(path, again)
    for record in read_records(path):
        assert facts(record)["reworded"] and record.environment == "toolgraph"
        group = await played(record.prompt(), script(record, steps(record)))
        assert group.verdicts[0].is_correct
        said = [m["content"] for m in group.episodes[0].messages if m["role"] == "user"]
        assert len(said) > 1 and all(one.startswith("Please: ") for one in said)


async def test_rows_that_cannot_be_played_say_why(tmp_path: Path) -> None:
    record = tasks(24, True)[0]
    old = {**facts(record), "version": 1}
    for metadata in ({}, {"tool_graph": old}):
        with pytest.raises(ConfigError, match="is no task of `plumb data toolgraph`"):
            await played(Prompt("p", record.messages, metadata=metadata), ["Done."])
    own = {
        "name": "count_beds",
        "parameters": {"properties": {"unit": {"type": "string", "examples": ["A", "B"]}}},
        "returns": {"properties": {"beds": {"type": "integer"}}},
    }
    file = tmp_path / "apis.json"
    file.write_text(json.dumps([own]))
    made = next(iter(make_tasks(Graph(load_apis(file)), Wanted(1, difficulties={"easy": 1.0}))))
    with pytest.raises(ConfigError, match=r"other tools: name their file in env.options"):
        await played(made.prompt(), script(made, steps(made)))
    group = await played(made.prompt(), script(made, steps(made)), apis=str(file))
    assert group.verdicts[0].is_correct
    with pytest.raises(ConfigError, match=r"'toolgraph' cannot be made with apis: .*be read"):
        load_environment(EnvConfig(spec="toolgraph", options={"apis": str(tmp_path / "none")}))


def test_what_is_looked_up_leaves_no_trace() -> None:
    """Of every simulated tool: a call that gives facts alone changes no state, and others do."""
    acting = set()
    for record in tasks(90, True):
        one = ToolGraph()
        one.reset(record.prompt())
        for name, given in (call for step in steps(record) for call in step):
            before = json.dumps(one._world.state(), sort_keys=True)
            GRAPH.apis[name].run(one._world, given)
            if json.dumps(one._world.state(), sort_keys=True) != before:
                acting.add(name)
    assert acting == {
        "book_flight", "book_hotel", "cancel_booking", "reserve_table", "add_to_cart", "checkout",
        "ship_order", "return_order", "create_event", "invite", "move_event", "share_document",
        "transfer", "reverse_transfer", "set_brightness", "set_timer", "set_heating",
    }  # fmt: skip


async def test_tasks_are_played_by_runners_elsewhere_too(tmp_path: Path) -> None:
    record = next(one for one in tasks(9, True) if facts(one)["length"] > 1)
    TOKENIZER.save_pretrained(tmp_path / "model")
    config = RunConfig.model_validate(
        {
            "model": {"path": str(tmp_path / "model")},
            "env": "toolgraph",
            "episode": {"call_format": "hermes", "runners": 1, "runner_silence": 60.0},
            "sampler": {"samples_per_prompt": 1, "filter": "none"},
            "rollout": {"max_prompt_tokens": 60_000, "max_response_tokens": 20_000},
        }
    )
    said = script(record, steps(record))
    policy = Speaks(TOKENIZER, lambda number: said[number - 1])
    async with runners_of(config, policy, []) as (made, _):
        prompt = record.prompt()
        assert offered(made, prompt).tools == prompt.tools
        assert made.takes_rows
        group = await made.run(0, prompt, version=0)
    assert group.verdicts[0].is_correct, group.verdicts
