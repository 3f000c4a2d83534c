"""Hermes function calling (`NousResearch/hermes-function-calling-v1`): conversations with tools.

One record for each answer to a user; earlier turns come before it. The system message that lists
the tools in `<tools>` is left out: they are the record's tools, which each chat template shows in
its own way, and what stands in `<tool_call>` is a call, in JSON or as Python prints a dict.
"""

import ast
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from data.errors import RowError
from data.files import Row
from data.formats.conversations import Message, calls_of, requests, turns_of, with_calls
from data.formats.fields import Columns, filled, has, identity, optional_text, record
from data.schema import Record
from data.tools import as_tools

_OPEN: Final = "<tools>"
_CLOSE: Final = "</tools>"
_CALL: Final = re.compile(r"(<tool_call>)(.*?)(</tool_call>)", re.DOTALL)
_LONGEST_CALL: Final = 100_000  # characters


@dataclass(frozen=True, slots=True)
class Hermes:
    """Rows of `conversations`, with `tools` or with a system message that lists them."""

    name: ClassVar[str] = "hermes"
    tasks: ClassVar[tuple[str, ...]] = ("tool",)
    licence: ClassVar[str] = "Apache-2.0"

    def matches(self, columns: Columns) -> str | None:
        """By the marks around tools."""
        turns = columns.get("conversations")
        if not isinstance(turns, list) or not turns or not isinstance(turns[0], Mapping):
            return None
        said = turns[0].get("value", turns[0].get("content"))
        if not isinstance(said, str) or _OPEN not in said:
            return None
        return "conversations that begin with tools in <tools>"

    def records(self, row: Row) -> Iterator[Record]:
        """A record for each answer to a user: its calls, or that no call is right."""
        turns = turns_of(row, "conversations")
        tools = _tools(row, turns)
        spoken = [
            {**one, "content": _CALL.sub(_in_json, one["content"])}
            for one in turns
            if one["role"] != "system" or _OPEN not in one["content"]
        ]
        for number, (before, answer) in enumerate(requests(spoken)):
            yield record(
                row,
                with_calls(row, before, tools, "hermes"),
                "tool",
                calls_of(row, answer, tools, "hermes"),
                tools=tools,
                source="NousResearch/hermes-function-calling-v1",
                source_id=identity(row, "id"),
                licence=self.licence,
                metadata=filled(
                    request=number,
                    category=optional_text(row, "category"),
                    subject=optional_text(row, "subcategory"),
                ),
            )


def _in_json(call: re.Match[str]) -> str:
    """A call in JSON; one that is neither JSON nor a Python literal stays as it is."""
    written = call[2].strip()
    if len(written) > _LONGEST_CALL or written.startswith('{"'):
        return call[0]
    try:
        return f"{call[1]}{json.dumps(ast.literal_eval(written), ensure_ascii=False)}{call[3]}"
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return call[0]


def _tools(row: Row, turns: list[Message]) -> tuple[Mapping[str, Any], ...]:
    """The tools of the column, else those of the system message."""
    if has(row.columns, "tools") and row.columns["tools"]:
        return as_tools(row.columns["tools"], row.where, "tools")
    system = next((one["content"] for one in turns if one["role"] == "system"), "")
    listed = system.partition(_OPEN)[2].partition(_CLOSE)[0].strip()
    if not listed.startswith("["):
        listed = f"[{','.join(filter(str.strip, listed.splitlines()))}]"
    try:
        return as_tools(json.loads(listed), row.where, "conversations")
    except (ValueError, RecursionError) as error:
        raise RowError(
            f"{row.where}: column 'conversations': what stands in <tools> is no JSON: {error}; "
            "remove the row"
        ) from error
