"""Records that `plumb data` wrote, read again as they are."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from data.files import Row
from data.records import is_records, record_of
from data.schema import Record


@dataclass(frozen=True, slots=True)
class Records:
    """Rows of a file of records, of any task and licence."""

    name: ClassVar[str] = "records"
    tasks: ClassVar[tuple[str, ...]] = ()
    licence: ClassVar[str] = ""

    def matches(self, columns: Mapping[str, Any]) -> str | None:
        """By the version of the schema."""
        return "the column plumb_version" if is_records(columns) else None

    def records(self, row: Row) -> Iterator[Record]:
        """The record that the row is."""
        yield record_of(row)
