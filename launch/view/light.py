"""The light columns of every row, in a table in memory, which grows while a run goes on.

Guarantees: the newest steps are there first; a file that was written anew replaces its rows; one
that cannot be read is named and the others are there; DuckDB reaches nothing but the folders of the
runs and the cache. Every statement is fixed, and what a request says is a parameter.
"""

import threading
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, islice, repeat
from typing import Any, Final

import duckdb
from pyarrow import ArrowException, parquet

from launch.view.cache import Snapshot
from launch.view.facets import counted
from launch.view.filters import ORDERS, Filter
from launch.view.light_columns import (
    COLUMNS,
    ENGINES,
    NAMES,
    lock_down,
    quoted,
)
from launch.view.shelves import Library, Shelf, Stamp, doc_of, episode_file, files_of

CHUNKS: Final = (1, 4, 24)  # files that are read at once: first, then, and from then on
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
        self._held: dict[tuple[int, int], Stamp] = {}
        self._database = duckdb.connect()
        self._writing = threading.Lock()
        self._read = 0
        self.version = 0
        """Grows when rows come or go."""
        self.total = 0
        """Files that there are."""
        self.notes: dict[str, str] = {}
        """Files that cannot be read, by name, and why."""
        self._broken: dict[tuple[int, int], Stamp] = {}
        lock_down(self._database, [run.path for run in library.runs], snapshots.values())
        types = ", ".join(f"{name} {kind}" for name, (kind, _, _) in COLUMNS.items())
        self._database.execute(
            f"CREATE TABLE light (doc BIGINT, shelf USMALLINT, step INTEGER, {types})"
        )

    @property
    def loaded(self) -> int:
        """Files whose rows are in the table."""
        return len(self._held)

    def refresh(self, stop: threading.Event) -> None:
        """Take in what has come, and forget what has gone; a chunk of files at a time."""
        first = not self.version
        if first:
            self._restore()
        there = {
            (shelf.number, step): stamp
            for shelf in self._library.look()
            for step, stamp in files_of(shelf.folder).items()
        }
        for key in self._broken.keys() - there.keys():
            self._mended(key)
        self.total = len(there.keys() - self._broken.keys())
        gone = self._held.keys() - there.keys()
        missing = [
            key
            for key, stamp in there.items()
            if stamp not in (self._held.get(key), self._broken.get(key))
        ]
        if gone:
            self._forget(gone)
        # Steps first, so that with several runs the newest of each are there soon.
        order = iter(sorted(missing, key=lambda key: (-key[1], key[0])))
        sizes = chain(CHUNKS, repeat(CHUNKS[-1]))
        while (chunk := list(islice(order, next(sizes)))) and not stop.is_set():
            for shelf in self._library.shelves:
                steps = [step for number, step in chunk if number == shelf.number]
                if steps:
                    self._take(shelf, {step: there[shelf.number, step] for step in steps})
        self.total = len(there.keys() - self._broken.keys())
        if first and self._read >= WORTH_KEEPING and not stop.is_set():
            self._keep()
        self.version = max(1, self.version)

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
        """Prompts by what they cost or earned."""
        order = {
            "seconds": "seconds DESC NULLS LAST",
            "tokens": "longest DESC NULLS LAST",
            "reward": "reward NULLS LAST",
            "turns": "turns DESC NULLS LAST",
        }[by]
        condition, values = asked.condition()
        return self._dicts(
            "SELECT prompt_id, any_value(task) AS task, count(*) AS answers, avg(reward) AS reward,"
            " avg(tokens) AS tokens, max(tokens) AS longest, max(seconds) AS seconds,"
            " max(turns) AS turns, arg_max(doc, tokens) AS doc "
            f"FROM light WHERE {condition} AND prompt_id IS NOT NULL GROUP BY prompt_id "
            f"ORDER BY {order}, prompt_id LIMIT ?",
            [*values, limit],
        )

    def engines(self, shelf: Shelf) -> list[dict[str, Any]]:
        """How fast each engine was in the newest step that says so; nothing where none does."""
        steps = [step for number, step in self._held if number == shelf.number]
        if not steps:
            return []
        try:
            return self._dicts(ENGINES, [str(episode_file(shelf.folder, max(steps)))])
        except duckdb.Error:  # of a version that did not keep turns, or gone
            return []

    def close(self) -> None:
        """Let go of the table."""
        self._database.close()

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
                self._held.pop((shelf.number, step), None)
                self.notes[_named(shelf, step)] = str(error).partition("\n")[0]

    def _mended(self, key: tuple[int, int]) -> None:
        """Say no more of a file that it cannot be read: it can now, or has gone."""
        if self._broken.pop(key, None) is not None:
            self.notes.pop(_named(self._library.shelves[key[0]], key[1]), None)

    def _insert(self, shelf: Shelf, steps: Mapping[int, Stamp]) -> None:
        paths = [str(episode_file(shelf.folder, step)) for step in steps]
        there = set(parquet.read_schema(paths[0]).names)
        # What `plumb eval` leaves numbers groups set by set: a set is its source there.
        source = '"set"' if "set" in there else "source"
        made = [
            f"{source if needs == 'source' else expression}::{kind}"
            if needs in there
            else f"NULL::{kind}"
            for kind, needs, expression in COLUMNS.values()
        ]
        named = "regexp_extract(filename, 'step_([0-9]+)[.]parquet$', 1)"
        number = f"coalesce(try_cast({named} AS BIGINT), 0)"
        with self._writing:
            cursor = self._database.cursor()
            cursor.execute("BEGIN")
            try:
                cursor.execute(
                    "DELETE FROM light WHERE shelf = ? AND step IN (SELECT unnest(?::INTEGER[]))",
                    [shelf.number, list(steps)],
                )
                cursor.execute(
                    f"INSERT INTO light SELECT ?::BIGINT + ({number} << 24) + file_row_number, ?, "
                    f"{number}::INTEGER, {', '.join(made)} FROM read_parquet(?, "
                    "filename = true, file_row_number = true, union_by_name = true)",
                    [doc_of(shelf.number, 0, 0), shelf.number, paths],
                )
                cursor.execute("COMMIT")
            except BaseException:
                cursor.execute("ROLLBACK")
                raise
            self._held |= {(shelf.number, step): stamp for step, stamp in steps.items()}
            for step in steps:
                self._mended((shelf.number, step))
            self._read += len(steps)
            self.version += 1

    def _forget(self, keys: Iterable[tuple[int, int]]) -> None:
        with self._writing:
            for shelf, step in list(keys):
                self._database.cursor().execute(
                    "DELETE FROM light WHERE shelf = ? AND step = ?", [shelf, step]
                )
                del self._held[shelf, step]
            self.version += 1

    def _restore(self) -> None:
        """Begin with what an earlier start has kept of files that are still the same."""
        for run in self._library.runs:
            snapshot = self._snapshots.get(run.number)
            shelves = {s.name: s for s in self._library.look() if s.run.number == run.number}
            kept = snapshot.read() if snapshot is not None else {}
            for name, shelf in shelves.items():
                now = files_of(shelf.folder)
                same = {
                    step: stamp
                    for step, stamp in kept.get(name, {}).items()
                    if now.get(step) == stamp
                }
                if same and snapshot is not None:
                    self._restore_shelf(shelf, snapshot, same)

    def _restore_shelf(self, shelf: Shelf, snapshot: Snapshot, same: Mapping[int, Stamp]) -> None:
        """Take a shelf's steps from a snapshot, the newest first."""
        cut = sorted(same)[-CHUNKS[-1] :][0]
        for newer in (True, False):
            steps = [step for step in same if (step >= cut) == newer]
            try:
                with self._writing:
                    self._database.cursor().execute(
                        f"INSERT INTO light SELECT ?::BIGINT + doc, ?, step, {', '.join(COLUMNS)} "
                        "FROM read_parquet(?) WHERE shelf_name = ? AND step >= ? AND step < ? "
                        "AND step IN (SELECT unnest(?::INTEGER[]))",
                        [
                            doc_of(shelf.number, 0, 0), shelf.number, str(snapshot.table),
                            shelf.name, cut if newer else 0, 1 << 30 if newer else cut, steps,
                        ],
                    )  # fmt: skip
                    self._held |= {(shelf.number, step): same[step] for step in steps}
                    self.version += 1
            except duckdb.Error:  # damaged: the files themselves are read
                snapshot.drop()
                return

    def _keep(self) -> None:
        """Spare the next start the reading of small files."""
        for run in self._library.runs:
            snapshot = self._snapshots.get(run.number)
            own = [s for s in self._library.shelves if s.run.number == run.number]
            if snapshot is None or not own:
                continue
            held: dict[str, dict[int, Stamp]] = {shelf.name: {} for shelf in own}
            for (number, step), stamp in self._held.items():
                if self._library.shelves[number].run.number == run.number:
                    held[self._library.shelves[number].name][step] = stamp
            names = {shelf.number: shelf.name for shelf in own}
            with snapshot.written(held) as target:
                self._database.cursor().execute(
                    "COPY (SELECT doc & ((1::BIGINT << 48) - 1) AS doc, "
                    f"map(?::USMALLINT[], ?::VARCHAR[])[shelf] AS shelf_name, step, "
                    f"{', '.join(COLUMNS)} FROM light "
                    "WHERE shelf IN (SELECT unnest(?::USMALLINT[]))) TO "
                    f"'{quoted(target)}' (FORMAT parquet, COMPRESSION snappy)",
                    [list(names), list(names.values()), list(names)],
                )

    def _dicts(self, sql: str, values: Sequence[Any]) -> list[dict[str, Any]]:
        cursor = self._database.cursor()
        cursor.execute(sql, list(values))
        names = [column[0] for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def _all(self, sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = self._database.cursor().execute(sql, list(values)).fetchall()
        return found


def _named(shelf: Shelf, step: int) -> str:
    """A file as a note calls it."""
    return f"{shelf.run.name}, {shelf.name}: step_{step:06d}.parquet"
