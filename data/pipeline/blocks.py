"""Blocks: some consecutive rows of a source, as bytes that another process can read.

Guarantees: rows are cut by number alone, so that a file gives the same blocks each time; a block
holds its rows as they lie in the file, and makes Python values of them where it is read.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, Final, Protocol, Self, runtime_checkable

from data.compressed import kind_of, opened
from data.errors import SourceError
from data.files import BadRow, Row, rows_of_block, scan_rows
from data.pipeline.block import Stage

if TYPE_CHECKING:
    import pyarrow

_NOTHING: Final[Mapping[str, bytes]] = MappingProxyType({})


class Block(Protocol):
    """Some consecutive rows of a source."""

    @property
    def number(self) -> int:
        """Counted from 0 over the whole source; the output's part has the same number."""

    @property
    def origin(self) -> int:
        """Which of the source's inputs it is of, counted from 0."""

    @property
    def carried(self) -> Mapping[str, bytes]:
        """Parquet files of what an earlier pass dropped or left for review, by kind."""

    @property
    def own_stages(self) -> Sequence[Stage]:
        """Stages for this block alone, before those of the pipeline."""

    def rows(self) -> Iterator[Row | BadRow]:
        """Read them."""

    def moved(self, number: int, origin: int) -> "Block":
        """The same block, with numbers that count from these on."""


@runtime_checkable
class PartOfRecords(Block, Protocol):
    """A block that is a parquet file of records."""

    def part(self) -> bytes:
        """The file's bytes."""


@dataclass(frozen=True, slots=True)
class _Raw:
    """A block of which nothing was made or decided before."""

    number: int
    origin: int
    carried: ClassVar[Mapping[str, bytes]] = _NOTHING
    own_stages: ClassVar[Sequence[Stage]] = ()

    def moved(self, number: int, origin: int) -> Self:
        """As `Block` says."""
        return replace(self, number=number + self.number, origin=origin + self.origin)


@dataclass(frozen=True, slots=True)
class LinesBlock(_Raw):
    """Lines of a `.jsonl` file."""

    path: str
    first: int
    data: bytes

    def rows(self) -> Iterator[Row | BadRow]:
        """Parse the lines."""
        return rows_of_block(self.data, self.path, self.first)


@dataclass(frozen=True, slots=True)
class TableBlock(_Raw):
    """Rows of a parquet file, as an Arrow stream."""

    path: str
    first: int
    data: bytes

    def rows(self) -> Iterator[Row | BadRow]:
        """Make Python values of the rows."""
        from pyarrow import ipc

        with ipc.open_stream(self.data) as stream:
            values = stream.read_all().to_pylist()
        for number, columns in enumerate(values, start=self.first):
            yield Row(number, f"{self.path} row {number}", columns)


@dataclass(frozen=True, slots=True)
class RowsBlock(_Raw):
    """Rows that have been read already."""

    held: tuple[Row | BadRow, ...]

    def rows(self) -> Iterator[Row | BadRow]:
        """Give them."""
        return iter(self.held)


def cut(path: Path, origin: int, number: int, block_rows: int) -> Iterator[Block]:
    """The blocks of a file, counted from `number` on.

    Raises:
        SourceError: it cannot be read.
    """
    kind = kind_of(path)
    if kind == ".jsonl":
        return _lines(path, origin, number, block_rows)
    if kind == ".parquet" == path.suffix.lower():
        return _tables(path, origin, number, block_rows)
    return held(scan_rows(path), origin, number, block_rows)


def held(
    rows: Iterable[Row | BadRow], origin: int, number: int, block_rows: int
) -> Iterator[RowsBlock]:
    """Blocks of rows that are read one by one."""
    left = iter(rows)
    while some := tuple(islice(left, block_rows)):
        yield RowsBlock(number, origin, some)
        number += 1


def _lines(path: Path, origin: int, number: int, block_rows: int) -> Iterator[LinesBlock]:
    first = 1
    try:
        with opened(path) as file:
            while data := b"".join(islice(file, block_rows)):
                yield LinesBlock(number, origin, str(path), first, data)
                number += 1
                first += block_rows
    except OSError as error:
        raise SourceError(f"{path}: cannot be read: {error.strerror or error}") from error


def _tables(path: Path, origin: int, number: int, block_rows: int) -> Iterator[TableBlock]:
    import pyarrow
    from pyarrow import parquet

    first = 1
    try:
        with parquet.ParquetFile(path) as file:
            batches = file.iter_batches(batch_size=block_rows)
            for batch in _of_equal_size(batches, block_rows):
                yield TableBlock(number, origin, str(path), first, _stream(batch))
                number += 1
                first += batch.num_rows
    except (pyarrow.ArrowException, OSError) as error:
        reason = str(error).partition("\n")[0].rstrip(".")
        raise SourceError(
            f"{path}: not a readable parquet file: {reason}; write it again"
        ) from error


def _of_equal_size(
    batches: Iterable["pyarrow.RecordBatch"], size: int
) -> Iterator["pyarrow.Table"]:
    """Tables of `size` rows, whatever the batches' sizes are; the last may be smaller."""
    import pyarrow

    waiting: list[pyarrow.RecordBatch] = []
    for batch in batches:
        waiting.append(batch)
        while sum(one.num_rows for one in waiting) >= size:
            table = pyarrow.Table.from_batches(waiting)
            yield table.slice(0, size)
            waiting = table.slice(size).to_batches()
    if any(one.num_rows for one in waiting):
        yield pyarrow.Table.from_batches(waiting)


def _stream(table: "pyarrow.Table") -> bytes:
    import pyarrow
    from pyarrow import ipc

    sink = pyarrow.BufferOutputStream()
    with ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())
