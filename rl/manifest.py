"""What a folder consists of: every file with its size and its SHA-256.

Guarantee: a digest is of the bytes that were meant to be written, taken as they were handed to the
file, so that what a disk or a network made of them since is noticed.
"""

import hashlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

CHUNK: Final = 8 << 20
"""Bytes that are read at once."""


@dataclass(frozen=True, slots=True)
class FileRecord:
    """A file as it was written."""

    size: int
    """Bytes."""
    sha256: str
    """Hexadecimal; empty where only the size is known."""


Manifest = Mapping[str, FileRecord]
"""Files by their path in a folder, with slashes."""


class RecordedFile:
    """A new file whose digest is taken as it is written; it is on disk once its block has ended."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")
        self._digest = hashlib.sha256()
        self._size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._file.flush()
                os.fsync(self._file.fileno())
        finally:
            self._file.close()

    def write(self, data: Any) -> int:
        """Append bytes."""
        view = memoryview(data).cast("B")
        self._digest.update(view)
        self._size += view.nbytes
        return self._file.write(view)

    def flush(self) -> None:
        """Hand what is buffered to the system."""
        self._file.flush()

    def record(self) -> FileRecord:
        """What was written so far."""
        return FileRecord(self._size, self._digest.hexdigest())


def record_of(path: Path) -> FileRecord:
    """Size and digest of a file that is there."""
    digest = hashlib.sha256()
    size = 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return FileRecord(size, digest.hexdigest())


def manifest_of(folder: Path) -> dict[str, FileRecord]:
    """Every file below `folder`."""
    return {name: record_of(folder / name) for name in files_below(folder)}


def files_below(folder: Path) -> list[str]:
    """The paths of the files below `folder`, from there, in order."""
    return sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
    )


def check_sizes(folder: Path, manifest: Manifest) -> None:
    """Raises ValueError if a file is not there in its size; reads none."""
    found = {name: (folder / name).stat().st_size for name in files_below(folder)}
    lost = [name for name, record in manifest.items() if found.get(name) != record.size]
    if lost:
        which = "is not there" if lost[0] not in found else "has another size"
        raise ValueError(f"{lost[0]} {which}; {len(lost)} of {len(manifest)} files are lost")


def check_digests(folder: Path, manifest: Manifest, names: Iterable[str]) -> None:
    """Raises ValueError if a file of `names` is not what was written; reads all of them."""
    for name in names:
        if (wanted := manifest[name]).sha256 and record_of(folder / name) != wanted:
            raise ValueError(f"{name} is not what was written: its SHA-256 is another")


def manifest_to_json(manifest: Manifest) -> dict[str, Any]:
    """As JSON values."""
    return {name: {"size": one.size, "sha256": one.sha256} for name, one in manifest.items()}


def manifest_from_json(said: Any) -> dict[str, FileRecord]:
    """The inverse; raises ValueError or KeyError for anything else."""
    if not isinstance(said, dict):
        raise ValueError("it holds no files by name")
    return {
        str(name): FileRecord(int(one["size"]), str(one["sha256"])) for name, one in said.items()
    }
