"""Curation of data sets from end to end: read, filter, check, and keep one of each.

Guarantees: stages run in one order, cheap ones first: the task's filters, its checks, duplicates
over the whole data set, overlap with evaluation sets. The output folder depends on inputs and
settings alone (`data.pipeline.run`); work in progress lies in `.work` within it, and is gone at
the end.
"""

import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from data.contamination.building import build_index
from data.contamination.evaluations import EvaluationSet
from data.contamination.index import OVERLAP
from data.contamination.stage import Contamination
from data.curate.code import CodeTests
from data.curate.distinct import decide
from data.curate.math import math_checks, math_filters
from data.curate.task import ForTask, OfTask
from data.curate.tool import ToolFormat
from data.duplicates.join import Settings
from data.pipeline.block import Stage
from data.pipeline.manifest import Manifest, config_of
from data.pipeline.opening import Input
from data.pipeline.parts import Parts
from data.pipeline.run import finished_before, run_pipeline
from data.pipeline.source import BLOCK_ROWS, Chained

AUTO: Final = "auto"
TASKS: Final = (AUTO, "math", "code", "tool", "text")
COMMAND: Final = "plumb data curate"
CODE_BLOCK_ROWS: Final = 128
"""Rows a block where programs are run: what is lost when a process is killed."""
_WORK: Final = ".work"
_INDEX: Final = "evaluations.index"


@dataclass(frozen=True, slots=True)
class Curation:
    """What is done.

    Attributes:
        task: the task of records that are kept; "auto": every record by its own.
        options: math: what becomes of multiple-choice questions with their options.
        without_reference: math: what becomes of questions without an answer.
        code: code: how tests are tried.
        duplicates: what counts as one; None: duplicates are not looked for.
        against: evaluation sets whose rows are not to be trained on.
        overlap: the share of an evaluation row's 13-grams that a record may have.
    """

    task: str = AUTO
    options: Literal["keep", "drop"] = "keep"
    without_reference: Literal["keep", "drop"] = "drop"
    code: CodeTests = field(default_factory=CodeTests)
    duplicates: Settings | None = field(default_factory=Settings)
    against: tuple[EvaluationSet, ...] = ()
    overlap: float = OVERLAP

    def stages(self) -> tuple[Stage, ...]:
        """The stages that look at each record by itself."""
        wanted = () if self.task == AUTO else (OfTask(self.task),)
        stages: dict[str, tuple[Stage, ...]] = {
            "math": (*math_filters(self.options), *math_checks(self.without_reference)),
            "tool": (ToolFormat(),),
            "code": (self.code,),
        }
        chosen = [
            ForTask(task, stage)
            for task, some in stages.items()
            if self.task in (AUTO, task)
            for stage in some
        ]
        return (*wanted, *chosen)


@dataclass(frozen=True, slots=True)
class Running:
    """How it is done, which changes nothing in what comes of it.

    Attributes:
        workers: processes.
        cluster: whether blocks are Ray tasks instead.
        skip_bad: whether rows that cannot be read are set aside.
        overwrite: whether output of other work is deleted.
        on_phase: told what begins, and how many rows there are, where that is known.
        on_rows: told of rows as they are done.
    """

    workers: int = 1
    cluster: bool = False
    skip_bad: bool = False
    overwrite: bool = False
    on_phase: Callable[[str, int | None], None] = field(default=lambda name, total: None)
    on_rows: Callable[[int], None] = field(default=lambda rows: None)


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
    runs_code = any("code" in one.tasks for one in inputs)
    rows = block_rows or (CODE_BLOCK_ROWS if runs_code else BLOCK_ROWS)
    with tempfile.TemporaryDirectory(prefix="plumb-") as scratch:
        index = Path(scratch) / _INDEX
        last = _contamination(curation, index, out)
        whole = _Work(inputs, out, curation.stages(), last, curation, running, rows)
        finished = finished_before(
            out, whole.source.identity(), whole.config, rows, overwrite=running.overwrite
        )
        if finished is not None:
            return finished
        if last:
            (out / _WORK).mkdir(exist_ok=True)
            shutil.copyfile(index, out / _WORK / _INDEX)
    manifest = whole.in_one_pass() if curation.duplicates is None else whole.in_two_passes()
    shutil.rmtree(out / _WORK, ignore_errors=True)
    return manifest


def _contamination(curation: Curation, index: Path, out: Path) -> tuple[Stage, ...]:
    """The stage that drops rows of evaluation sets, where there are any; writes their index."""
    if not curation.against:
        return ()
    digest = build_index(curation.against, index)
    return (Contamination(str(out / _WORK / _INDEX), digest, curation.overlap),)


class _Work:
    """One curation that is being done."""

    def __init__(
        self,
        inputs: Sequence[Input],
        out: Path,
        stages: Sequence[Stage],
        last: Sequence[Stage],
        curation: Curation,
        running: Running,
        rows: int,
    ) -> None:
        self._inputs = inputs
        self._out = out
        self._stages = stages
        self._last = last
        self._curation = curation
        self._running = running
        self._rows = rows
        self.source = Chained([one.source for one in inputs])
        self._readers = [one.reader for one in inputs for _ in one.source.identity()]
        settings = curation.duplicates
        self.config = config_of(
            self._readers,
            (*stages, *last),
            {"duplicates": None if settings is None else asdict(settings)},
        )

    def in_one_pass(self) -> Manifest:
        """Without a look at the whole."""
        self._running.on_phase("filters and checks", self.source.total())
        return self._first(self._out, (*self._stages, *self._last), self.config)

    def in_two_passes(self) -> Manifest:
        """Each record by itself, then duplicates, then what is left against evaluation sets."""
        work, running = self._out / _WORK, self._running
        running.on_phase("filters and checks", self.source.total())
        first = self._first(work / "checked", self._stages, None)
        running.on_phase("signatures for duplicates", first.counts.kept)
        decided = decide(
            work / "checked",
            first,
            work / "signatures",
            self._curation.duplicates or Settings(),
            workers=running.workers,
            on_part=running.on_rows,
            on_share=lambda share: None,
        )
        source = Parts(work / "checked", decided.stages)
        running.on_phase("one of each", first.counts.kept)
        return run_pipeline(
            source,
            self._last,
            self._out,
            command=COMMAND,
            config=self.config,
            workers=running.workers,
            cluster=running.cluster,
            overwrite=running.overwrite,
            block_rows=self._rows,
            on_block=lambda note: running.on_rows(note.read),
            more=lambda manifest: self._completed(manifest, decided.found),
        )

    def _first(
        self, out: Path, stages: Sequence[Stage], config: Mapping[str, Any] | None
    ) -> Manifest:
        running = self._running
        return run_pipeline(
            self.source,
            stages,
            out,
            command=COMMAND,
            reader=self._readers,
            format=_formats(self._inputs),
            config=config,
            workers=running.workers,
            cluster=running.cluster,
            skip_bad=running.skip_bad,
            overwrite=running.overwrite or out != self._out,
            block_rows=self._rows,
            on_block=lambda note: running.on_rows(note.read),
            more=lambda manifest: self._completed(manifest, None),
        )

    def _completed(self, manifest: Manifest, duplicates: Mapping[str, Any] | None) -> Manifest:
        """The manifest with what was found over the whole."""
        more: dict[str, Any] = {} if duplicates is None else {"duplicates": dict(duplicates)}
        if self._last:
            hits = manifest.counts.dropped.get(Contamination.name, {})
            more["contamination"] = {
                one.name: hits.get(f"in {one.name}", 0) for one in self._curation.against
            }
        return manifest.model_copy(update=more)


def _formats(inputs: Sequence[Input]) -> dict[str, Any]:
    said = [
        {"name": one.format, "recognised_by": one.recognised_by or "--format"} for one in inputs
    ]
    if len(said) == 1:
        return said[0]
    return {"name": "several", "recognised_by": "each by itself", "inputs": said}
