"""Tools, tasks and tool calls in conversations, as data files have them."""

import json
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from pyarrow import parquet

from data.errors import RowError
from data.sources import load_prompts

BARE = {"name": "add", "description": "a plus b", "parameters": {"type": "object"}}
WRAPPED = {"type": "function", "function": BARE}


def write(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.mark.parametrize("value", [[BARE], [WRAPPED], json.dumps([BARE]), json.dumps([WRAPPED])])
@pytest.mark.parametrize("column", ["tools", "functions", "function"])
def test_tools_come_in_one_form_and_are_no_metadata(
    tmp_path: Path, value: Any, column: str
) -> None:
    row = {"prompt": "hi", "reference": "x", column: value, "source": "s"}
    (prompt,) = load_prompts(write(tmp_path / "rows.jsonl", row))
    assert prompt.tools == (WRAPPED,)
    assert prompt.metadata == {"source": "s"}


def test_rows_of_several_tasks(tmp_path: Path) -> None:
    rows = [
        {"prompt": "a", "reference": "1", "task": "tool", "tools": [BARE]},
        {"prompt": "b", "reference": "2", "task": None, "tools": None},
    ]
    path = write(tmp_path / "rows.jsonl", *rows)
    assert [(one.task, len(one.tools)) for one in load_prompts(path)] == [("tool", 1), ("", 0)]
    assert {one.task for one in load_prompts(path, task="math")} == {"math"}
    unread = load_prompts(path, task_column=None, tools_column=None)[0]
    assert (unread.task, unread.tools, unread.metadata["task"]) == ("", (), "tool")


def test_prompts_with_other_tools_ask_something_else(tmp_path: Path) -> None:
    rows = [{"prompt": "a", "reference": "1", "tools": tools} for tools in ([BARE], None)]
    first, second = load_prompts(write(tmp_path / "rows.jsonl", *rows))
    assert first.text_digest() != second.text_digest()


def test_a_table_fills_absent_keys_with_null(tmp_path: Path) -> None:
    tools = [BARE, {"name": "now"}]
    call = {"function": {"name": "add", "arguments": '{"a": 1}'}, "id": "1", "type": "function"}
    messages = [
        {"role": "user", "content": "add"},
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "content": "1", "tool_call_id": "1"},
    ]
    path = tmp_path / "rows.parquet"
    row = {"messages": messages, "reference": "1", "tools": tools}
    parquet.write_table(pyarrow.Table.from_pylist([row]), path)
    (prompt,) = load_prompts(path)
    assert [tool["function"]["name"] for tool in prompt.tools] == ["add", "now"]
    assert "description" not in prompt.tools[1]["function"]
    assert prompt.messages[1] == {
        "role": "assistant",
        "content": "",
        "tool_calls": [{**call, "function": {"name": "add", "arguments": {"a": 1}}}],
    }


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tools": "{"}, "is text, and no JSON"),
        ({"tools": {"name": "add"}}, "where a list of tools should be"),
        ({"tools": [{"description": "nameless"}]}, "a tool without a name"),
        ({"tools": [BARE, WRAPPED]}, "two tools of one name"),
        ({"tools": [{"name": "add", "parameters": [1]}]}, "the parameters of tool 'add'"),
        ({"task": 7}, "the task in column 'task' is 7"),
        (
            {
                "prompt": [
                    {"role": "assistant", "tool_calls": [{"name": "add"}]},
                    *[{"role": "user"}],
                ]
            },
            "where tool calls should be",
        ),
    ],
)
def test_what_is_no_tool_is_one_line(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    path = write(tmp_path / "rows.jsonl", {"prompt": "a", "reference": "1", **changes})
    with pytest.raises(RowError, match=message) as raised:
        load_prompts(path)
    assert "line 1" in str(raised.value) and "\n" not in str(raised.value)
