"""Answers on disk, one a line, so that none is asked for twice.

Guarantees: what `put` has returned from is found again after the process was killed; what a power
cut can take is the last `SYNC_EVERY` answers at most. A line that was cut short is removed. Several
processes may write to one file at once. A file whose answers are those of other questions, another
model or another sampling is refused. Memory grows with the keys, not with the answers.
"""

import asyncio
import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Self

from data.errors import AnswersError

SYNC_EVERY: Final = 64
VERSION: Final = 1
_MARK: Final = "plumb_answers"


class AnswerStore:
    """Values by key, in a file to which lines are added. Use `AnswerStore.open`, then `close`."""

    def __init__(self, path: Path, descriptor: int, where: dict[str, int], read: int) -> None:
        self.path = path
        self._descriptor = descriptor
        self._where = where  # the byte at which the line of each key begins
        self._read = read  # bytes of the file that are known
        self._unsynced = 0

    @classmethod
    def open(cls, path: Path, identity: Mapping[str, Any]) -> Self:
        """Open a file, or begin one.

        Args:
            path: A `.jsonl` file; its folder is made.
            identity: What the answers depend on, beside their keys: model, sampling, wording.

        Raises:
            AnswersError: The file holds answers under another identity, or cannot be used.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        except OSError as error:
            raise AnswersError(f"{path}: cannot be opened: {error.strerror or error}") from error
        store = cls(path, descriptor, {}, 0)
        try:
            with store._locked():
                store._begin(_plain(identity))
                store._catch_up()
        except BaseException:
            os.close(descriptor)
            raise
        return store

    def close(self) -> None:
        """Write everything to the disk, and close the file."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            try:
                self._sync(descriptor)
            finally:
                os.close(descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __len__(self) -> int:
        return len(self._where)

    def __contains__(self, key: str) -> bool:
        if key not in self._where:
            self._look_for_more()
        return key in self._where

    def get(self, key: str) -> Any | None:
        """The value under `key`; None: there is none."""
        if key not in self:
            return None
        return json.loads(self._line_at(self._where[key]))["value"]

    async def put(self, key: str, value: Any) -> None:
        """Keep a JSON value; one that is there already stays.

        Raises:
            AnswersError: It cannot be written, such as on a full disk.
        """
        line = json.dumps({"key": key, "value": value}, separators=(",", ":")) + "\n"
        with self._locked():
            self._catch_up()
            if key in self._where:
                return
            self._append(line.encode())
            self._where[key] = self._read
            self._read += len(line)
        self._unsynced += 1
        if self._unsynced >= SYNC_EVERY:
            self._unsynced = 0
            await asyncio.to_thread(self._sync, self._descriptor)

    def _sync(self, descriptor: int) -> None:
        try:
            os.fsync(descriptor)
        except OSError as error:
            raise AnswersError(f"{self.path}: cannot be kept: {error.strerror or error}") from error

    def _append(self, line: bytes) -> None:
        """Write a whole line at the end, or nothing."""
        try:
            written = os.write(self._descriptor, line)
            if written < len(line):
                raise OSError("the disk is full")
        except OSError as error:
            os.ftruncate(self._descriptor, self._read)
            raise AnswersError(
                f"{self.path}: cannot be written: {error.strerror or error}; "
                f"{len(self)} answers are kept: make room, and run the command again"
            ) from error

    def _begin(self, identity: Mapping[str, Any]) -> None:
        """Write the first line, or read it and compare."""
        size = self._cut_torn_line()
        if size == 0:
            line = json.dumps({_MARK: VERSION, "identity": identity}, sort_keys=True) + "\n"
            self._append(line.encode())
            self._read = len(line)
            return
        first = self._line_at(0)
        self._read = len(first)
        try:
            found = json.loads(first)
            is_ours = found.get(_MARK) == VERSION
        except (ValueError, AttributeError):
            is_ours = False
        if not is_ours:
            raise AnswersError(f"{self.path}: is no file of answers; name another, or remove it")
        if found["identity"] != identity:
            raise AnswersError(
                f"{self.path}: holds answers to something else: {_difference(found, identity)}; "
                "ask as before, or write to another folder"
            )

    def _cut_torn_line(self) -> int:
        """Remove what a killed process left of a line; gives the size of the file then."""
        size = os.fstat(self._descriptor).st_size
        end = size
        while end > 0:
            start = max(0, end - 65_536)
            newline = os.pread(self._descriptor, end - start, start).rfind(b"\n")
            if newline >= 0:
                end = start + newline + 1
                break
            end = start
        if end < size:
            os.ftruncate(self._descriptor, end)
        return end

    def _look_for_more(self) -> None:
        """Learn what other processes have written meanwhile."""
        if os.fstat(self._descriptor).st_size != self._read:
            with self._locked():
                self._catch_up()

    def _catch_up(self) -> None:
        """Read the lines that are not known yet; needs the lock."""
        if os.fstat(self._descriptor).st_size == self._read:
            return
        self._cut_torn_line()
        with self.path.open("rb") as file:
            file.seek(self._read)
            for line in file:
                try:
                    self._where[json.loads(line)["key"]] = self._read
                except (ValueError, TypeError, KeyError) as error:
                    raise AnswersError(
                        f"{self.path}: the line at byte {self._read} is damaged; remove it, and "
                        "its question is asked again"
                    ) from error
                self._read += len(line)

    def _line_at(self, start: int) -> bytes:
        parts = []
        while True:
            part = os.pread(self._descriptor, 65_536, start)
            newline = part.find(b"\n")
            parts.append(part if newline < 0 else part[: newline + 1])
            if newline >= 0 or not part:
                return b"".join(parts)
            start += len(part)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the file against other processes, for the time of a write."""
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)


def _plain(identity: Mapping[str, Any]) -> dict[str, Any]:
    """The identity as it is read back from a file."""
    plain: dict[str, Any] = json.loads(json.dumps(identity, sort_keys=True))
    return plain


def _difference(found: Mapping[str, Any], identity: Mapping[str, Any]) -> str:
    held = found["identity"]
    names = sorted(name for name in {*held, *identity} if held.get(name) != identity.get(name))
    name = names[0]
    return (
        f"there {name} is {json.dumps(held.get(name))}, and here {json.dumps(identity.get(name))}"
    )
