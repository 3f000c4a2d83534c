"""A pipeline's folder: parts that appear whole, and what is known of each block until all are done.

A block is finished when its note in `.pipeline` is there, written after its files; a note whose
files are not as it says counts for nothing. So whatever instant a process is killed at, the next
one finds finished blocks and does the others anew. The notes go when the manifest has come.
"""

import dataclasses
import errno
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from data.errors import PipelineError, SourceError
from data.pipeline.differing import difference
from data.pipeline.manifest import (
    NAME,
    Counts,
    Manifest,
    Part,
    read_manifest,
    summed,
)
from data.pipeline.source import file_digest
from data.pipeline.work import DROPPED, KEPT, REVIEW, Done, Encoded, Flow

FOLDERS: Final = {KEPT: ".", DROPPED: "dropped", REVIEW: "review"}
BAD: Final = "bad.jsonl"
_STATE: Final = ".pipeline"
_REMEDIES: Final = {
    errno.ENOSPC: "the disk is full: free some space and run the command again: it goes on there",
    errno.EDQUOT: "the quota is used up: free some and run the command again: it goes on there",
    errno.EACCES: "permission denied: give another folder",
    errno.EROFS: "the file system is read-only: give another folder",
}


@dataclasses.dataclass(frozen=True, slots=True)
class Note:
    """What is known of a finished block."""

    number: int
    origin: int
    read: int
    files: Mapping[str, Part]
    bad: Sequence[Mapping[str, Any]]
    flows: Sequence[Flow]
    seconds: Mapping[str, float]


class Folder:
    """The output of one pipeline; used inside `opened`, by one process at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._state = path / _STATE

    def begin(self, identity: Mapping[str, Any], *, overwrite: bool) -> Manifest | None:
        """Make the folder ready for this work; gives the manifest where it was finished before.

        Args:
            identity: of input and configuration, as JSON values.
            overwrite: whether output of other work is deleted; it raises otherwise.

        Raises:
            PipelineError: the folder holds other work, or its own input.
        """
        manifest = read_manifest(self.path)
        held = self._identity(manifest)
        same = held is not None and difference(held, identity) is None
        if not same and not overwrite:
            if held is not None:
                raise PipelineError(
                    f"{self.path}: holds the output of other work: {difference(held, identity)}; "
                    "give another folder, or --overwrite to replace it"
                )
            if any(self.path.glob("part_*.parquet")):
                raise PipelineError(
                    f"{self.path}: holds parts that no manifest tells of; give another folder, or "
                    "--overwrite to replace them"
                )
        if not same:
            self._clear(Path(one["path"]) for one in identity["input"])
            self._write(f"{_STATE}/identity.json", _text(identity))
        for name in (*FOLDERS.values(), _STATE):
            for left in (self.path / name).glob(".*.tmp"):
                left.unlink()
        return manifest if same else None

    def notes(self) -> dict[int, Note]:
        """The blocks whose note is whole and whose files are as it says."""
        found = {}
        for path in sorted(self._state.glob("[0-9]*.json")):
            try:
                note = _note(json.loads(path.read_text("utf-8")))
            except (OSError, ValueError, TypeError, KeyError):
                continue
            if all(is_whole(self.path, part) for part in note.files.values()):
                found[note.number] = note
        return found

    def commit(self, done: Done) -> Note:
        """Write what came of a block; it is finished when this returns."""
        files = {
            kind: write_part(self.path, part_name(kind, done.number), encoded)
            for kind, encoded in done.files.items()
        }
        note = Note(done.number, done.origin, done.read, files, done.bad, done.flows, done.seconds)
        self._write(f"{_STATE}/{done.number:06d}.json", _text(_said(note)))
        return note

    def finish(self, manifest: Manifest, bad: Sequence[Mapping[str, Any]]) -> Manifest:
        """Write the rows that could not be read, and the manifest."""
        if bad:
            lines = [json.dumps(row, ensure_ascii=False, default=str) for row in bad]
            data = "".join(f"{line}\n" for line in lines).encode("utf-8", "backslashreplace")
            self._write(BAD, data)
            sha256 = hashlib.sha256(data).hexdigest()
            manifest.bad_file = Part(file=BAD, sha256=sha256, rows=len(bad))
        write_manifest(self.path, manifest)
        return manifest

    def write_beside(self, name: str, value: object) -> None:
        """Write a JSON file that is no part of what has to be the same each time."""
        self._write(name, _text(value))

    def forget(self) -> None:
        """Delete the notes."""
        shutil.rmtree(self._state, ignore_errors=True)

    def _identity(self, manifest: Manifest | None) -> Any:
        if manifest is not None:
            return identity(manifest.input, manifest.config, manifest.block_rows)
        try:
            return json.loads((self._state / "identity.json").read_text("utf-8"))
        except (OSError, ValueError):
            return None

    def _clear(self, read: Iterable[Path]) -> None:
        parts = (part for kind in FOLDERS for part in self.path.glob(part_name(kind, "*")))
        named = (self.path / name for name in (NAME, BAD))
        delete([*named, *parts, *self._state.glob("*.json")], read)

    def _write(self, name: str, data: bytes) -> None:
        write_whole(self.path / name, data)


def delete(files: Sequence[Path], read: Iterable[Path]) -> None:
    """Delete what a folder holds of other work.

    Raises:
        PipelineError: one of the files is read for the new work; nothing is deleted.
    """
    needed = {path.resolve() for path in read}
    lost = next((path for path in files if path.resolve() in needed), None)
    if lost is not None:
        raise PipelineError(
            f"{lost}: is read, and would be replaced by what comes of it; give another folder"
        )
    for path in files:
        path.unlink(missing_ok=True)


def write_part(folder: Path, name: str, encoded: Encoded) -> Part:
    """Write a part under its name below the folder; gives its line of the manifest."""
    write_whole(folder / name, encoded.data)
    sha256 = hashlib.sha256(encoded.data).hexdigest()
    return Part(file=name, sha256=sha256, rows=encoded.rows)


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write the manifest, which says that the folder is finished."""
    write_whole(folder / NAME, manifest.text().encode("utf-8", "backslashreplace"))


def write_whole(path: Path, data: bytes) -> None:
    """Write a file that appears when it is whole; PipelineError where it cannot be written."""
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(data)
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise PipelineError(f"{path}: cannot be written: {_remedy(error)}") from error


@contextmanager
def opened(path: Path) -> Iterator[Folder]:
    """The folder, which no other process writes to meanwhile; PipelineError where one does."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise PipelineError(f"{path}: cannot be written: {_remedy(error)}") from error
    with _closing(descriptor):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise PipelineError(
                f"{path}: another process writes to this folder; wait for it, or give another one"
            ) from error
        yield Folder(path)


@contextmanager
def _closing(descriptor: int) -> Iterator[None]:
    """Close it at the end, and with it the lock."""
    try:
        yield
    finally:
        os.close(descriptor)


def part_name(kind: str, number: int | str) -> str:
    """The path of a block's file, below the folder."""
    name = f"part_{number:06d}.parquet" if isinstance(number, int) else f"part_{number}.parquet"
    return name if FOLDERS[kind] == "." else f"{FOLDERS[kind]}/{name}"


def identity(
    inputs: Sequence[Mapping[str, Any]], config: Mapping[str, Any], block_rows: int
) -> dict[str, Any]:
    """What identifies work, as JSON values."""
    return {"input": list(inputs), "config": dict(config), "block_rows": block_rows}


def is_whole(folder: Path, part: Part) -> bool:
    """Whether a file is there and as it was written."""
    try:
        return file_digest(folder / part.file) == part.sha256
    except SourceError:
        return False


def blocks_lost(folder: Path, manifest: Manifest) -> set[int] | None:
    """The numbers of blocks whose files are gone or changed; None where it may be all of them."""
    lost = [part for part in manifest.files() if not is_whole(folder, part)]
    if any(part.file == BAD for part in lost):
        return None
    return {int(Path(part.file).stem.rpartition("_")[2]) for part in lost}


def manifest_of(notes: Sequence[Note], order: Sequence[str], said: Mapping[str, Any]) -> Manifest:
    """The manifest of finished blocks, in their order; `said` is what they do not tell."""
    stages = summed((flow for note in notes for flow in note.flows), order)
    parts = {kind: [note.files[kind] for note in notes if kind in note.files] for kind in FOLDERS}
    counts = Counts(
        read=sum(note.read for note in notes),
        kept=sum(part.rows for part in parts[KEPT]),
        bad=sum(len(note.bad) for note in notes),
        dropped={stage.name: stage.dropped for stage in stages if stage.dropped},
        review={stage.name: stage.review for stage in stages if stage.review},
    )
    return Manifest(
        **said,
        parts=parts[KEPT],
        dropped_parts=parts[DROPPED],
        review_parts=parts[REVIEW],
        counts=counts,
        stages=stages,
    )


def _remedy(error: OSError) -> str:
    return _REMEDIES.get(error.errno or 0, error.strerror or str(error))


def _text(value: object) -> bytes:
    return (json.dumps(value, ensure_ascii=True, default=str) + "\n").encode("ascii")


def _said(note: Note) -> dict[str, Any]:
    return {
        "number": note.number,
        "origin": note.origin,
        "read": note.read,
        "files": {kind: part.model_dump() for kind, part in note.files.items()},
        "bad": list(note.bad),
        "flows": [dataclasses.asdict(flow) for flow in note.flows],
        "seconds": dict(note.seconds),
    }


def _note(said: Mapping[str, Any]) -> Note:
    return Note(
        number=said["number"],
        origin=said["origin"],
        read=said["read"],
        files={kind: Part(**part) for kind, part in said["files"].items()},
        bad=said["bad"],
        flows=[Flow(**flow) for flow in said["flows"]],
        seconds=said["seconds"],
    )
