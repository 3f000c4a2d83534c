"""Where a pipeline's rows come from, cut into blocks that are the same each time.

A block holds its rows as they lie in the source, so that it can be sent to another process or
machine and read there. Blocks are cut by number of rows and never span two files. A source says
what identifies it before it is read (`identity`), and what was read when it has been (`inputs`).
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol, runtime_checkable

from data.compressed import kind_of, opened
from data.errors import SourceError
from data.files import BadRow, Row, rows_of_block, scan_rows
from data.pipeline.block import Stage

if TYPE_CHECKING:
    import pyarrow

BLOCK_ROWS: Final = 2048
_CHUNK: Final = 1 << 20
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


class Source(Protocol):
    """A whole input of a pipeline."""

    def identity(self) -> Sequence[Mapping[str, Any]]:
        """What identifies each input, as JSON values: equal identities give equal blocks."""

    def blocks(self, block_rows: int) -> Iterator[Block]:
        """Cut it; raises SourceError where it cannot be read."""

    def inputs(self) -> Sequence[Mapping[str, Any]]:
        """Each input's path and digest for the manifest, once `blocks` has come to its end."""

    def own_stages(self) -> Sequence[str]:
        """The names of its blocks' own stages."""

    def total(self) -> int | None:
        """Rows that there are at most; None where that is not known."""


@dataclass(frozen=True, slots=True)
class LinesBlock:
    """Lines of a `.jsonl` file."""

    number: int
    origin: int
    path: str
    first: int
    data: bytes
    carried: ClassVar[Mapping[str, bytes]] = _NOTHING
    own_stages: ClassVar[Sequence[Stage]] = ()

    def moved(self, number: int, origin: int) -> "LinesBlock":
        """As `Block` says."""
        return replace(self, number=number + self.number, origin=origin + self.origin)

    def rows(self) -> Iterator[Row | BadRow]:
        """Parse the lines."""
        return rows_of_block(self.data, self.path, self.first)


@dataclass(frozen=True, slots=True)
class TableBlock:
    """Rows of a parquet file, as an Arrow stream."""

    number: int
    origin: int
    path: str
    first: int
    data: bytes
    carried: ClassVar[Mapping[str, bytes]] = _NOTHING
    own_stages: ClassVar[Sequence[Stage]] = ()

    def moved(self, number: int, origin: int) -> "TableBlock":
        """As `Block` says."""
        return replace(self, number=number + self.number, origin=origin + self.origin)

    def rows(self) -> Iterator[Row | BadRow]:
        """Make Python values of the rows."""
        from pyarrow import ipc

        with ipc.open_stream(self.data) as stream:
            values = stream.read_all().to_pylist()
        for number, columns in enumerate(values, start=self.first):
            yield Row(number, f"{self.path} row {number}", columns)


@dataclass(frozen=True, slots=True)
class RowsBlock:
    """Rows that have been read already."""

    number: int
    origin: int
    held: tuple[Row | BadRow, ...]
    carried: ClassVar[Mapping[str, bytes]] = _NOTHING
    own_stages: ClassVar[Sequence[Stage]] = ()

    def moved(self, number: int, origin: int) -> "RowsBlock":
        """As `Block` says."""
        return replace(self, number=number + self.number, origin=origin + self.origin)

    def rows(self) -> Iterator[Row | BadRow]:
        """Give them."""
        return iter(self.held)


class Files:
    """One or several files of any kind that `data.files` reads.

    Args:
        paths: read one after the other.
        limit: rows of each that are read at most.
    """

    def __init__(self, paths: Sequence[Path], limit: int | None = None) -> None:
        self._paths = tuple(paths)
        self._limit = limit
        self._digests: list[str] = []
        self._lines = 0

    def identity(self) -> list[dict[str, Any]]:
        """The SHA-256 of each file's bytes."""
        if not self._digests:
            read = [digest_and_lines(path) for path in self._paths]
            self._digests = [digest for digest, _ in read]
            self._lines = sum(lines for _, lines in read)
        limit = {} if self._limit is None else {"limit": self._limit}
        return [
            {"path": str(path), "sha256": digest} | limit
            for path, digest in zip(self._paths, self._digests, strict=True)
        ]

    def blocks(self, block_rows: int) -> Iterator[Block]:
        """Cut one file after the other."""
        number = 0
        for origin, path in enumerate(self._paths):
            for block in self._cut(path, origin, number, block_rows):
                number = block.number + 1
                yield block

    def _cut(self, path: Path, origin: int, number: int, block_rows: int) -> Iterator[Block]:
        if self._limit is not None:
            return _held(islice(scan_rows(path), self._limit), origin, number, block_rows)
        return _blocks_of(path, origin, number, block_rows)

    def inputs(self) -> list[dict[str, Any]]:
        """Paths and digests."""
        return self.identity()

    def own_stages(self) -> Sequence[str]:
        """None."""
        return ()

    def total(self) -> int | None:
        """Counted for JSON lines and parquet files."""
        self.identity()
        counts = [_counted(path) for path in self._paths if path.suffix.lower() != ".jsonl"]
        if None in counts:
            return None
        total = self._lines + sum(count for count in counts if count is not None)
        return total if self._limit is None else min(total, self._limit * len(self._paths))


class Rows:
    """Rows that come one by one, such as those of a data set that is streamed.

    Args:
        name: what the manifest calls it.
        known: what identifies the rows before they are read, such as revision and split.
        start: reads the rows from the first one on.
    """

    def __init__(
        self, name: str, known: Mapping[str, Any], start: Callable[[], Iterable[Row | BadRow]]
    ) -> None:
        self._name = name
        self._known = dict(known)
        self._start = start
        self._digest = hashlib.sha256()

    def identity(self) -> list[dict[str, Any]]:
        """The name, and what is known about it."""
        return [{"path": self._name} | self._known]

    def blocks(self, block_rows: int) -> Iterator[Block]:
        """Cut the rows as they come."""
        self._digest = hashlib.sha256()
        for block in _held(self._start(), 0, 0, block_rows):
            for row in block.held:
                value = row.columns if isinstance(row, Row) else row.raw
                text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
                self._digest.update(text.encode("ascii") + b"\n")
            yield block

    def inputs(self) -> list[dict[str, Any]]:
        """Its identity, and a digest of the rows that were read."""
        return [self.identity()[0] | {"sha256": self._digest.hexdigest()}]

    def own_stages(self) -> Sequence[str]:
        """None."""
        return ()

    def total(self) -> int | None:
        """Not known."""
        return None


class Chained:
    """Several sources, one after the other."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self._sources = tuple(sources)

    def identity(self) -> list[Mapping[str, Any]]:
        """Those of all."""
        return [said for source in self._sources for said in source.identity()]

    def blocks(self, block_rows: int) -> Iterator[Block]:
        """Those of all, counted through."""
        number = origin = 0
        for source in self._sources:
            first = number
            for block in source.blocks(block_rows):
                number = first + block.number + 1
                yield block.moved(first, origin)
            origin += len(source.identity())

    def inputs(self) -> list[Mapping[str, Any]]:
        """Those of all."""
        return [said for source in self._sources for said in source.inputs()]

    def own_stages(self) -> Sequence[str]:
        """Those of all."""
        return list(dict.fromkeys(name for one in self._sources for name in one.own_stages()))

    def total(self) -> int | None:
        """Known where it is known of each."""
        totals = [source.total() for source in self._sources]
        return None if None in totals else sum(total for total in totals if total is not None)


def digest_and_lines(path: Path) -> tuple[str, int]:
    """SHA-256 of a file's bytes, and how many line feeds are among them, and one for the rest."""
    found = hashlib.sha256()
    lines = 0
    last = b"\n"
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                found.update(chunk)
                lines += chunk.count(b"\n")
                last = chunk
    except OSError as error:
        raise SourceError(f"{path}: cannot be read: {error.strerror or error}") from error
    is_lines = path.suffix.lower() == ".jsonl"
    return found.hexdigest(), lines + (not last.endswith(b"\n")) if is_lines else 0


def _counted(path: Path) -> int | None:
    if path.suffix.lower() != ".parquet":
        return None
    from pyarrow import parquet

    try:
        return int(parquet.read_metadata(path).num_rows)
    except Exception:  # what is wrong with the file is said as it is read
        return None


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes; raises SourceError where it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise SourceError(f"{path}: cannot be read: {error.strerror or error}") from error


def _blocks_of(path: Path, origin: int, number: int, block_rows: int) -> Iterator[Block]:
    kind = kind_of(path)
    if kind == ".jsonl":
        return _lines(path, origin, number, block_rows)
    if kind == ".parquet" == path.suffix.lower():
        return _tables(path, origin, number, block_rows)
    return _held(scan_rows(path), origin, number, block_rows)


def _held(
    rows: Iterable[Row | BadRow], origin: int, number: int, block_rows: int
) -> Iterator[RowsBlock]:
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
