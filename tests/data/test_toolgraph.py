"""Tasks out of a graph of tools are what really happened, and the tool verifier can tell."""

import json
from collections import Counter
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from data.asking.answers import Answer
from data.curate.tool import ToolFormat
from data.curate.tool_category import category_of
from data.records import as_json, read_records, write_records
from data.schema import Record
from data.sources import load_prompts
from data.toolgraph.api import RefusedCallError, ToolGraphError, World
from data.toolgraph.declared import load_apis
from data.toolgraph.graph import Graph
from data.toolgraph.library import library
from data.toolgraph.rewording import requests, reworded
from data.toolgraph.running import replayed
from data.toolgraph.tasks import Wanted, make_tasks
from launch.commands.data.app import data_app
from rewards import Sample, Verdict
from rewards.tools.verifier import Tool

GRAPH = Graph(library())
OWN = [
    {
        "name": "get_patient",
        "description": "Find a patient by name.",
        "parameters": {"properties": {"name": {"type": "string", "examples": ["Ana", "Ben"]}}},
        "returns": {"properties": {"id": {"type": "string"}, "ward": {"type": "string"}}},
        "ask": {"en": "find the patient {name}", "zh": "查找病人{name}"},
        "examples": [{"arguments": {"name": "Ana"}, "result": {"id": "P-1", "ward": "W-North"}}],
    },
    {
        "name": "discharge",
        "parameters": {"properties": {"patient_id": {"type": "string"}}},
        "returns": {"properties": {"done": {"type": "boolean"}}},
        "ask": "discharge the patient with {patient_id}",
    },
    {
        "name": "count_beds",
        "parameters": {"properties": {"unit": {"type": "string"}}},
        "returns": {"properties": {"beds": {"type": "integer"}, "share": {"type": "number"}}},
        "examples": [{"arguments": {"unit": "W-North"}, "result": {"beds": 4, "share": 0.5}}],
    },
]


@lru_cache
def tasks(count: int = 360, seed: int = 0) -> tuple[Record, ...]:
    return tuple(make_tasks(GRAPH, Wanted(count, seed)))


def facts(record: Record) -> Any:
    return record.metadata["tool_graph"]


def judged(record: Record, calls: list[Any]) -> Verdict:
    sample = Sample(
        id=record.id,
        prompt=record.messages,
        response=json.dumps(calls),
        reference=record.reference,
        task=record.task,
        tools=record.tools,
        metadata=record.prompt().metadata,
    )
    return Tool(bare=True, validate_schema=True)(sample, tools=record.tools)


def own_tools(folder: Path, tools: Any = OWN) -> Path:
    path = folder / "apis.json"
    path.write_text(json.dumps(tools), encoding="utf-8")
    return path


@pytest.mark.parametrize("ending", ["jsonl", "parquet"])
def test_replaying_the_references_gives_the_recorded_results(ending: str, tmp_path: Path) -> None:
    """Also of records that went through a file."""
    path = tmp_path / f"tasks.{ending}"
    write_records(path, tasks())
    for record in read_records(path):
        trace = facts(record)["trace"]
        assert replayed(trace, GRAPH.apis, World(facts(record)["world"])) == trace
        last = [{"name": one["name"], "arguments": one["arguments"]} for one in trace[-1]]
        assert record.reference == last
        seen = [m["content"] for m in record.messages if m["role"] == "tool"]
        results = [one["result"] for step in trace[:-1] for one in step]
        assert [json.loads(str(text)) for text in seen] == results


def test_another_world_gives_other_results() -> None:
    """Else a replay would show nothing."""
    differ = 0
    for record in tasks():
        try:
            again = replayed(facts(record)["trace"], GRAPH.apis, World("another"))
        except RefusedCallError:
            again = []
        differ += again != facts(record)["trace"]
    assert differ > 0.9 * len(tasks())


def test_the_verifier_takes_the_reference_and_nothing_near_it() -> None:
    for record in tasks():
        calls: Any = record.reference
        assert judged(record, calls).is_correct, record
        assert judged(record, calls[::-1]).is_correct, "at once: in any order"
        for wrong in ([], calls[1:], [*calls, calls[0]], *changed(calls)):
            verdict = judged(record, wrong)
            assert verdict.is_gradable and not verdict.is_correct, (record, wrong)


def changed(calls: list[Any]) -> list[list[Any]]:
    """The calls with one argument changed, each in turn."""
    found = []
    for at, call in enumerate(calls):
        for name, value in call["arguments"].items():
            other = value + 1 if isinstance(value, int) else f"{value}x"
            arguments = {**call["arguments"], name: other}
            found.append([*calls[:at], {**call, "arguments": arguments}, *calls[at + 1 :]])
    return found


def test_a_person_says_what_no_tool_gives_and_nothing_that_one_does() -> None:
    for record in tasks():
        words = "\n".join(str(m["content"]) for m in record.messages if m["role"] == "user")
        assert "{" not in words
        linked = {(one["step"], one["call"], one["parameter"]) for one in facts(record)["links"]}
        for at, step in enumerate(facts(record)["trace"]):
            for position, call in enumerate(step):
                for name, value in call["arguments"].items():
                    if (at, position, name) not in linked:
                        assert str(value) in words
                    elif name.endswith(("_id", "number", "email")):
                        assert str(value) not in words
        taken = {one["of_step"] for one in facts(record)["links"]}
        assert taken == set(range(facts(record)["length"] - 1)), "no step is for nothing"


def test_difficulties_languages_and_tools_are_balanced() -> None:
    records = tasks()
    assert Counter(facts(one)["difficulty"] for one in records) == dict.fromkeys(
        ("easy", "medium", "hard"), len(records) // 3
    )
    assert Counter(one.language for one in records) == {"en": 180, "zh": 180}
    assert len({one.id for one in records}) == len(records)
    used = {name for one in records for step in facts(one)["path"] for name in step}
    assert used == set(GRAPH.apis)
    turns = Counter((facts(one)["turns"] > 1) for one in records if facts(one)["length"] > 1)
    assert min(turns.values()) > 0.3 * turns.total()
    assert {category_of(one) for one in records} >= {"multiple", "parallel_multiple", "multi_turn"}
    hard = make_tasks(GRAPH, Wanted(40, difficulties={"hard": 3.0, "easy": 1.0, "medium": 0.0}))
    assert Counter(facts(one)["difficulty"] for one in hard) == {"hard": 30, "easy": 10}
    short = list(make_tasks(GRAPH, Wanted(40, length=2, breadth=2, languages=["zh"])))
    assert max(facts(one)["length"] for one in short) == 2
    assert max(facts(one)["breadth"] for one in short) == 2
    assert {one.language for one in short} == {"zh"}


def test_the_same_settings_make_the_same_tasks() -> None:
    again = list(make_tasks(GRAPH, Wanted(60)))
    assert again == list(tasks()[:60])
    other = list(make_tasks(GRAPH, Wanted(60, seed=1)))
    assert not {one.id for one in other} & {one.id for one in again}


def test_records_are_trained_on_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "tasks.parquet"
    write_records(path, tasks())
    assert len(load_prompts(path)) == len(tasks())
    outcome = ToolFormat()(tasks())
    assert (len(outcome.kept), list(outcome.dropped)) == (len(tasks()), [])


def test_edges_by_type_by_name_and_by_example(tmp_path: Path) -> None:
    graph = Graph(load_apis(own_tools(tmp_path)))
    found = {(one.source, one.field, one.target, one.parameter): one.reason for one in graph.edges}
    assert found == {
        ("get_patient", "id", "discharge", "patient_id"): "name",
        ("get_patient", "ward", "count_beds", "unit"): "example",
    }
    assert {edge.reason for edge in GRAPH.edges} >= {"type"}
    records = list(make_tasks(graph, Wanted(12, difficulties={"medium": 1.0}, length=2, breadth=1)))
    goals = Counter(facts(one)["path"][-1][0] for one in records)
    assert goals["discharge"] and goals["count_beds"]
    for record in records:
        trace = facts(record)["trace"]
        assert replayed(trace, graph.apis, World(facts(record)["world"])) == trace
        for step in trace:
            for call in step:
                if call["arguments"] == {"name": "Ana"}:
                    assert call["result"] == {"id": "P-1", "ward": "W-North"}


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda one: one.pop("name"), "tool 1: has no name"),
        (lambda one: one.pop("parameters"), "(get_patient): parameters is no JSON Schema"),
        (lambda one: one["returns"].update(properties={}), "needs parameters and returns"),
        (lambda one: one["returns"]["properties"]["id"].update(type="object"), "returns.id needs"),
        (lambda one: one.update(ask="find {nobody}"), "has to name each of name as {name}"),
        (lambda one: one.update(ask="find {name"), "ask 'find {name'"),
        (lambda one: one.update(examples=[{"arguments": {}}]), "examples are [{"),
        (lambda one: one["examples"][0]["result"].pop("id"), "an example has other fields"),
    ],
)
def test_a_tool_that_cannot_be_used_is_named(
    spoil: Callable[[Any], Any], complaint: str, tmp_path: Path
) -> None:
    tools = json.loads(json.dumps(OWN))
    spoil(tools[0])
    with pytest.raises(ToolGraphError) as caught:
        load_apis(own_tools(tmp_path, tools))
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files_and_wishes_that_cannot_be_are_one_line(tmp_path: Path) -> None:
    (tmp_path / "torn.json").write_text("[{")
    for path in (tmp_path / "torn.json", tmp_path / "none.json", own_tools(tmp_path, {})):
        with pytest.raises(ToolGraphError, match=r"^[^\n]*$"):
            load_apis(path)
    with pytest.raises(ToolGraphError, match="two tools are called 'find_cheapest_flight'"):
        Graph([*library(), *library()])
    few = Graph(load_apis(own_tools(tmp_path)))
    with pytest.raises(ToolGraphError, match=r"after \d+ tasks no other easy one of 1 steps"):
        list(make_tasks(few, Wanted(1000, difficulties={"easy": 1.0})))
    with pytest.raises(ToolGraphError, match="no medium task has at most 1 steps"):
        list(make_tasks(GRAPH, Wanted(5, length=1, breadth=1)))


def test_words_of_a_model_are_taken_where_they_keep_every_value() -> None:
    for record, request in zip(tasks()[:30], requests(tasks()[:30]), strict=True):
        said = [str(one["content"]) for one in record.messages if one["role"] == "user"]
        assert request.key == record.id
        assert all(text in str(request.messages[-1]["content"]) for text in said)
        good = Answer(json.dumps({"messages": [f"Hello! {text}" for text in said]}))
        taken = reworded(record, [Answer("no JSON"), good])
        assert facts(taken)["reworded"] is True
        assert taken.id != record.id and taken.reference == record.reference
        assert str(taken.messages[0]["content"]).startswith("Hello! ")
        assert [m for m in taken.messages if m["role"] != "user"] == [
            m for m in record.messages if m["role"] != "user"
        ]
        values = [str(v) for step in facts(record)["trace"] for c in step for v in
                  c["arguments"].values()]  # fmt: skip
        lost = [text.replace(next((v for v in values if v in text), text), "") for text in said]
        for bad in (lost, said[1:], [*said, "more"], ["", *said[1:]], [1], "text"):
            kept = reworded(record, [Answer(json.dumps({"messages": bad}))])
            assert facts(kept)["reworded"] is False
            assert kept.messages == record.messages


def test_the_command_writes_the_same_twice(tmp_path: Path) -> None:
    def run(*arguments: str) -> Any:
        return CliRunner().invoke(data_app, ["toolgraph", *arguments])

    own = str(own_tools(tmp_path))
    for name in ("one", "two"):
        done = run("--out", str(tmp_path / name), "--count", "40", "--apis", own)
        assert done.exit_code == 0, done.output
        assert "38 tools" in done.output
    parts = [(tmp_path / name / "part_000000.parquet").read_bytes() for name in ("one", "two")]
    assert parts[0] == parts[1]
    found = read_records(tmp_path / "one" / "part_000000.parquet")
    assert len(list(found)) == 40
    for wrong in (["--only"], ["--difficulty", "tough:1"], ["--language", "fr"]):
        done = run("--out", str(tmp_path / "three"), *wrong)
        assert done.exit_code != 0
    assert as_json(tasks()[0])["task"] == "tool"
