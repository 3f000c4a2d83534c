"""`plumb data curate`: from public data sets to records that are worth training on."""

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from launch.commands.options import SandboxAt, takes_options
from launch.datasets.progress import Counting, ended_gently
from launch.datasets.summary import show_manifest
from launch.errors import one_line_errors

if TYPE_CHECKING:
    from data.curate.curation import Curation
    from data.pipeline.opening import Input


@dataclass(frozen=True, kw_only=True)
class CurateOptions:
    """What `plumb data curate` takes."""

    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE...",
            help="files, folders, or data sets of the Hugging Face hub such as openai/gsm8k; of "
            "duplicates the first is kept, so name the most trusted first",
        ),
    ]
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="folder for what comes of it")]
    task: Annotated[
        str, typer.Option(help="math, code, tool or text; auto: every row by its own task")
    ] = "auto"
    format: Annotated[
        str, typer.Option(help="of the rows; auto tells it from them; path/to/file.py:Class")
    ] = "auto"
    split: Annotated[str | None, typer.Option(help="of a hub's data set", show_default="train")] = (
        None
    )
    name: Annotated[
        str | None, typer.Option(help="configuration of a hub's data set, such as main")
    ] = None
    revision: Annotated[
        str | None, typer.Option(help="branch, tag or commit of a hub's data set")
    ] = None
    download: Annotated[
        bool, typer.Option("--download", help="download a hub's data set, rather than stream it")
    ] = False
    limit: Annotated[
        int | None, typer.Option(min=1, help="rows of each source, to try things out")
    ] = None
    on_bad: Annotated[
        Literal["stop", "skip"],
        typer.Option(help="what a row that cannot be read does; skip: it goes to bad.jsonl"),
    ] = "stop"
    without_reference: Annotated[
        Literal["keep", "drop"],
        typer.Option(help="math: questions without an answer; keep: for plumb data consensus"),
    ] = "drop"
    options: Annotated[
        Literal["keep", "drop"],
        typer.Option(help="math: multiple-choice questions that have their options"),
    ] = "keep"
    trust: Annotated[
        str, typer.Option(help="code: what tests must reach: in-process, checker or outside")
    ] = "checker"
    unreferenced: Annotated[
        Literal["keep", "review", "drop"],
        typer.Option(help="code: what becomes of rows without a reference solution"),
    ] = "keep"
    sandbox: SandboxAt = "auto"
    runs: Annotated[
        int, typer.Option(min=1, max=100, help="code: how often each reference is run")
    ] = 3
    mutants: Annotated[
        int, typer.Option(min=0, max=100, help="code: mutants of a reference that are tried")
    ] = 8
    duplicates: Annotated[
        Literal["near", "exact", "keep"],
        typer.Option(help="which are dropped; keep: they are not looked for"),
    ] = "near"
    similarity: Annotated[
        float,
        typer.Option(
            min=0.01, max=1, help="of character 5-grams (Jaccard), from which on rows are near"
        ),
    ] = 0.8
    siblings: Annotated[
        Literal["keep", "drop"],
        typer.Option(help="near duplicates with other numbers or another answer"),
    ] = "keep"
    against: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=SOURCE[@[CONFIGURATION/]SPLIT]",
            help="an evaluation set: rows that repeat one of its rows are dropped; may be repeated",
        ),
    ] = None
    overlap: Annotated[
        float,
        typer.Option(
            min=0.01, max=1, help="share of an evaluation row's 13-grams that is too much"
        ),
    ] = 0.5
    workers: Annotated[
        int | None, typer.Option(min=1, help="processes", show_default="one a core")
    ] = None
    cluster: Annotated[
        bool,
        typer.Option("--cluster", help="blocks as Ray tasks, on the cluster at RAY_ADDRESS"),
    ] = False
    block_rows: Annotated[
        int | None,
        typer.Option(min=1, help="rows a part", show_default="2048, or 128 where programs are run"),
    ] = None
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="replace what DIR holds of other work")
    ] = False


@takes_options
def curate(options: CurateOptions) -> None:
    """Turn data sets into verifiable, distinct prompts, each dropped row with why.

    Reads rows in any known format, drops what cannot be verified by the task's
    own rules, and writes DIR/part_*.parquet, which plumb train reads as they are.
    What was dropped lies in DIR/dropped, what a person should look at in
    DIR/review, rows that could not be read in DIR/bad.jsonl, and all counts in
    DIR/manifest.json.

    Killed at any instant, the same command goes on where it stood, and the folder
    is the same in the end.

    Examples:

      plumb data curate train.jsonl --out curated

      plumb data curate openai/gsm8k --name main --out curated/gsm8k --task math

      plumb data curate a.parquet b.jsonl --out curated \\
        --against t=openai/gsm8k@main/test
    """
    with one_line_errors():
        _curate(options)


def _curate(options: CurateOptions) -> None:
    from data.curate.curation import TASKS, Running
    from data.curate.curation import curate as run_curation
    from data.errors import SourceError
    from data.pipeline.opening import Choice, open_input

    if options.task not in TASKS:
        raise SourceError(f"--task {options.task} is none of {', '.join(TASKS)}")
    given = {"--split": options.split, "--name": options.name, "--revision": options.revision}
    idle = [option for option, value in given.items() if value is not None]
    if idle and all(Path(source).exists() for source in options.sources):
        raise SourceError(f"{idle[0]} is for data sets of the hub, and none is given")
    choice = Choice(
        options.format,
        options.split,
        options.name,
        options.revision,
        not options.download,
        options.limit,
        "" if options.task == "auto" else options.task,
    )
    began = time.monotonic()
    cores = len(os.sched_getaffinity(0))
    processes = options.workers or cores
    slots = 1 if options.cluster else -(-cores // processes)  # runs at a time, of each process
    inputs = [open_input(source, choice) for source in options.sources]
    for one in inputs:
        print(_told(one))
    gently = ended_gently(f"{options.out} keeps what is done: run it again to go on")
    with _Phases() as shown, gently, _skipping_offered(options.on_bad):
        manifest = run_curation(
            inputs,
            options.out,
            _curation(options, slots),
            Running(
                workers=processes,
                cluster=options.cluster,
                skip_bad=options.on_bad == "skip",
                overwrite=options.overwrite,
                on_phase=shown.phase,
                on_rows=shown.rows,
            ),
            options.block_rows,
        )
    show_manifest(manifest, options.out, began)
    print(f"next: plumb data report {options.out}")


def _curation(options: CurateOptions, slots: int) -> "Curation":
    """What is done, with so many runs at a time."""
    from data.contamination.evaluations import EvaluationSet
    from data.curate.code import CodeTests
    from data.curate.code_examination import Rules
    from data.curate.curation import Curation
    from data.duplicates.join import Settings
    from launch.verify.uses import trust_option

    return Curation(
        task=options.task,
        options=options.options,
        without_reference=options.without_reference,
        code=CodeTests(
            options.sandbox,
            slots,
            unreferenced=options.unreferenced,
            rules=Rules(runs=options.runs, mutants=options.mutants),
            **trust_option(options.trust),
        ),
        duplicates=None
        if options.duplicates == "keep"
        else Settings(
            options.similarity if options.duplicates == "near" else 1.0, options.siblings
        ),
        against=tuple(EvaluationSet.parse(one) for one in options.against or ()),
        overlap=options.overlap,
    )


def _told(one: "Input") -> str:
    how = f"recognised by {one.recognised_by}" if one.recognised_by else "as --format says"
    return f"{one.place}: format {one.format}, {how}"


@contextmanager
def _skipping_offered(on_bad: str) -> Iterator[None]:
    """Where a bad row ends the command, say that it need not."""
    from data.errors import RowError

    try:
        yield
    except RowError as error:
        if on_bad == "stop":
            error.add_note("or add --on-bad skip, which sets such rows aside in bad.jsonl")
        raise


class _Phases:
    """What is shown while it works: one count of rows after the other."""

    def __init__(self) -> None:
        self._open = ExitStack()
        self._counting: Counting | None = None

    def __enter__(self) -> "_Phases":
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def phase(self, name: str, total: int | None) -> None:
        self._open.close()
        self._counting = self._open.enter_context(Counting(name, total))

    def rows(self, number: int) -> None:
        if self._counting is not None:
            self._counting.advance(number)
