"""Searching texts: by the index where there is one, in the files where there is none yet.

Guarantees: every row that is given has the text; an answer comes within about `SECONDS`, says how
far it got, and can be continued there.
"""

import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import merge
from itertools import islice
from typing import Any, Final

from pyarrow import ArrowException, parquet

from launch.view.filters import Filter
from launch.view.light import LightTable
from launch.view.shelves import (
    STEP_BITS,
    Library,
    Shelf,
    doc_of,
    episode_file,
    files_of,
    place_of,
)
from launch.view.text_index import TextIndex
from launch.view.texts import body_of, id_of, read_docs
from launch.view.words import Query

SECONDS: Final = 0.3
"""After which an answer says how far it got."""
FIRST_BATCH, LARGEST_BATCH = 64, 8192
_LAST: Final = (1 << STEP_BITS) - 1  # the largest step, and the largest row
_TEXT_COLUMNS: Final = ("prompt", "response", "messages")


@dataclass(frozen=True, slots=True)
class Found:
    """Hits, and where to go on.

    Attributes:
        rows: the newest first, each with a `snippet`.
        next: the number of the last row that was looked at; None: that was all.
        waits: whether it goes on only when more light columns have been read.
    """

    rows: Sequence[dict[str, Any]]
    next: int | None
    waits: bool = False


class Searcher:
    """Searches the texts of a library.

    Args:
        library: what there is.
        light: its light columns, by which hits are filtered.
        indexes: of each run that has one, by number.
        clock: gives seconds.
    """

    def __init__(
        self,
        library: Library,
        light: LightTable,
        indexes: Mapping[int, TextIndex],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._library = library
        self._light = light
        self._indexes = indexes
        self._clock = clock

    def find(self, asked: Filter, after: int | None, limit: int) -> Found:
        """Rows that fit and have the text, `limit` at most, after a row that was looked at.

        Rows are known by their light columns: where these are still being read, it waits.
        """
        query = Query.parse(asked.text)
        end = self._clock() + SECONDS
        gate = self._gate(asked, after)
        candidates = merge(
            *(self._candidates(shelf, asked, query, after, gate) for shelf in self._shelves(asked)),
            key=_newest,
        )
        hits: list[dict[str, Any]] = []
        size, last = FIRST_BATCH, after
        while batch := _batch(candidates, size):
            docs = [doc for doc in batch if doc >= 0]
            rows = {row["doc"]: row for row in self._light.of_docs(docs, asked)} if docs else {}
            fitting = [rows[doc] for doc in docs if doc in rows]
            hits += self._having(query, fitting, limit - len(hits))
            if len(hits) >= limit:
                return Found(hits, hits[-1]["doc"])
            last = _whole(batch[-1])
            if self._clock() > end:
                return Found(hits, last)
            size = min(2 * size, LARGEST_BATCH)
        return Found(hits, gate, gate is not None)

    @property
    def indexed(self) -> bool:
        """Whether texts are indexed at all."""
        return bool(self._indexes)

    def progress(self) -> tuple[int, int]:
        """Files that are in an index, and all that there are."""
        done = total = 0
        for shelf in self._library.shelves:
            broken = self._light.broken(shelf)
            found = files_of(shelf.folder).items()
            files = {step: stamp for step, stamp in found if step not in broken}
            index = self._indexes.get(shelf.run.number)
            held = index.held(shelf.name) if index is not None else {}
            total += len(files)
            done += sum(held.get(step) == stamp for step, stamp in files.items())
        return done, total

    def _shelves(self, asked: Filter) -> list[Shelf]:
        return [shelf for shelf in self._library.shelves if asked.takes(shelf.number)]

    def _gate(self, asked: Filter, after: int | None) -> int | None:
        """A number before those of the newest step whose light columns are not read yet."""
        first, last = asked.step_from or 0, _LAST if asked.step_to is None else asked.step_to
        unread = (
            doc_of(shelf.number, step, _LAST)
            for shelf in self._shelves(asked)
            for step in self._light.unread(shelf)
            if first <= step <= last
        )
        to_come = (doc for doc in unread if after is None or _newest(doc) >= _newest(after))
        return min(to_come, key=_newest, default=None)

    def _having(
        self, query: Query, rows: Sequence[dict[str, Any]], limit: int
    ) -> Iterator[dict[str, Any]]:
        """Those rows whose texts are read and fit, `limit` at most."""
        left = iter(rows)
        while limit > 0 and (part := list(islice(left, min(limit, FIRST_BATCH)))):
            texts = read_docs(self._library, [row["doc"] for row in part], _TEXT_COLUMNS)
            for row in part:
                body = body_of(texts.get(row["doc"], {}))
                if query.matches(body):
                    yield {**row, "snippet": query.snippet(body)}
                    limit -= 1

    def _candidates(
        self, shelf: Shelf, asked: Filter, query: Query, after: int | None, gate: int | None
    ) -> Iterator[int]:
        """Numbers of rows that may fit, the newest first, down to a gate.

        Where a file was read and nothing found, its first row's number comes inverted: it
        says how far the search got.
        """
        files = files_of(shelf.folder)
        index = self._indexes.get(shelf.run.number)
        held = index.held(shelf.name) if index is not None and query.words else {}
        top = _top(shelf.number, after)
        low = max((asked.step_from or 0) << STEP_BITS, _bottom(shelf.number, gate))
        high = min(_end_of(_LAST if asked.step_to is None else asked.step_to), top)
        steps = sorted(
            (s for s in files if low <= _end_of(s) and s << STEP_BITS <= high), reverse=True
        )
        indexed = [step for step in steps if held.get(step) == files[step]]
        for known, some in _stretches(steps, set(indexed)):
            first, last = max(low, some[-1] << STEP_BITS), min(high, _end_of(some[0]))
            if known and index is not None:
                try:
                    for row in index.find(shelf.name, query.fts(), first, last):
                        yield doc_of(shelf.number, 0, 0) | row
                        high = row - 1
                    continue
                except sqlite3.Error:  # damaged or deleted: the files say it
                    pass
            for step in some:
                place = step << STEP_BITS
                if place > high:  # what an index gave before it failed
                    continue
                for row in _scan(shelf, step, query):
                    if low <= place | row <= high:
                        yield doc_of(shelf.number, step, row)
                yield ~doc_of(shelf.number, step, 0)


def _whole(doc: int) -> int:
    """A row's number, also of one that stands for the end of its file, which is inverted."""
    return doc if doc >= 0 else ~doc


def _newest(doc: int) -> tuple[int, int, int]:
    """The order of hits: step, shelf, row; a file's end comes after its rows."""
    shelf, step, row = place_of(_whole(doc))
    return -step, shelf, -row + (1 if doc < 0 else 0)


def _top(shelf: int, after: int | None) -> int:
    """The newest row of a shelf that comes after a row in the order of hits."""
    if after is None:
        return _end_of(_LAST)
    at, step, row = place_of(after)
    if shelf < at:
        return (step << STEP_BITS) - 1
    return (step << STEP_BITS | row) - 1 if shelf == at else _end_of(step)


def _bottom(shelf: int, gate: int | None) -> int:
    """The first row of a shelf, as step and row in one number, that a gate leaves open."""
    if gate is None:
        return 0
    at, step, _ = place_of(gate)
    return (step if shelf < at else step + 1) << STEP_BITS


def _end_of(step: int) -> int:
    return (step + 1 << STEP_BITS) - 1


def _stretches(steps: Sequence[int], indexed: set[int]) -> Iterator[tuple[bool, list[int]]]:
    """Steps in their order, cut where they change between indexed and not."""
    part: list[int] = []
    for step in steps:
        if part and (part[-1] in indexed) != (step in indexed):
            yield part[-1] in indexed, part
            part = []
        part.append(step)
    if part:
        yield part[-1] in indexed, part


def _scan(shelf: Shelf, step: int, query: Query) -> list[int]:
    """The rows of a file that have the text, the last first."""
    path = episode_file(shelf.folder, step)
    try:
        there = parquet.read_schema(path).names
        table = parquet.read_table(path, columns=[n for n in _TEXT_COLUMNS if n in there])
    except (OSError, ArrowException):
        return []
    rows = [i for i, row in enumerate(table.to_pylist()) if query.matches(body_of(row))]
    return rows[::-1]


def _batch(items: Iterator[int], size: int) -> list[int]:
    """The next items; the end of a file that was read ends a batch, so that time is looked at."""
    found: list[int] = []
    for item in items:
        found.append(item)
        if len(found) >= size or item < 0:
            break
    return found


def as_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row as the page gets it: numbers that JavaScript cannot hold are names."""
    return {
        **{name: value for name, value in row.items() if name != "doc"},
        "id": id_of(row["doc"]),
    }
