"""`plumb verify` for tool calls and for text with constraints: rows in, verdicts out."""

import json
from pathlib import Path
from typing import Any

import pytest
from test_verify import Command

from data.errors import RowError
from launch.verify.rows import read_batches
from tests.fake_judge import Body, fake_judge, grades

ADD = {
    "name": "add",
    "parameters": {
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
        "required": ["a", "b"],
    },
}
CALL = {"name": "add", "arguments": {"a": 3, "b": 5}}
HERMES = f"<tool_call>\n{json.dumps(CALL)}\n</tool_call>"
TOOL_ROWS: list[tuple[dict[str, Any], str, str]] = [
    ({"response": HERMES, "reference": [CALL]}, "correct", ""),
    ({"response": "[add(b=5, a=3)]", "reference": [CALL]}, "correct", ""),
    ({"calls": [CALL], "reference": [CALL]}, "correct", ""),
    ({"calls": [], "reference": [CALL]}, "incorrect", "content"),
    (
        {"calls": [CALL], "reference": [{"add": {"a": [3, 4], "b": [5]}}], "mode": "accept"},
        "correct",
        "",
    ),
    ({"response": "[add(a=5, b=3)]", "reference": [CALL]}, "incorrect", "content"),
    ({"response": "<tool_call>{", "reference": [CALL]}, "incorrect", "format"),
    ({"response": '[add(a="3", b=5)]', "reference": [CALL]}, "incorrect", "content"),
    ({"response": "It is 8.", "reference": []}, "correct", ""),
    ({"response": HERMES, "reference": []}, "incorrect", "content"),
    ({"response": HERMES, "reference": [{"nameless": 1}]}, "ungradable", "reference: "),
    (
        {"calls": [CALL], "reference": [CALL], "tools": [{"description": "?"}], "mode": "accept"},
        "ungradable",
        "tools: ",
    ),
]
BULLETS = ["detectable_format:number_bullet_lists", "keywords:existence"]
TEXT_ROWS: list[tuple[dict[str, Any], str, str]] = [
    (
        {"instruction_id_list": BULLETS, "kwargs": [{"num_bullets": 2}, {"keywords": ["kiwi"]}]},
        "correct",
        "",
    ),
    (
        {"instruction_id_list": BULLETS, "kwargs": [{"num_bullets": 3}, {"keywords": ["kiwi"]}]},
        "incorrect",
        "number_bullet_lists",
    ),
    ({"reference": [{"id": "punctuation:no_comma"}]}, "incorrect", "no_comma"),
    ({"reference": [{"id": "no:such"}]}, "ungradable", "no:such"),
    ({"instruction_id_list": BULLETS, "kwargs": [{}]}, "ungradable", "kwargs"),
]


def verdicts(command: Command, task: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    numbered = [{"id": number, **row} for number, row in enumerate(rows)]
    (command.folder / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in numbered))
    done = command.run("verify", "--task", task, "--workers", "1", "in.jsonl", "out.jsonl")
    assert done.returncode == 0, done.stderr
    written = (command.folder / "out.jsonl").read_text().splitlines()
    found = [json.loads(line) for line in written]
    assert [row["id"] for row in found] == list(range(len(rows)))
    return found


def test_tool_calls(tmp_path: Path) -> None:
    rows = [{"tools": [ADD], **row} for row, _, _ in TOOL_ROWS]
    for found, (row, outcome, reason) in zip(
        verdicts(Command(tmp_path), "tool", rows), TOOL_ROWS, strict=True
    ):
        assert (found["outcome"], found["reason"].startswith(reason)) == (outcome, True), (
            row,
            found,
        )
        assert found["reward"] == {"correct": 1.0, "incorrect": -1.0}.get(outcome)


def test_text_with_constraints(tmp_path: Path) -> None:
    answer = {"response": "* kiwi, ripe\n* more"}
    rows = [{**answer, **row} for row, _, _ in TEXT_ROWS]
    for found, (_, outcome, reason) in zip(
        verdicts(Command(tmp_path), "text", rows), TEXT_ROWS, strict=True
    ):
        assert found["outcome"] == outcome
        assert reason in found["reason"]


@pytest.mark.parametrize(
    ("task", "row", "message"),
    [
        ("tool", {"response": "x"}, "has no reference"),
        ("tool", {"response": "x", "calls": [], "reference": []}, "both response and calls"),
        ("tool", {"calls": {}, "reference": []}, "the calls are an object"),
        ("tool", {"response": "x", "reference": {"a": 1}}, "the reference is an object"),
        ("tool", {"response": "x", "reference": [], "mode": "exactly"}, "exactly"),
        ("tool", {"response": "x", "reference": [], "tools": {"name": "f"}}, "the tools are an"),
        ("text", {"messages": "hi"}, "has no response"),
        ("text", {"response": "x"}, "has no messages"),
        ("text", {"response": "x", "messages": 3}, "'messages' holds 3"),
    ],
)
def test_a_row_that_cannot_be_graded_is_refused(
    tmp_path: Path, task: str, row: dict[str, Any], message: str
) -> None:
    path = tmp_path / "in.jsonl"
    path.write_text(json.dumps({"id": 1, **row}))
    with pytest.raises(RowError, match=message) as raised:
        list(read_batches(str(path), task))
    assert "line 1" in str(raised.value) and "\n" not in str(raised.value)


def test_options_of_another_task_and_a_judge_that_was_not_named(tmp_path: Path) -> None:
    command = Command(tmp_path)
    (tmp_path / "in.jsonl").write_text('{"id": 1, "messages": "hi", "response": "hello"}\n')
    files = ("in.jsonl", "out.jsonl")
    assert "give --judge URL" in command.fault(2, "verify", "--task", "text", *files)
    fault = command.fault(2, "verify", "--task", "tool", "--votes", "3", *files)
    assert "--votes is for --task text, not for tool" in fault
    fault = command.fault(2, "verify", "--task", "text", "--rubric", "four", *files)
    assert "give --judge URL" in fault


def test_text_goes_to_a_judge(tmp_path: Path) -> None:
    command = Command(tmp_path)
    rows = [
        {"id": 1, "messages": "Say hi.", "response": "hi"},
        {"id": 2, "messages": [{"role": "user", "content": "Say hi."}], "response": "no"},
        {"id": 3, "messages": "Say hi.", "response": HERMES, "tools": [ADD]},
    ]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))

    def answer(body: Body) -> str:
        return grades(9 if "\nhi\n" in body["messages"][1]["content"] else 2)

    options = ("--task", "text", "--judge")
    with fake_judge(answer) as judge:
        done = command.run("verify", *options, judge.url, "in.jsonl", "out.jsonl")
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [(row["outcome"], row["reward"]) for row in found] == [
        ("correct", pytest.approx(0.8)),
        ("incorrect", pytest.approx(-0.6)),
        ("incorrect", -1.0),
    ]
    (tmp_path / "out.jsonl").unlink()
    fault = command.fault(1, "verify", *options, judge.url, "in.jsonl", "out.jsonl")
    assert "the judge does not answer" in fault and judge.url in fault
