"""`plumb data evolve`: prompts with constraints that can be checked, grown out of seed prompts."""

import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from launch.datasets.asking import (
    ANSWERS,
    Concurrency,
    Engines,
    Extra,
    KeyEnv,
    MaxTokens,
    OptionalModels,
    Patience,
    Temperature,
    Timeout,
    TopP,
)
from launch.errors import one_line_errors

if TYPE_CHECKING:
    from data.asking import Asked, Model
    from data.evolution_stages import Evolve, Followers
    from data.files import Row
    from data.pipeline.opening import Input
    from data.pipeline.work import Reader
    from data.schema import Record

COMMAND = "plumb data evolve"
REWRITES = "rewrites"
SFT = "sft.jsonl"


def evolve(
    seeds: Annotated[
        str,
        typer.Argument(
            metavar="SEEDS",
            help="prompts in any format that plumb data curate reads",
        ),
    ],
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="where the records are written")],
    copies: Annotated[int, typer.Option(help="prompts out of each seed", min=1)] = 1,
    most: Annotated[int, typer.Option(help="constraints of a prompt at most", min=1, max=6)] = 6,
    types: Annotated[
        str | None,
        typer.Option(
            metavar="ID,...", help="constraints to draw from", show_default="all that fit requests"
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="of what is drawn")] = 0,
    task: Annotated[str, typer.Option(help="of the records")] = "text",
    format: Annotated[str, typer.Option(help="of SEEDS; auto tells it from the rows")] = "auto",
    model: OptionalModels = None,
    engine: Engines = None,
    answers: Annotated[int, typer.Option(help="answers of each model", min=1)] = 1,
    rewrite: Annotated[
        bool,
        typer.Option(help="have the first model word request and constraints as one"),
    ] = True,
    loose: Annotated[
        bool, typer.Option("--loose", help="check answers as IFEval does loosely")
    ] = False,
    key_env: KeyEnv = None,
    temperature: Temperature = None,
    top_p: TopP = None,
    max_tokens: MaxTokens = 4096,
    concurrency: Concurrency = 32,
    timeout: Timeout = 600.0,
    patience: Patience = 120.0,
    extra: Extra = None,
    workers: Annotated[int, typer.Option(help="processes that check answers", min=1)] = 1,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="replace what the folder holds of other work")
    ] = False,
) -> None:
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

      plumb data evolve seeds.jsonl --out evolved/ --answers 4 --temperature 0.8
      --model qwen3-32b=http://host:8000/v1

      plumb data evolve seeds.jsonl --out evolved/ --engine Qwen/Qwen3-8B

      plumb data evolve seeds.jsonl --out evolved/ --most 2
      --types keywords:existence,length_constraints:number_words
    """
    with one_line_errors():
        from data.asking import models_of
        from data.constraint_draws import DEFAULT_TYPES
        from data.evolution import Evolution
        from data.evolution_stages import Copies, Evolve, Followers
        from data.pipeline.run import run_pipeline
        from launch.datasets.asking import check_command, extra_fields, own_models
        from launch.datasets.progress import Counting, ended_gently
        from launch.datasets.summary import show_manifest

        began = time.monotonic()
        chosen = tuple(types.split(",")) if types else DEFAULT_TYPES
        how = Evolution(seed=seed, copies=copies, most=most, types=chosen, task=task)
        check_command(out, COMMAND, overwrite=overwrite)
        sampling = {"temperature": temperature, "top_p": top_p}
        served = models_of(
            model or (),
            key_env or (),
            **sampling,
            max_tokens=max_tokens,
            concurrency=concurrency,
            timeout=timeout,
            patience=patience,
            extra=extra_fields(extra),
        )
        own = own_models(engine or (), max_tokens=max_tokens, concurrency=concurrency, **sampling)
        models = [*served, *own]
        opened = _open(seeds, format)
        reader = Copies(opened.reader, copies, _repeated(opened))
        total = opened.source.total()
        total = None if total is None else total * copies
        stage = Evolve(how)
        if models and rewrite:
            words = _rewrites(models[0], out, stage, opened, reader, total, by_schema=bool(served))
            stage = Evolve(how, words)
        stages: list[Evolve | Followers] = [stage]
        if models:
            asked = _answers(models, out, stage, opened, reader, total, answers)
            stages.append(Followers(asked, loose))
        note = f"{out} keeps what is done: run it again to go on"
        with ended_gently(note), Counting("writing", total) as count:
            manifest = run_pipeline(
                opened.source,
                stages,
                out,
                command=COMMAND,
                reader=reader,
                format={"name": opened.format, "recognised_by": opened.recognised_by or "--format"},
                workers=workers,
                overwrite=overwrite,
                on_block=lambda note: count.advance(note.read * copies),
            )
        show_manifest(manifest, out, began)
        if isinstance(stages[-1], Followers):
            print(f"wrote {_write_sft(out, stages[-1]):,} accepted answers to {out / SFT}")
        print(f"next: plumb data curate {out} --out curated/")


def _open(seeds: str, format: str) -> "Input":
    """The seeds; rows that are in no other format may be prompts without a reference."""
    from data.errors import DataError, SourceError
    from data.pipeline.opening import Choice, open_input

    try:
        return open_input(seeds, Choice(format))
    except SourceError as error:
        if format != "auto":
            raise
        try:
            return open_input(seeds, Choice("plain"))
        except DataError:
            raise error from None


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
        lambda: stage.requests(_read(opened, reader), by_schema=by_schema),
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
        for record in _read(opened, reader):
            yield from stage([record]).kept

    return ask(
        models,
        out / ANSWERS,
        lambda: Followers(()).requests(evolved()),
        what="answering",
        total=total,
        n=n,
    )


def _repeated(opened: "Input") -> frozenset[str]:
    """The places of rows whose record an earlier row has."""
    known: set[str] = set()
    found = set()
    for row in _rows(opened):
        for record in opened.reader(row):
            if record.id in known:
                found.add(row.where)
            known.add(record.id)
    return frozenset(found)


def _read(opened: "Input", reader: "Reader") -> "Iterator[Record]":
    """The records of a source."""
    for row in _rows(opened):
        yield from reader(row)


def _rows(opened: "Input") -> "Iterator[Row]":
    """The rows of a source; raises RowError where one cannot be read."""
    from data.errors import RowError
    from data.files import BadRow
    from data.pipeline.source import BLOCK_ROWS

    for block in opened.source.blocks(BLOCK_ROWS):
        for row in block.rows():
            if isinstance(row, BadRow):
                raise RowError(row.error)
            yield row


def _write_sft(out: Path, stage: "Followers") -> int:
    """Write the accepted answers of all records; gives how many there are."""
    from data.errors import SourceError
    from data.records import read_records

    path = out / SFT
    temporary = path.with_name(f".{SFT}.tmp")
    count = 0
    try:
        with temporary.open("w", encoding="utf-8") as file:
            row: dict[str, Any]
            for row in stage.rows(read_records(out)):
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
                count += 1
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise SourceError(f"{path}: cannot be written: {error.strerror or error}") from error
    return count
