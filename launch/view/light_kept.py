"""The table of light columns, what an earlier start has kept of it, and keeping it for the next."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import duckdb

from launch.view.cache import Snapshot
from launch.view.light_columns import COLUMNS, MIX, MIXED, quoted
from launch.view.shelves import Library, Shelf, Stamp, doc_of, files_of

NEWEST: Final = 24  # steps that are there before the others
Key = tuple[int, int]
"""A shelf's number and a step."""


@dataclass(slots=True)
class Table:
    """The table `light`, and which files' rows are in it."""

    database: duckdb.DuckDBPyConnection
    held: dict[Key, Stamp] = field(default_factory=dict)
    version: int = 0
    """Grows when rows come or go."""
    writing: threading.Lock = field(default_factory=threading.Lock)

    def make(self) -> None:
        """Make it, empty, and beside it `mixes`: which values stand together in its rows.

        Counting rows by one number is ten times cheaper than by six words.
        """
        types = ", ".join(f"{name} {kind}" for name, (kind, _, _) in COLUMNS.items())
        self.database.execute(
            f"CREATE TABLE light (doc BIGINT, shelf USMALLINT, step INTEGER, {types}, mix UBIGINT)"
        )
        words = ", ".join(f"{name} VARCHAR" for name in MIXED)
        self.database.execute(f"CREATE TABLE mixes (mix UBIGINT, {words})")

    def know_mixes(self, cursor: duckdb.DuckDBPyConnection, shelf: int, steps: list[int]) -> None:
        """Add to `mixes` what rows that have just come brought."""
        cursor.execute(
            f"INSERT INTO mixes SELECT mix, {', '.join(f'any_value({name})' for name in MIXED)} "
            "FROM light WHERE shelf = ? AND step IN (SELECT unnest(?::INTEGER[])) "
            "AND mix NOT IN (SELECT mix FROM mixes) GROUP BY mix",
            [shelf, steps],
        )


def restore(
    table: Table,
    library: Library,
    snapshots: Mapping[int, Snapshot],
    wait: Callable[[], None],
) -> None:
    """Begin with what an earlier start has kept of files that are still the same.

    Args:
        table: which has no rows yet.
        library: the runs.
        snapshots: by run number.
        wait: called once the newest rows of all are there.
    """
    found: list[tuple[Shelf, Snapshot, dict[int, Stamp]]] = []
    for run in library.runs:
        snapshot = snapshots.get(run.number)
        kept = snapshot.read() if snapshot is not None else {}
        for shelf in library.look():
            if shelf.run.number != run.number or shelf.name not in kept or snapshot is None:
                continue
            now = files_of(shelf.folder)
            same = {s: stamp for s, stamp in kept[shelf.name].items() if now.get(s) == stamp}
            if same:
                found.append((shelf, snapshot, same))
    for newer in (True, False):
        for shelf, snapshot, same in found:
            cut = sorted(same)[-NEWEST:][0]
            steps = [step for step in same if (step >= cut) == newer]
            if steps:
                _restore_steps(table, shelf, snapshot, {step: same[step] for step in steps})
        if newer and found:
            wait()


def _restore_steps(
    table: Table, shelf: Shelf, snapshot: Snapshot, steps: Mapping[int, Stamp]
) -> None:
    columns = ", ".join(COLUMNS)
    with table.writing:
        cursor = table.database.cursor()
        cursor.execute("BEGIN")
        try:
            cursor.execute(
                f"INSERT INTO light BY NAME SELECT ?::BIGINT + doc AS doc, ? AS shelf, step, "
                f"{columns}, {MIX} AS mix "
                "FROM read_parquet(?) WHERE shelf_name = ? AND step >= ? AND step <= ? "
                "AND step IN (SELECT unnest(?::INTEGER[]))",
                [
                    doc_of(shelf.number, 0, 0), shelf.number, str(snapshot.table),
                    shelf.name, min(steps), max(steps), list(steps),
                ],
            )  # fmt: skip
            table.know_mixes(cursor, shelf.number, list(steps))
            cursor.execute("COMMIT")
        except duckdb.Error:  # damaged: the files themselves are read
            cursor.execute("ROLLBACK")
            snapshot.drop()
            return
        table.held |= {(shelf.number, step): stamp for step, stamp in steps.items()}
        table.version += 1


def keep(table: Table, library: Library, snapshots: Mapping[int, Snapshot]) -> None:
    """Spare the next start the reading of small files."""
    for run in library.runs:
        snapshot = snapshots.get(run.number)
        own = [shelf for shelf in library.shelves if shelf.run.number == run.number]
        if snapshot is None or not own:
            continue
        held: dict[str, dict[int, Stamp]] = {shelf.name: {} for shelf in own}
        for (number, step), stamp in table.held.items():
            if library.shelves[number].run.number == run.number:
                held[library.shelves[number].name][step] = stamp
        names = {shelf.number: shelf.name for shelf in own}
        with snapshot.written(held) as target:
            table.database.cursor().execute(
                "COPY (SELECT doc & ((1::BIGINT << 48) - 1) AS doc, "
                f"map(?::USMALLINT[], ?::VARCHAR[])[shelf] AS shelf_name, step, "
                f"{', '.join(COLUMNS)} FROM light "
                "WHERE shelf IN (SELECT unnest(?::USMALLINT[]))) TO "
                f"'{quoted(target)}' (FORMAT parquet, COMPRESSION snappy)",
                [list(names), list(names.values()), list(names)],
            )
