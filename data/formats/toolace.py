"""ToolACE (`Team-ACE/ToolACE`): conversations whose system message lists the functions.

One record for each answer to a user; earlier turns come before it. The system message is left out:
the functions in it are the record's tools, which each chat template shows in its own way, and calls
written as `[f(x=1)]` are calls. A function without parameters in the data has none.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from data.errors import RowError
from data.files import Row
from data.formats.conversations import calls_of, requests, turns_of, with_calls
from data.formats.fields import Columns, has, identity, record, text
from data.schema import Record
from data.tools import as_tools

_LISTED: Final = "list of functions in JSON format that you can invoke"
_DECODER: Final = json.JSONDecoder()


@dataclass(frozen=True, slots=True)
class ToolAce:
    """Rows of `system` and `conversations`."""

    name: ClassVar[str] = "toolace"
    tasks: ClassVar[tuple[str, ...]] = ("tool",)
    licence: ClassVar[str] = "Apache-2.0"

    def matches(self, columns: Columns) -> str | None:
        """By the words that list the functions."""
        system = columns.get("system")
        if not has(columns, "conversations") or not isinstance(system, str):
            return None
        return (
            "conversations, and a system text that lists functions" if _LISTED in system else None
        )

    def records(self, row: Row) -> Iterator[Record]:
        """A record for each answer to a user: its calls, or that no call is right."""
        tools = _tools(row)
        turns = turns_of(row, "conversations")
        for number, (before, answer) in enumerate(requests(turns)):
            yield record(
                row,
                with_calls(row, before, tools),
                "tool",
                calls_of(row, answer, tools),
                tools=tools,
                source="Team-ACE/ToolACE",
                source_id=identity(row, "id"),
                licence=self.licence,
                metadata={"request": number},
            )


def _tools(row: Row) -> tuple[Mapping[str, Any], ...]:
    system = text(row, "system")
    start = system.find("[", max(system.find(_LISTED), 0))
    try:
        listed = _DECODER.raw_decode(system, start)[0] if start >= 0 else None
    except (ValueError, RecursionError) as error:
        raise RowError(
            f"{row.where}: column 'system': its list of functions is no JSON: {error}; "
            "remove the row"
        ) from error
    return as_tools(listed, row.where, "system")
