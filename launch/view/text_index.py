"""An index of words over the texts of a run: a rare word is not looked for in all files.

SQLite's FTS5 without the texts themselves: it says which rows may fit, and the rows say whether
they do. Files that are written anew are added again; what they held before is found out there.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

from launch.view.shelves import SHELF_BITS, Stamp, doc_of
from launch.view.words import TOKENIZER


class TextIndex:
    """The index of a run.

    Args:
        path: its file, which is made where it is not there.
        writing: whether this process adds to it.
    """

    def __init__(self, path: Path, *, writing: bool = False) -> None:
        self._path = path
        if writing:
            with closing(self._open()) as database:
                database.execute("PRAGMA journal_mode = WAL")
                database.executescript(
                    "CREATE TABLE IF NOT EXISTS shelves (number INTEGER PRIMARY KEY, name UNIQUE);"
                    "CREATE TABLE IF NOT EXISTS files (shelf, step, size, changed,"
                    " PRIMARY KEY (shelf, step)) WITHOUT ROWID;"
                    "CREATE VIRTUAL TABLE IF NOT EXISTS texts USING fts5(body, content = '',"
                    f' detail = none, columnsize = 0, tokenize = "{TOKENIZER}");'
                )

    def held(self, shelf: str) -> dict[int, Stamp]:
        """The files of a shelf that are in the index; nothing where there is none yet."""
        try:
            with closing(self._open(reading=True)) as database:
                rows = database.execute(
                    "SELECT step, size, changed FROM files JOIN shelves ON number = shelf "
                    "WHERE name = ?",
                    [shelf],
                ).fetchall()
        except sqlite3.Error:
            return {}
        return {step: Stamp(size, changed) for step, size, changed in rows}

    def add(self, shelf: str, step: int, stamp: Stamp, texts: Sequence[str]) -> None:
        """Add a file's rows, all or none.

        Raises:
            sqlite3.Error: The disk does not take them.
        """
        with closing(self._open()) as database, database:
            database.execute("INSERT OR IGNORE INTO shelves (name) VALUES (?)", [shelf])
            (number,) = database.execute(
                "SELECT number FROM shelves WHERE name = ?", [shelf]
            ).fetchone()
            database.executemany(
                "INSERT INTO texts (rowid, body) VALUES (?, ?)",
                ((doc_of(number, step, row), text) for row, text in enumerate(texts)),
            )
            database.execute(
                "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?)",
                [number, step, stamp.size, stamp.changed],
            )

    def find(self, shelf: str, words: str, low: int, high: int) -> Iterator[int]:
        """Rows of a shelf that may have the words, the last first.

        Args:
            shelf: its name.
            words: as `Query.fts` gives them.
            low: the first row, as step and row in one number.
            high: the last one.

        Raises:
            sqlite3.Error: The index is damaged, or gone.
        """
        with closing(self._open(reading=True)) as database:
            found = database.execute(
                "SELECT number FROM shelves WHERE name = ?", [shelf]
            ).fetchone()
            if found is None:
                return
            base = found[0] << SHELF_BITS
            for (doc,) in database.execute(
                "SELECT rowid FROM texts WHERE texts MATCH ? AND rowid BETWEEN ? AND ? "
                "ORDER BY rowid DESC",
                [words, base | low, base | high],
            ):
                yield doc & (1 << SHELF_BITS) - 1

    def _open(self, *, reading: bool = False) -> sqlite3.Connection:
        mode = "ro" if reading else "rwc"
        # A generator may be continued by another thread of the server than the one that began it.
        return sqlite3.connect(
            f"{self._path.as_uri()}?mode={mode}", uri=True, timeout=20, check_same_thread=False
        )
