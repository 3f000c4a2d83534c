"""Running a pipeline: blocks of a source through stages into a folder of parts.

Guarantees: the folder's bytes depend on input, stages and size of blocks alone, not on how many
processes worked on them, where, in which order they were done, or how often the pipeline was
killed and begun again. What was finished before is not done anew.
"""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from data.errors import PipelineError
from data.pipeline.block import Stage
from data.pipeline.executors import executed
from data.pipeline.manifest import Manifest, config_of, digest
from data.pipeline.output import Folder, Note, blocks_lost, identity, manifest_of, opened
from data.pipeline.parts import Parts, after
from data.pipeline.source import BLOCK_ROWS, Source
from data.pipeline.work import RECORDS, Plan, Reader, work

TIMING: Final = "timing.json"


def run_pipeline(
    source: Source,
    stages: Sequence[Stage],
    out: Path,
    *,
    command: str,
    reader: Reader | Sequence[Reader] = RECORDS,
    format: Mapping[str, Any] | None = None,
    config: Mapping[str, Any] | None = None,
    workers: int = 1,
    cluster: bool = False,
    skip_bad: bool = False,
    overwrite: bool = False,
    block_rows: int = BLOCK_ROWS,
    on_block: Callable[[Note], None] = lambda _: None,
    more: Callable[[Manifest], Manifest] = lambda manifest: manifest,
) -> Manifest:
    """Run the stages over the source; gives the manifest that was written.

    Args:
        source: what is read.
        stages: run one after the other on each block; their names differ.
        out: the folder; it may hold an unfinished run of the same work, which is gone on with.
        command: what the manifest says made it.
        reader: makes records of rows; or one for each of the source's inputs.
        format: what the manifest says of the input's format: `name`, `recognised_by`.
        config: what the manifest says of the configuration; None: all that the reader and the
            stages are set to.
        workers: processes; one works here.
        cluster: whether blocks are Ray tasks instead.
        skip_bad: whether rows that cannot be read go to bad.jsonl; otherwise the first one raises.
        overwrite: whether output of other work in `out` is deleted.
        block_rows: rows a block.
        on_block: told of each block as it is finished, and first of those finished before.
        more: completes the manifest before it is written.

    Raises:
        PipelineError: the folder holds something else, cannot be written, or a process was lost.
        RowError: a row cannot be read, and `skip_bad` is not set.
        SourceError: the source cannot be read.
    """
    _check_names(stages)
    readers = tuple(reader) if isinstance(reader, Sequence) else (reader,)
    config = dict(config_of(readers, stages) if config is None else config)
    said = {
        "command": command,
        "format": dict(format or {"name": "records", "recognised_by": "its columns"}),
        "config_sha256": digest(config),
        "config": config,
        "block_rows": block_rows,
    }
    plan = Plan(readers, tuple(stages), skip_bad)
    with opened(out) as folder:
        running = _Running(folder, source, plan, said, workers, cluster, on_block)
        return running.manifest(more, overwrite=overwrite)


def _check_names(stages: Sequence[Stage]) -> None:
    counted = Counter(stage.name for stage in stages)
    repeated = [name for name, times in counted.items() if times > 1]
    if repeated:
        raise PipelineError(f"two stages are called {repeated[0]!r}; give each a name of its own")


@dataclass(frozen=True, slots=True)
class _Running:
    """A pipeline in its folder; `said` is what the manifest says of neither source nor blocks."""

    folder: Folder
    source: Source
    plan: Plan
    said: Mapping[str, Any]
    workers: int
    cluster: bool
    on_block: Callable[[Note], None]

    def manifest(self, more: Callable[[Manifest], Manifest], *, overwrite: bool) -> Manifest:
        """Do what is not done, and write the manifest where it is not there."""
        began, folder, source = time.monotonic(), self.folder, self.source
        config, block_rows = self.said["config"], self.said["block_rows"]
        wanted = identity(source.identity(), config, block_rows)
        finished = folder.begin(wanted, overwrite=overwrite)
        notes = folder.notes()
        for note in notes.values():
            self.on_block(note)
        if finished is not None and (lost := blocks_lost(folder.path, finished)) is not None:
            if lost:
                self._do(notes, lambda number: number in lost)
            folder.forget()
            return finished
        self._do(notes, lambda _: True)
        ordered = [notes[number] for number in sorted(notes)]
        names = [*source.own_stages(), *(stage.name for stage in self.plan.stages)]
        said = {**self.said, "input": _counted(source.inputs(), ordered)}
        manifest = manifest_of(ordered, names, said)
        bad = [row for note in ordered for row in note.bad]
        if isinstance(source, Parts):
            manifest = after(source.manifest, manifest)
            bad = [*source.bad_rows(), *bad]
        manifest = folder.finish(more(manifest), bad)
        folder.write_beside(TIMING, _timing(ordered, time.monotonic() - began, self.workers))
        folder.forget()
        return manifest

    def _do(self, notes: dict[int, Note], wanted: Callable[[int], bool]) -> None:
        """Do the blocks that are wanted and have no note yet, and note them."""
        blocks = (
            block
            for block in self.source.blocks(self.said["block_rows"])
            if wanted(block.number) and block.number not in notes
        )
        results = executed(work, self.plan, blocks, workers=self.workers, cluster=self.cluster)
        with closing(results):
            for done in results:
                notes[done.number] = self.folder.commit(done)
                self.on_block(notes[done.number])


def finished_before(
    out: Path,
    inputs: Sequence[Mapping[str, Any]],
    config: Mapping[str, Any],
    block_rows: int,
    *,
    overwrite: bool,
) -> Manifest | None:
    """The manifest of `out` where all of this work is there, whole; it is made ready otherwise.

    Raises:
        PipelineError: `out` holds something else, and `overwrite` is not set.
    """
    with opened(out) as folder:
        finished = folder.begin(identity(inputs, config, block_rows), overwrite=overwrite)
        if finished is None or blocks_lost(out, finished) != set():
            return None
        folder.forget()
        return finished


def _counted(inputs: Sequence[Mapping[str, Any]], notes: Sequence[Note]) -> list[dict[str, Any]]:
    """The inputs with how many rows each had."""
    rows: Counter[int] = Counter()
    for note in notes:
        rows[note.origin] += note.read
    return [{**said, "rows": rows[origin]} for origin, said in enumerate(inputs)]


def _timing(notes: Sequence[Note], seconds: float, workers: int) -> dict[str, Any]:
    """Seconds of each stage over all processes, and of the whole since it was last begun."""
    stages: Counter[str] = Counter()
    for note in notes:
        stages.update(note.seconds)
    rounded = {name: round(value, 3) for name, value in stages.items()}
    return {"seconds": round(seconds, 3), "workers": workers, "stages": rounded}
