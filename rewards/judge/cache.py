"""Grades on disk, so that one answer is paid for once.

Guarantees: what is found under a key is what was stored under it, or nothing: every row carries a
checksum, and one that does not agree is dropped. Writes are atomic. Several processes of a machine
may share a folder. A file that SQLite cannot read is put aside and a new one begun. The cache is
bounded: beyond `limit` entries the oldest go. No trouble with it is ever more than a miss.

The folder has to be on a local disk: SQLite's locks do not hold on every network file system.
"""

import hashlib
import json
import logging
import sqlite3
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from rewards.errors import PoolError

FILE: Final = "judge.sqlite3"
LIMIT: Final = 1_000_000
TRIM_EVERY: Final = 1_000  # writes
BUSY_SECONDS: Final = 10.0  # for another process to end its write
_TABLE: Final = (
    "CREATE TABLE IF NOT EXISTS votes (key TEXT PRIMARY KEY, value TEXT NOT NULL, "
    "checksum TEXT NOT NULL, stored REAL NOT NULL) WITHOUT ROWID",
    "CREATE INDEX IF NOT EXISTS votes_by_age ON votes (stored)",
)
_LOG = logging.getLogger(__name__)


def cache_key(parts: Mapping[str, Any]) -> str:
    """The key of everything that a vote depends on."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


class VoteCache:
    """Votes by key, in a folder; its methods block for the time of a disk access.

    Raises:
        PoolError: The folder cannot be made or written.
    """

    def __init__(self, folder: Path, *, limit: int = LIMIT) -> None:
        self._path = folder / FILE
        self._limit = limit
        self._writes = 0
        self._lock = threading.Lock()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._connection = self._open()
        except (OSError, sqlite3.Error) as error:
            raise PoolError(
                f"the judge's cache {folder} cannot be used: {error}; choose another folder"
            ) from error

    def get(self, key: str) -> dict[str, Any] | None:
        """What is stored under `key`."""
        with self._lock:
            try:
                row = self._connection.execute(
                    "SELECT value, checksum FROM votes WHERE key = ?", (key,)
                ).fetchone()
                if row is None:
                    return None
                value = _checked(key, *row)
                if value is None:
                    _LOG.warning("the judge's cache %s has a damaged entry: dropped", self._path)
                    self._connection.execute("DELETE FROM votes WHERE key = ?", (key,))
                return value
            except (sqlite3.Error, UnicodeDecodeError) as error:
                self._recover(error)
                return None

    def put(self, key: str, value: Mapping[str, Any]) -> None:
        """Store `value` under `key`, in place of what was there."""
        text = json.dumps(value)
        with self._lock:
            try:
                self._connection.execute(
                    "INSERT OR REPLACE INTO votes VALUES (?, ?, ?, ?)",
                    (key, text, _checksum(key, text), time.time()),
                )
                self._writes += 1
                if self._writes % TRIM_EVERY == 0:
                    self._trim()
            except sqlite3.Error as error:
                self._recover(error)

    def __len__(self) -> int:
        with self._lock:
            return int(self._connection.execute("SELECT count(*) FROM votes").fetchone()[0])

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def _open(self) -> sqlite3.Connection:
        try:
            return self._connected()
        except sqlite3.OperationalError:
            raise  # locked, not writable, no space: a new file would be no better
        except sqlite3.DatabaseError as error:
            return self._rebuilt(error)

    def _connected(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            for statement in _TABLE:
                connection.execute(statement)
        except BaseException:
            connection.close()
            raise
        return connection

    def _rebuilt(self, error: Exception) -> sqlite3.Connection:
        aside = self._path.with_name(f"{FILE}.damaged-{time.time_ns()}")
        _LOG.warning("the judge's cache %s is damaged (%s): begun anew", self._path, error)
        with suppress(FileNotFoundError):  # another process was faster
            self._path.rename(aside)
        for suffix in ("-wal", "-shm"):
            self._path.with_name(FILE + suffix).unlink(missing_ok=True)
        return self._connected()

    def _recover(self, error: Exception) -> None:
        """After an error in use: begin anew where the file is damaged; else it was a miss."""
        if isinstance(error, sqlite3.OperationalError):
            _LOG.warning("the judge's cache %s could not be used: %s", self._path, error)
            return
        self._connection.close()
        self._connection = self._rebuilt(error)

    def _trim(self) -> None:
        self._connection.execute(
            "DELETE FROM votes WHERE key IN (SELECT key FROM votes ORDER BY stored LIMIT "
            "max(0, (SELECT count(*) FROM votes) - ?))",
            (self._limit,),
        )


def _checksum(key: str, text: str) -> str:
    return hashlib.sha256(f"{key}\n{text}".encode()).hexdigest()


def _checked(key: str, text: object, checksum: object) -> dict[str, Any] | None:
    if not isinstance(text, str) or _checksum(key, text) != checksum:
        return None
    value = json.loads(text)
    return value if isinstance(value, dict) else None
