"""A data set as a folder of its own: parts of records, what was dropped, and a manifest.

Guarantees: a part appears whole or not at all; the same records give the same bytes; the manifest
is written last, so that a folder without one is unfinished. It has no time and no place in it.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from data.errors import SourceError
from data.pipeline.block import Drop
from data.prompt_records import files_of
from data.records import table_of, write_table
from data.schema import Record

if TYPE_CHECKING:
    import pyarrow

BLOCK_ROWS: Final = 2048
MANIFEST: Final = "manifest.json"
DROPPED: Final = "dropped"


def part_name(number: int) -> str:
    """The file of a part, counted from 0."""
    return f"part_{number:06d}.parquet"


def write_part(path: Path, table: "pyarrow.Table") -> dict[str, Any]:
    """Write a part; returns its line of the manifest."""
    temporary = path.with_name(f".{path.name}.tmp")
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            write_table(temporary, table)
            line = {"file": path.name, "sha256": sha256_of(temporary), "rows": table.num_rows}
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    return line


def dropped_table(dropped: Sequence[Drop]) -> "pyarrow.Table":
    """Dropped records with the stage, the reason and what was seen."""
    import pyarrow

    table = table_of([drop.record for drop in dropped])
    for name in ("stage", "reason", "detail"):
        column = pyarrow.array([getattr(drop, name) for drop in dropped], pyarrow.string())
        table = table.append_column(name, column)
    return table


def write_manifest(out: Path, manifest: Mapping[str, Any]) -> None:
    """Write the manifest, which says that the folder is finished."""
    path = out / MANIFEST
    temporary = path.with_name(f".{path.name}.tmp")
    with writing(path):
        temporary.write_text(
            json.dumps(manifest, ensure_ascii=False, indent=1, sort_keys=True) + "\n", "utf-8"
        )
        temporary.replace(path)


def manifest_of(
    command: str,
    *,
    inputs: Sequence[Mapping[str, Any]],
    config: Mapping[str, Any],
    block_rows: int,
    parts: Sequence[Mapping[str, Any]],
    read: int,
    dropped: Mapping[str, int],
    dropped_parts: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """The manifest of a command that is one stage; `dropped` counts reasons."""
    kept = sum(part["rows"] for part in parts)
    return {
        "version": 1,
        "command": f"plumb data {command}",
        "input": list(inputs),
        "format": {"name": "records", "recognised_by": "what load_prompts reads"},
        "config": dict(config),
        "config_sha256": config_digest(config),
        "block_rows": block_rows,
        "parts": list(parts),
        "dropped_parts": list(dropped_parts),
        "counts": {
            "read": read,
            "kept": kept,
            "bad": 0,
            "review": {},
            "dropped": {command: dict(dropped)},
        },
        "stages": [{"name": command, "in": read, "kept": kept, "dropped": dict(dropped)}],
    }


def read_manifest(out: Path) -> dict[str, Any] | None:
    """The manifest of a finished folder; None where there is none."""
    path = out / MANIFEST
    if not path.is_file():
        return None
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise SourceError(
            f"{path}: cannot be read: {error}; remove the folder, and write it again"
        ) from error
    if not isinstance(found, dict):
        raise SourceError(f"{path}: is no manifest; remove the folder, and write it again")
    return found


def check_unused(out: Path, *, overwrite: bool) -> None:
    """Refuse a folder that holds something else than `overwrite` may replace.

    Raises:
        SourceError: it is not empty, or no folder.
    """
    if not out.exists():
        return
    if not out.is_dir():
        raise SourceError(f"{out}: is a file; name a folder")
    held = sorted(path.name for path in out.iterdir())
    ours = all(name.startswith("part_") or name in (MANIFEST, DROPPED) for name in held)
    if not held:
        return
    if not overwrite or not ours:
        remedy = "add --overwrite, or name another folder" if ours else "name another folder"
        raise SourceError(f"{out}: holds {held[0]} already; {remedy}")
    for path in [*out.glob("part_*"), *(out / DROPPED).glob("part_*"), out / MANIFEST]:
        path.unlink(missing_ok=True)


def described(sources: Iterable[str]) -> list[dict[str, Any]]:
    """What identifies the input of a command: its files, with their digests."""
    found: list[dict[str, Any]] = []
    for source in sources:
        files = files_of(source)
        found += [{"path": path.name, "sha256": sha256_of(path)} for path in files]
        found += [] if files else [{"path": source}]
    return found


def config_digest(config: Mapping[str, Any]) -> str:
    """Identify a configuration."""
    text = json.dumps(config, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def sha256_of(path: Path) -> str:
    """The digest of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def in_blocks(records: Iterable[Record], rows: int = BLOCK_ROWS) -> Iterator[list[Record]]:
    """Blocks of so many records; the last one may be shorter."""
    block: list[Record] = []
    for record in records:
        block.append(record)
        if len(block) == rows:
            yield block
            block = []
    if block:
        yield block


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Name the file, and what to do, where it cannot be written."""
    try:
        yield
    except OSError as error:
        raise SourceError(
            f"{path}: cannot be written: {error.strerror or error}; make room or choose another "
            "place, and run the command again"
        ) from error
