"""Writing to the run directory: whole files or none, and one clear line when the disk is full."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rl.errors import StorageError

_REMEDIES = {
    errno.ENOSPC: "the disk is full: free some space",
    errno.EDQUOT: "the disk quota is used up: free some space",
    errno.EACCES: "permission denied: choose another run_dir",
    errno.EROFS: "the file system is read-only: choose another run_dir",
}


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn a failed write below `path` into a `StorageError` that says what to do."""
    try:
        yield
    except OSError as error:
        remedy = _REMEDIES.get(error.errno or 0, error.strerror or str(error))
        raise StorageError(f"cannot write {path}: {remedy}") from error


def write_atomically(path: Path, text: str) -> None:
    """Replace the file `path` by `text`: a reader, or a crash, sees the old or the new, whole."""
    temporary = path.with_name(f".{path.name}.tmp")
    with writing(path):
        with temporary.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_folder(path.parent)


def publish(temporary: Path, final: Path) -> None:
    """Make a finished folder appear under its name at once."""
    with writing(final):
        for path in (temporary, *temporary.rglob("*")):
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        old = final.with_name(f".{final.name}.old")
        if final.exists():
            # First the name: a kill must not leave half a folder under it.
            final.rename(old)
        temporary.rename(final)
        sync_folder(final.parent)
        shutil.rmtree(old, ignore_errors=True)


def sync_folder(folder: Path) -> None:
    """Make renames in `folder` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
