"""What a format is: the layout that the rows of one data set, or of several, have.

Guarantees: a format is told from others by a row alone; it makes records that the verifiers there
are can grade, or raises one RowError with file, row and column. It is picklable and keeps nothing
between rows, so that any process may read any row.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from data.files import Row
from data.schema import Record


@runtime_checkable
class Format(Protocol):
    """A layout of rows. Plain class attributes do for the properties."""

    @property
    def name(self) -> str:
        """What `--format` calls it."""

    @property
    def tasks(self) -> tuple[str, ...]:
        """The kinds of task that its records may be of; empty: any."""

    @property
    def licence(self) -> str:
        """That of the public set, an SPDX identifier where there is one; empty: not known."""

    def matches(self, columns: Mapping[str, Any]) -> str | None:
        """By what a row with these columns is recognised, in words; None: it is of another."""

    def records(self, row: Row) -> Iterator[Record]:
        """The prompts of a row, mostly one; raises RowError with the field that is wrong."""


@dataclass(frozen=True, slots=True)
class Opening:
    """What a format may look at before the first row is read.

    Attributes:
        first: the first row.
        path: the file; None: a data set of a hub.
    """

    first: Row
    path: Path | None


@runtime_checkable
class Settled(Protocol):
    """A format that settles on one file: on its columns, or on answers in a file beside it."""

    def settled(self, opening: Opening) -> Format:
        """The same format for the rows of this file; raises SourceError."""
