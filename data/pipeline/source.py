"""Where a pipeline's rows come from, cut into blocks that are the same each time.

Blocks never span two files. A source says what identifies it before it is read (`identity`), and
what was read when it has been (`inputs`).
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final, Protocol

from data.errors import SourceError
from data.files import BadRow, Row, scan_rows
from data.pipeline.blocks import Block, cut, held

BLOCK_ROWS: Final = 2048
_CHUNK: Final = 1 << 20


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
            return held(islice(scan_rows(path), self._limit), origin, number, block_rows)
        return cut(path, origin, number, block_rows)

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
        for block in held(self._start(), 0, 0, block_rows):
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
