"""Curation of data sets from end to end: read, filter, check, and keep one of each.

Guarantees: stages run in one order, cheap ones first: the task's filters, its checks, duplicates
over the whole data set, overlap with evaluation sets. The output folder depends on inputs and
settings alone (`data.pipeline.run`); work in progress lies in `.work` within it, and is gone at
the end.
"""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from data.curate.math import math_checks, math_filters
from data.curate.task import ForTask, OfTask
from data.curate.tool import ToolFormat
from data.pipeline.block import Stage
from data.pipeline.manifest import Manifest, config_of
from data.pipeline.opening import Input
from data.pipeline.output import Note
from data.pipeline.run import finished_before, run_pipeline
from data.pipeline.source import BLOCK_ROWS, Chained

AUTO: Final = "auto"
TASKS: Final = (AUTO, "math", "code", "tool", "text")
COMMAND: Final = "plumb data curate"
CODE_BLOCK_ROWS: Final = 128
"""Rows a block where programs are run: what is lost when a process is killed."""
_WORK: Final = ".work"


@dataclass(frozen=True, slots=True)
class Curation:
    """What is done.

    Attributes:
        task: the task of records that are kept; "auto": every record by its own.
        options: math: what becomes of multiple-choice questions with their options.
        more: further stages, run after the others' checks.
    """

    task: str = AUTO
    options: Literal["keep", "drop"] = "keep"
    more: tuple[Stage, ...] = ()

    def stages(self) -> tuple[Stage, ...]:
        """The stages of the first pass; those of a task leave other records alone."""
        wanted = () if self.task == AUTO else (OfTask(self.task),)
        stages = {
            "math": (*math_filters(self.options), *math_checks()),
            "tool": (ToolFormat(),),
        }
        chosen = [
            ForTask(task, stage)
            for task, some in stages.items()
            if self.task in (AUTO, task)
            for stage in some
        ]
        return (*wanted, *chosen, *self.more)


@dataclass(frozen=True, slots=True)
class Running:
    """How it is done, which changes nothing in what comes of it.

    Attributes:
        workers: processes.
        cluster: whether blocks are Ray tasks instead.
        skip_bad: whether rows that cannot be read are set aside.
        overwrite: whether output of other work is deleted.
        on_phase: told what begins, and how many rows there are, where that is known.
        on_block: told of each block as it is finished.
    """

    workers: int = 1
    cluster: bool = False
    skip_bad: bool = False
    overwrite: bool = False
    on_phase: Callable[[str, int | None], None] = field(default=lambda name, total: None)
    on_block: Callable[[Note], None] = field(default=lambda note: None)


def curate(
    inputs: Sequence[Input],
    out: Path,
    curation: Curation,
    running: Running,
    block_rows: int | None = None,
) -> Manifest:
    """Curate data sets into one folder; what is there of the same work is gone on with.

    Args:
        inputs: read one after the other; of duplicates the first is kept.
        block_rows: rows a block; None: 2,048, or fewer where programs are run.

    Raises:
        DataError: an input or the folder cannot be used; see `run_pipeline`.
    """
    source = Chained([one.source for one in inputs])
    readers = [one.reader for one in inputs for _ in one.source.identity()]
    stages = curation.stages()
    rows = block_rows or (
        CODE_BLOCK_ROWS if any("code" in one.tasks for one in inputs) else BLOCK_ROWS
    )
    config = config_of(readers, stages)
    finished = finished_before(out, source.identity(), config, rows, overwrite=running.overwrite)
    if finished is not None:
        return finished
    running.on_phase("filters and checks", source.total())
    manifest = run_pipeline(
        source,
        stages,
        out,
        command=COMMAND,
        reader=readers,
        format=_formats(inputs),
        config=config,
        workers=running.workers,
        cluster=running.cluster,
        skip_bad=running.skip_bad,
        overwrite=running.overwrite,
        block_rows=rows,
        on_block=running.on_block,
    )
    shutil.rmtree(out / _WORK, ignore_errors=True)
    return manifest


def _formats(inputs: Sequence[Input]) -> dict[str, Any]:
    said = [
        {"name": one.format, "recognised_by": one.recognised_by or "--format"} for one in inputs
    ]
    if len(said) == 1:
        return said[0]
    return {"name": "several", "recognised_by": "each by itself", "inputs": said}
