"""A data set as a folder of its own, by a command that is no pipeline of stages.

Guarantees: the folder is as `data.pipeline` lays it out, and its manifest says the same things. A
folder without one is unfinished.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from data.errors import SourceError
from data.pipeline.manifest import NAME, Counts, Manifest, Part, StageCounts, digest
from data.pipeline.output import FOLDERS, delete
from data.pipeline.source import BLOCK_ROWS, file_digest
from data.pipeline.work import DROPPED
from data.prompt_records import files_of
from data.schema import Record

FORMAT: Final = {"name": "records", "recognised_by": "what load_prompts reads"}


def manifest_of(
    command: str,
    *,
    inputs: Sequence[Mapping[str, Any]],
    config: Mapping[str, Any],
    block_rows: int,
    parts: Sequence[Part],
    read: int,
    dropped: Mapping[str, int],
    dropped_parts: Sequence[Part] = (),
    **more: Any,
) -> Manifest:
    """The manifest of a command that is one stage.

    Args:
        dropped: how many records, by reason.
        more: what the command says besides.
    """
    kept = sum(part.rows for part in parts)
    counted = {"name": command, "in": read, "kept": kept, "dropped": dict(dropped)}
    return Manifest(
        command=f"plumb data {command}",
        input=[dict(one) for one in inputs],
        format=FORMAT,
        config=dict(config),
        config_sha256=digest(config),
        block_rows=block_rows,
        parts=list(parts),
        dropped_parts=list(dropped_parts),
        counts=Counts(read=read, kept=kept, dropped={command: dict(dropped)}),
        stages=[StageCounts.model_validate(counted)],
        **more,
    )


def check_unused(out: Path, sources: Iterable[str], *, overwrite: bool) -> None:
    """Refuse a folder that holds something else than `overwrite` may replace.

    Raises:
        SourceError: it is not empty, or no folder.
        PipelineError: it holds one of the sources.
    """
    if not out.exists():
        return
    if not out.is_dir():
        raise SourceError(f"{out}: is a file; name a folder")
    held = sorted(path.name for path in out.iterdir())
    ours = all(name.startswith("part_") or name in (NAME, FOLDERS[DROPPED]) for name in held)
    if not held:
        return
    if not overwrite or not ours:
        remedy = "add --overwrite, or name another folder" if ours else "name another folder"
        raise SourceError(f"{out}: holds {held[0]} already; {remedy}")
    clear(out, sources)


def clear(out: Path, sources: Iterable[str]) -> None:
    """Delete the data set in a folder; raises PipelineError where it is one of the sources."""
    held = [*out.glob("part_*"), *(out / FOLDERS[DROPPED]).glob("part_*"), out / NAME]
    delete(held, (path for source in sources for path in files_of(source)))


def described(sources: Iterable[str]) -> list[dict[str, Any]]:
    """What identifies the input of a command: its files, with their digests."""
    found: list[dict[str, Any]] = []
    for source in sources:
        files = files_of(source)
        found += [{"path": path.name, "sha256": file_digest(path)} for path in files]
        found += [] if files else [{"path": source}]
    return found


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
