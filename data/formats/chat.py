"""Chat files: conversations in `messages` or `conversations`, with or without tools.

Where there are tools, each answer to a user is a record after the turns before it: the calls of the
answer are the reference, `[]` where it called none. Else nothing can be verified: the task is
`text`, and what the assistant said last is `metadata["solution"]`, and no part of the prompt.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from data.files import Row
from data.formats.conversations import Message, calls_of, requests, turns_of, with_calls
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
        """One record; with tools one for each answer to a user."""
        name = _column(row.columns) or _TURNS[0]
        turns = turns_of(row, name)
        tools = as_tools(row.columns.get("tools"), row.where, "tools")
        if not tools:
            answer = turns.pop()["content"] if turns[-1]["role"] == "assistant" else None
            metadata = {} if answer is None else {"solution": answer}
            yield self._record(row, name, turns, "text", metadata=metadata)
            return
        for number, (before, said) in enumerate(requests(turns)):
            yield self._record(
                row,
                name,
                with_calls(row, before, tools),
                "tool",
                calls_of(row, said, tools),
                tools=tools,
                metadata={"request": number},
            )

    def _record(
        self,
        row: Row,
        name: str,
        turns: Sequence[Message],
        task: str,
        reference: list[dict[str, Any]] | None = None,
        *,
        tools: Sequence[Mapping[str, Any]] = (),
        metadata: Mapping[str, Any],
    ) -> Record:
        source = row.columns.get("source")
        return record(
            row,
            as_messages(list(turns), row.where, name),
            task,
            reference,
            tools=tools,
            source=source if isinstance(source, str) else "",
            source_id=identity(row, "id"),
            licence=self.licence,
            metadata=rest(row, name, "tools", "id", "source") | dict(metadata),
        )


def _column(columns: Mapping[str, Any]) -> str | None:
    return next((name for name in _TURNS if isinstance(columns.get(name), list)), None)
