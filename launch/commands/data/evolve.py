"""`plumb data evolve`: prompts with constraints that can be checked, grown out of seed prompts."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from launch.commands.options import (
    AskingOptions,
    Engines,
    Folder,
    OptionalModels,
    ReplaceFolder,
    takes_options,
)
from launch.datasets.asking import ANSWERS
from launch.datasets.evolving import SFT, open_seeds, read, repeated, write_sft
from launch.errors import one_line_errors

if TYPE_CHECKING:
    from data.asking import Asked, Model
    from data.evolution_stages import Evolve
    from data.pipeline.opening import Input
    from data.pipeline.work import Reader
    from data.schema import Record

COMMAND = "plumb data evolve"
REWRITES = "rewrites"


@dataclass(frozen=True, kw_only=True)
class EvolveOptions(AskingOptions):
    """What `plumb data evolve` takes."""

    seeds: Annotated[
        str,
        typer.Argument(
            metavar="SEEDS",
            help="prompts in any format that plumb data curate reads",
        ),
    ]
    out: Folder
    copies: Annotated[int, typer.Option(help="prompts out of each seed", min=1)] = 1
    most: Annotated[int, typer.Option(help="constraints of a prompt at most", min=1, max=6)] = 6
    types: Annotated[
        str | None,
        typer.Option(
            metavar="ID,...", help="constraints to draw from", show_default="all that fit requests"
        ),
    ] = None
    seed: Annotated[int, typer.Option(help="of what is drawn")] = 0
    task: Annotated[str, typer.Option(help="of the records")] = "text"
    format: Annotated[str, typer.Option(help="of SEEDS; auto tells it from the rows")] = "auto"
    model: OptionalModels = None
    engine: Engines = None
    answers: Annotated[int, typer.Option(help="answers of each model", min=1)] = 1
    rewrite: Annotated[
        bool,
        typer.Option(help="have the first model word request and constraints as one"),
    ] = True
    loose: Annotated[bool, typer.Option("--loose", help="check answers as IFEval does loosely")] = (
        False
    )
    workers: Annotated[int, typer.Option(help="processes that check answers", min=1)] = 1
    overwrite: ReplaceFolder = False


@takes_options
def evolve(options: EvolveOptions) -> None:
    """Grow prompts with constraints that can be checked out of seed prompts.

    Up to six constraints are drawn for each prompt, such as a number of words, a
    keyword or a format, none of which contradict each other. Their parameters are
    the record's reference, for the verifier constraints.

    With --model or --engine the first model words request and constraints as one,
    and every model answers. Words that leave out a constraint or a number are not taken.
    Answers that follow every constraint go to FOLDER/sft.jsonl, as conversations
    for supervised fine-tuning; the records say how many did.

    What models say is kept in FOLDER/answers as it comes: stopped or killed, the
    same command asks only what was not answered.

    Examples:

      plumb data evolve seeds.jsonl --out evolved/ --copies 4

      plumb data evolve seeds.jsonl --out evolved/ --answers 4 --temperature 0.8 \\
        --model qwen3-32b=http://host:8000/v1

      plumb data evolve seeds.jsonl --out evolved/ --engine Qwen/Qwen3-8B

      plumb data evolve seeds.jsonl --out evolved/ --most 2 \\
        --types keywords:existence,length_constraints:number_words
    """
    with one_line_errors():
        _evolve(options)


def _evolve(options: EvolveOptions) -> None:
    from data.constraint_draws import DEFAULT_TYPES
    from data.evolution import Evolution
    from data.evolution_stages import Copies, Evolve, Followers
    from data.pipeline.run import run_pipeline
    from launch.datasets.asking import check_command
    from launch.datasets.progress import Counting, ended_gently
    from launch.datasets.summary import show_manifest

    began = time.monotonic()
    chosen = tuple(options.types.split(",")) if options.types else DEFAULT_TYPES
    how = Evolution(
        seed=options.seed, copies=options.copies, most=options.most, types=chosen, task=options.task
    )
    check_command(options.out, COMMAND, overwrite=options.overwrite)
    served = options.served(options.model or [])
    own = options.own(options.engine or [])
    models = [*served, *own]
    opened = open_seeds(options.seeds, options.format)
    reader = Copies(opened.reader, options.copies, repeated(opened))
    total = opened.source.total()
    total = None if total is None else total * options.copies
    stage = Evolve(how)
    if models and options.rewrite:
        words = _rewrites(
            models[0], options.out, stage, opened, reader, total, by_schema=bool(served)
        )
        stage = Evolve(how, words)
    stages: list[Evolve | Followers] = [stage]
    if models:
        asked = _answers(models, options.out, stage, opened, reader, total, options.answers)
        stages.append(Followers(asked, options.loose))
    note = f"{options.out} keeps what is done: run it again to go on"
    with ended_gently(note), Counting("writing", total) as count:
        manifest = run_pipeline(
            opened.source,
            stages,
            options.out,
            command=COMMAND,
            reader=reader,
            format={"name": opened.format, "recognised_by": opened.recognised_by or "--format"},
            workers=options.workers,
            overwrite=options.overwrite,
            on_block=lambda note: count.advance(note.read * options.copies),
        )
    show_manifest(manifest, options.out, began)
    if isinstance(stages[-1], Followers):
        print(
            f"wrote {write_sft(options.out, stages[-1]):,} accepted answers to {options.out / SFT}"
        )
    print(f"next: plumb data curate {options.out} --out curated/")


def _rewrites(
    model: "Model",
    out: Path,
    stage: "Evolve",
    opened: "Input",
    reader: "Reader",
    total: int | None,
    *,
    by_schema: bool,
) -> "Asked":
    """Have a model word every request; by a schema, where it can be held to one."""
    from data.rewriting import wording
    from launch.datasets.asking import ask

    (asked,) = ask(
        [model],
        out / ANSWERS / REWRITES,
        lambda: stage.requests(read(opened, reader), by_schema=by_schema),
        what="rewriting",
        total=total,
        asked_for=wording(),
    )
    return asked


def _answers(
    models: "Sequence[Model]",
    out: Path,
    stage: "Evolve",
    opened: "Input",
    reader: "Reader",
    total: int | None,
    n: int,
) -> "tuple[Asked, ...]":
    """Have every model answer what came of the seeds."""
    from data.evolution_stages import Followers
    from launch.datasets.asking import ask

    def evolved() -> "Iterator[Record]":
        for record in read(opened, reader):
            yield from stage([record]).kept

    return ask(
        models,
        out / ANSWERS,
        lambda: Followers(()).requests(evolved()),
        what="answering",
        total=total,
        n=n,
    )
