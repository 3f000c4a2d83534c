"""xLAM (`Salesforce/xlam-function-calling-60k`): a query, tools and the calls, as JSON texts."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from data.errors import RowError
from data.files import Row
from data.formats.fields import Columns, decoded, has, identity, record, sequence, text, user
from data.schema import Record
from data.tools import as_tools
from rewards.tools.errors import ToolReferenceError
from rewards.tools.reference import exact_calls


@dataclass(frozen=True, slots=True)
class Xlam:
    """Rows of `query`, `tools` and `answers`."""

    name: ClassVar[str] = "xlam"
    tasks: ClassVar[tuple[str, ...]] = ("tool",)
    licence: ClassVar[str] = "CC-BY-4.0"

    def matches(self, columns: Columns) -> str | None:
        """By the three columns."""
        return "query, tools and answers" if has(columns, "query", "tools", "answers") else None

    def records(self, row: Row) -> Iterator[Record]:
        """One record, with the calls as they are."""
        calls = sequence(row, "answers", decoded(row, "answers"))
        try:
            exact_calls(calls)
        except ToolReferenceError as error:
            raise RowError(f"{row.where}: column 'answers': {error}; mend the row") from error
        yield record(
            row,
            user(text(row, "query")),
            "tool",
            list(calls),
            tools=as_tools(row.columns.get("tools"), row.where, "tools"),
            source="Salesforce/xlam-function-calling-60k",
            source_id=identity(row, "id"),
            licence=self.licence,
        )
