"""Public data sets as a pipeline's source: files, folders and data sets of the hub, in any format.

The format is told from the first rows, once; every process then reads rows by that same format.
"""

import dataclasses
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import Any

from data.errors import SourceError
from data.files import BadRow, Row, scan_rows
from data.formats.folders import local_files
from data.formats.format import Format, Opening, Settled
from data.formats.hub import commit_of, hub_rows, is_offline
from data.formats.opening import AUTO, is_hub_name, settle
from data.formats.table import format_named
from data.pipeline.manifest import RECORDED, digest, plain
from data.pipeline.source import Files, Rows, Source
from data.schema import Record
from rewards.plugin_file import is_file_spec

NOT_KEPT: dict[str, Any] = {RECORDED: False}


@dataclass(frozen=True, slots=True)
class Formatted:
    """Reads rows by a format.

    Attributes:
        format: its name, or path/to/file.py:Class.
        settled: identifies what the format took from the file, such as answers beside it.
        held: the format, settled; None where it has to be loaded from a file in each process.
        opening: what such a one settles on.
    """

    format: str
    settled: str = ""
    held: Format | None = field(default=None, metadata=NOT_KEPT)
    opening: Opening | None = field(default=None, metadata=NOT_KEPT)

    def __call__(self, row: Row) -> Iterable[Record]:
        """The records of a row."""
        return (self.held or _loaded(self.format, self.opening)).records(row)


@dataclass(frozen=True, slots=True)
class Input:
    """One data set to read.

    Attributes:
        source: its rows.
        reader: makes records of them.
        place: its path or name.
        format, recognised_by: what the manifest says of it; `recognised_by` is empty where the
            format was named.
        tasks: the kinds of task that the format's records may be of; empty: any.
    """

    source: Source
    reader: Formatted
    place: str
    format: str
    recognised_by: str
    tasks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """How data sets are read: as `data.formats.opening.open_source` takes it, and rows at most."""

    format: str = AUTO
    split: str | None = None
    name: str | None = None
    revision: str | None = None
    streaming: bool = True
    limit: int | None = None
    task: str = ""


def open_input(place: str, choice: Choice) -> Input:
    """Open a data set, and tell its format.

    Raises:
        SourceError: it cannot be read, holds no rows, or is of no known format.
    """
    path = Path(place)
    source: Source
    rows: Iterable[Row | BadRow]
    if path.exists():
        files = local_files(path, split=choice.split, name=choice.name, revision=choice.revision)
        source = Files(files, choice.limit)
        rows, first = chain.from_iterable(map(scan_rows, files)), files[0]
    elif is_hub_name(place):
        source, rows, first = *_of_hub(place, choice), None
    else:
        raise SourceError(
            f"{place}: there is no such file; give the path of a data file or folder, or the name "
            "of a data set on the hub, such as openai/gsm8k"
        )
    return _told(place, source, rows, first, choice)


def _readable(rows: Iterable[Row | BadRow], bad: list[BadRow]) -> Iterator[Row]:
    """The rows that can be read; the first that cannot comes to `bad`."""
    for row in rows:
        if isinstance(row, Row):
            yield row
        elif not bad:
            bad.append(row)


def _told(
    place: str, source: Source, rows: Iterable[Row | BadRow], first: Path | None, choice: Choice
) -> Input:
    bad: list[BadRow] = []
    try:
        opened = settle(_readable(rows, bad), choice.format, place, first)
    except SourceError as error:
        if bad:
            error.add_note(f"of rows that cannot be read the first: {bad[0].error}")
        raise
    format = opened.format
    if choice.task and "task" in {one.name for one in _fields(format)}:
        format = dataclasses.replace(format, task=choice.task)  # type: ignore[type-var]
    spec = choice.format if is_file_spec(choice.format) else format.name
    reader = Formatted(
        spec,
        digest(plain(format)) if _fields(format) else "",
        None if is_file_spec(spec) else format,
        Opening(next(opened.rows), first) if is_file_spec(spec) else None,
    )
    return Input(source, reader, place, format.name, opened.recognised_by, format.tasks)


def _of_hub(place: str, choice: Choice) -> tuple[Source, Iterator[Row]]:
    commit = choice.revision if is_offline() else commit_of(place, choice.revision)

    def start() -> Iterator[Row]:
        rows = hub_rows(
            place,
            split=choice.split,
            name=choice.name,
            revision=commit,
            streaming=choice.streaming,
        )
        return islice(rows, choice.limit)

    known = {"revision": commit, "split": choice.split, "name": choice.name, "limit": choice.limit}
    said = {name: value for name, value in known.items() if value is not None}
    return Rows(place, said, start), start()


def _fields(format: Format) -> tuple[dataclasses.Field[Any], ...]:
    return dataclasses.fields(format) if dataclasses.is_dataclass(format) else ()


_own: dict[str, Format] = {}  # of this process, by spec and place


def _loaded(spec: str, opening: Opening | None) -> Format:
    """A format of the user's own, once a process and data set."""
    key = f"{spec} {opening.first.where if opening else ''}"
    if key not in _own:
        found = format_named(spec)
        if opening is not None and isinstance(found, Settled):
            found = found.settled(opening)
        _own[key] = found
    return _own[key]
