"""Chat files: conversations in `messages` or `conversations`, with or without tools.

The last message of the assistant is what was answered, and no part of the prompt. Where there are
tools, its calls are the reference, `[]` where it called none; else nothing can be verified, the
task is `text`, and the answer is kept as `metadata["solution"]`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from data.files import Row
from data.formats.conversations import calls_of, turns_of, with_calls
from data.formats.fields import Columns, identity, record, rest
from data.messages import as_messages
from data.schema import Record
from data.tools import as_tools

_TURNS: Final = ("messages", "conversations", "conversation")


@dataclass(frozen=True, slots=True)
class Chat:
    """Rows of a conversation."""

    name: ClassVar[str] = "chat"
    tasks: ClassVar[tuple[str, ...]] = ("tool", "text")
    licence: ClassVar[str] = ""

    def matches(self, columns: Columns) -> str | None:
        """By a list of messages."""
        name = _column(columns)
        return None if name is None else f"messages in {name}"

    def records(self, row: Row) -> Iterator[Record]:
        """One record."""
        name = _column(row.columns) or _TURNS[0]
        turns = turns_of(row, name)
        tools = as_tools(row.columns.get("tools"), row.where, "tools")
        answer = turns.pop() if turns[-1]["role"] == "assistant" else None
        reference = calls_of(row, answer, tools) if tools and answer is not None else None
        metadata = rest(row, name, "tools", "id", "source")
        if answer is not None and reference is None:
            metadata["solution"] = answer["content"]
        source = row.columns.get("source")
        yield record(
            row,
            as_messages(with_calls(row, turns, tools) if tools else turns, row.where, name),
            "text" if reference is None else "tool",
            reference,
            tools=tools,
            source=source if isinstance(source, str) else "",
            source_id=identity(row, "id"),
            licence=self.licence,
            metadata=metadata,
        )


def _column(columns: Mapping[str, Any]) -> str | None:
    return next((name for name in _TURNS if isinstance(columns.get(name), list)), None)
