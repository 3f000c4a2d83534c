"""The light columns of every row, in a table in memory, which grows while a run goes on.

Guarantees: the newest steps are there first; a file that was written anew replaces its rows; one
that cannot be read is named and the others are there; DuckDB reaches nothing but the folders of the
runs and the cache. Every statement is fixed, and what a request says is a parameter.
"""

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain, islice, repeat
from typing import Any, Final

import duckdb
from pyarrow import ArrowException, parquet

from launch.view.cache import Snapshot
from launch.view.facets import counted
from launch.view.filters import ORDERS, Filter
from launch.view.light_columns import COLUMNS, ENGINES, MIX, NAMES, lock_down
from launch.view.light_kept import Table, keep, restore
from launch.view.shelves import Library, Shelf, Stamp, doc_of, episode_file, files_of

CHUNKS: Final = (1, 4, 24)  # files that are read at once: first, then, and from then on
RETRY_SECONDS: Final = 60.0  # after which a file that could not be read is tried again
WORTH_KEEPING: Final = 48  # files read, from which on the next start is spared the reading


class LightTable:
    """Rows without their texts.

    Args:
        library: where they are.
        snapshots: by run number, what an earlier start has kept.
    """

    def __init__(self, library: Library, snapshots: Mapping[int, Snapshot]) -> None:
        self._library = library
        self._snapshots = snapshots
        self._table = Table(duckdb.connect())
        self._read = 0
        self.total = 0
        """Files that there are."""
        self.notes: dict[str, str] = {}
        """Files that cannot be read, by name, and why."""
        self._broken: dict[tuple[int, int], Stamp] = {}
        self._retry = 0.0
        self._coming: set[tuple[int, int]] | None = None
        """Files that the last look has found new; None before the first."""
        lock_down(self._table.database, [run.path for run in library.runs], snapshots.values())
        self._table.make()

    @property
    def version(self) -> int:
        """Grows when rows come or go."""
        return self._table.version

    @property
    def loaded(self) -> int:
        """Files whose rows are in the table."""
        return len(self._table.held)

    def unread(self, shelf: Shelf) -> set[int]:
        """The steps of a shelf that are still to be read, as far as they have been seen.

        What a run has just written is seen with the next look; a search does not wait for it.
        """
        there = files_of(shelf.folder).keys()
        if self._coming is None:
            return set(there)
        known = {*list(self._table.held), *list(self._broken)}
        coming = {step for number, step in self._coming - known if number == shelf.number}
        return coming & there

    def broken(self, shelf: Shelf) -> set[int]:
        """The steps of a shelf whose files cannot be read."""
        return {step for number, step in list(self._broken) if number == shelf.number}

    def refresh(self, stop: threading.Event, wait: Callable[[], None] = lambda: None) -> None:
        """Take in what has come, and forget what has gone; a chunk of files at a time.

        Args:
            stop: ends it early.
            wait: called the first time, once the newest rows are there.
        """
        first = not self.version
        if first:
            restore(self._table, self._library, self._snapshots, wait)
        there = {
            (shelf.number, step): stamp
            for shelf in self._library.look()
            for step, stamp in files_of(shelf.folder).items()
        }
        for key in self._broken.keys() - there.keys():
            self._mended(key)
        self.total = len(there.keys() - self._broken.keys())
        gone = self._table.held.keys() - there.keys()
        if time.monotonic() > self._retry:  # a disk that did not answer may do so now
            self._retry = time.monotonic() + RETRY_SECONDS
            for key in list(self._broken):
                self._mended(key)
        missing = [
            key
            for key, stamp in there.items()
            if stamp not in (self._table.held.get(key), self._broken.get(key))
        ]
        self._coming = set(missing)
        if gone:
            self._forget(gone)
        # Steps first, so that with several runs the newest of each are there soon.
        order = iter(sorted(missing, key=lambda key: (-key[1], key[0])))
        sizes = chain(CHUNKS, repeat(CHUNKS[-1]))
        while (chunk := list(islice(order, size := next(sizes)))) and not stop.is_set():
            if first and size == CHUNKS[-1]:
                wait()
            for shelf in self._library.shelves:
                steps = [step for number, step in chunk if number == shelf.number]
                if steps:
                    self._take(shelf, {step: there[shelf.number, step] for step in steps})
        self.total = len(there.keys() - self._broken.keys())
        if first and self._read >= WORTH_KEEPING and not stop.is_set():
            keep(self._table, self._library, self._snapshots)
        self._table.version = max(1, self.version)

    def rows(self, asked: Filter, offset: int, limit: int) -> list[dict[str, Any]]:
        """Rows in the order that was asked for."""
        condition, values = asked.condition()
        return self._dicts(
            f"SELECT {', '.join(NAMES)} FROM light WHERE {condition} "
            f"ORDER BY {ORDERS[asked.sort]} LIMIT ? OFFSET ?",
            [*values, limit, offset],
        )

    def of_docs(self, docs: Sequence[int], asked: Filter | None = None) -> list[dict[str, Any]]:
        """Those of certain rows that fit, the newest first."""
        condition, values = (asked or Filter()).condition()
        return self._dicts(
            f"SELECT {', '.join(NAMES)} FROM light "
            f"WHERE doc IN (SELECT unnest(?::BIGINT[])) AND {condition}",
            [list(docs), *values],
        )

    def group_of(self, row: Mapping[str, Any], limit: int) -> list[dict[str, Any]]:
        """The rows of a row's group, in the order of its episodes."""
        return self._dicts(
            f"SELECT {', '.join(NAMES)} FROM light WHERE shelf = ? AND step = ? AND grp = ? "
            "AND source IS NOT DISTINCT FROM ? ORDER BY episode, doc LIMIT ?",
            [row["shelf"], row["step"], row["grp"], row["source"], limit],
        )

    def counts(self, asked: Filter) -> dict[str, Any]:
        """How many rows fit, and of each facet's values the most frequent, its own choice apart."""
        return counted(self._all, asked)

    def prompts(self, asked: Filter, by: str, limit: int) -> list[dict[str, Any]]:
        """Prompts by what they cost or earned; those of two sets are two, whatever their ids."""
        order = {
            "took": "took DESC NULLS LAST, longest DESC NULLS LAST",
            "reward": "reward NULLS LAST",
        }[by]
        condition, values = asked.condition()
        return self._dicts(
            "SELECT prompt_id, shelf, any_value(source) AS source, any_value(task) AS task,"
            " count(*) AS answers, avg(reward) AS reward,"
            " avg(tokens) AS tokens, max(tokens) AS longest, max(took) AS took,"
            " max(turns) AS turns, arg_max(doc, coalesce(took, tokens)) AS doc "
            f"FROM light WHERE {condition} AND prompt_id IS NOT NULL "
            "GROUP BY shelf, coalesce(source, ''), prompt_id "
            f"ORDER BY {order}, prompt_id, shelf, source LIMIT ?",
            [*values, limit],
        )

    def engines(self, shelf: Shelf) -> list[dict[str, Any]]:
        """How fast each engine was in the newest step that says so; nothing where none does."""
        steps = [step for number, step in list(self._table.held) if number == shelf.number]
        if not steps:
            return []
        try:
            return self._dicts(ENGINES, [str(episode_file(shelf.folder, max(steps)))])
        except duckdb.Error:  # of a version that did not keep turns, or gone
            return []

    def close(self) -> None:
        """Let go of the table."""
        self._table.database.close()

    def _take(self, shelf: Shelf, steps: Mapping[int, Stamp]) -> None:
        """Take in files of a shelf; where all at once does not go, one by one."""
        try:
            self._insert(shelf, steps)
        except (duckdb.Error, ArrowException, OSError) as error:
            if len(steps) > 1:
                for step, stamp in steps.items():
                    self._take(shelf, {step: stamp})
                return
            for step, stamp in steps.items():
                self._broken[shelf.number, step] = stamp
                if (shelf.number, step) in self._table.held:
                    self._forget([(shelf.number, step)])
                self.notes[_named(shelf, step)] = str(error).partition("\n")[0]

    def _mended(self, key: tuple[int, int]) -> None:
        """Say no more of a file that it cannot be read: it can now, or has gone."""
        if self._broken.pop(key, None) is not None:
            self.notes.pop(_named(self._library.shelves[key[0]], key[1]), None)

    def _insert(self, shelf: Shelf, steps: Mapping[int, Stamp]) -> None:
        paths = [str(episode_file(shelf.folder, step)) for step in steps]
        there = set(parquet.read_schema(paths[0]).names)
        # Of an evaluation a set is a row's source; earlier ones number groups set by set.
        source = '"set"' if "set" in there else "source"
        made = [
            f"{source if needs == 'source' else expression}::{kind} AS {name}"
            if needs in there
            else f"NULL::{kind} AS {name}"
            for name, (kind, needs, expression) in COLUMNS.items()
        ]
        named = "regexp_extract(filename, 'step_([0-9]+)[.]parquet$', 1)"
        number = f"coalesce(try_cast({named} AS BIGINT), 0)"
        with self._table.writing:
            cursor = self._table.database.cursor()
            cursor.execute("BEGIN")
            try:
                cursor.execute(
                    "DELETE FROM light WHERE shelf = ? AND step IN (SELECT unnest(?::INTEGER[]))",
                    [shelf.number, list(steps)],
                )
                cursor.execute(
                    f"INSERT INTO light SELECT *, {MIX} FROM (SELECT "
                    f"?::BIGINT + ({number} << 24) + file_row_number, ?::USMALLINT, "
                    f"{number}::INTEGER, {', '.join(made)} FROM read_parquet(?, "
                    "filename = true, file_row_number = true, union_by_name = true))",
                    [doc_of(shelf.number, 0, 0), shelf.number, paths],
                )
                self._table.know_mixes(cursor, shelf.number, list(steps))
                cursor.execute("COMMIT")
            except BaseException:
                cursor.execute("ROLLBACK")
                raise
            self._table.held |= {(shelf.number, step): stamp for step, stamp in steps.items()}
            for step in steps:
                self._mended((shelf.number, step))
            self._read += len(steps)
            self._table.version += 1

    def _forget(self, keys: Iterable[tuple[int, int]]) -> None:
        with self._table.writing:
            for shelf, step in list(keys):
                self._table.database.cursor().execute(
                    "DELETE FROM light WHERE shelf = ? AND step = ?", [shelf, step]
                )
                del self._table.held[shelf, step]
            self._table.version += 1

    def _dicts(self, sql: str, values: Sequence[Any]) -> list[dict[str, Any]]:
        cursor = self._table.database.cursor()
        cursor.execute(sql, list(values))
        names = [column[0] for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def _all(self, sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        cursor = self._table.database.cursor()
        found: list[tuple[Any, ...]] = cursor.execute(sql, list(values)).fetchall()
        return found


def _named(shelf: Shelf, step: int) -> str:
    """A file as a note calls it."""
    return f"{shelf.run.name}, {shelf.name}: step_{step:06d}.parquet"
