"""`plumb data consensus`: several models answer, and what they agree on is kept."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from launch.commands.options import (
    AskingOptions,
    Engines,
    Folder,
    OptionalModels,
    Records,
    ReplaceFolder,
    takes_options,
)
from launch.datasets.asking import ANSWERS
from launch.errors import one_line_errors

if TYPE_CHECKING:
    from data.asking import EndpointModel, Model, Request
    from data.consensus.stage import Consensus
    from data.curate.tool_judge import ToolJudge
    from data.messages import Wording
    from data.pipeline.block import Stage
    from data.schema import Record

COMMAND = "plumb data consensus"
BOXED = "{prompt}\n\nReason step by step, and put your final answer within \\boxed{{}}."


@dataclass(frozen=True, kw_only=True)
class ConsensusOptions(AskingOptions):
    """What `plumb data consensus` takes."""

    source: Records
    out: Folder
    model: OptionalModels = None
    engine: Engines = None
    answers: Annotated[int, typer.Option(help="answers of each model", min=1)] = 1
    within: Annotated[
        float,
        typer.Option(help="share of a model's own answers that must be alike", min=0.01, max=1.0),
    ] = 1.0
    agree: Annotated[
        int | None, typer.Option(help="models that must agree", min=1, show_default="all")
    ] = None
    match: Annotated[
        Literal["exact", "accept"],
        typer.Option(help="how calls are compared; accept: texts as BFCL compares them"),
    ] = "exact"
    ignore_reference: Annotated[
        bool, typer.Option("--ignore-reference", help="have the models alone decide")
    ] = False
    judge: Annotated[
        str | None,
        typer.Option(metavar="NAME=URL", help="a model that checks the calls that are to be kept"),
    ] = None
    votes: Annotated[int, typer.Option(help="answers of the judge; most decide", min=1)] = 1
    system: Annotated[str | None, typer.Option(help="a system message to begin with")] = None
    template: Annotated[
        str | None,
        typer.Option(
            help="text around the question, which stands for {prompt}",
            show_default="math: asks for a box; tool: none",
        ),
    ] = None
    workers: Annotated[int, typer.Option(help="processes that compare answers", min=1)] = 1
    overwrite: ReplaceFolder = False


@takes_options
def consensus(options: ConsensusOptions) -> None:
    """Keep the questions on which models agree, with the agreed answer.

    Every model answers every question. A record with a reference is kept where
    enough models give that; one without gets the agreed calls, or the agreed
    final answer, as its reference. The others go to FOLDER/review with every
    answer.

    Calls are compared as in training, names and arguments alike; that no call is
    right can be agreed on too. Answers of mathematics are compared by math_equal.
    With --judge a model then checks tools, arguments and the step as a whole;
    without --model it checks the references that there are.

    Answers are kept in FOLDER/answers as they come. Where an endpoint is down or
    limits rates, the command waits, and then ends with one line; run again, it
    asks only what was not answered.

    Examples:

      plumb data consensus tools/ --out agreed/ --model a=http://h1:8000/v1 \\
        --model b=http://h2:8000/v1

      plumb data consensus math/ --out agreed/ --model a=http://h1:8000/v1 \\
        --answers 5 --within 0.6 --temperature 0.7

      plumb data consensus tools/ --out agreed/ --agree 1 \\
        --model gpt-5=https://api.openai.com/v1 --key-env gpt-5=OPENAI_API_KEY

      plumb data consensus math/ --out agreed/ --engine Qwen/Qwen3-8B --answers 8

      plumb data consensus tools/ --out checked/ --judge a=http://h1:8000/v1
    """
    with one_line_errors():
        _consensus(options)


def _consensus(options: ConsensusOptions) -> None:
    from data.pipeline.run import run_pipeline
    from data.pipeline.source import Files
    from data.prompt_records import files_of, rows_of
    from launch.datasets.asking import check_command, require_records
    from launch.datasets.progress import Counting, ended_gently
    from launch.datasets.summary import show_manifest

    began = time.monotonic()
    require_records(options.source)
    check_command(options.out, COMMAND, overwrite=options.overwrite)
    models, judges = _models(options)
    stages: list[Stage] = []
    if models:
        stages.append(_agreement(options, models))
    if judges:
        stages.append(_judged(judges, options.source, options.out, stages, options.votes))
    note = f"{options.out} keeps what is done: run it again to go on"
    with ended_gently(note), Counting("comparing", rows_of(options.source)) as count:
        manifest = run_pipeline(
            Files(files_of(options.source)),
            stages,
            options.out,
            command=COMMAND,
            workers=options.workers,
            overwrite=options.overwrite,
            on_block=lambda note: count.advance(note.read),
        )
    show_manifest(manifest, options.out, began)
    print(f"next: plumb data difficulty {options.out} --out measured/")


def _models(options: ConsensusOptions) -> "tuple[list[Model], list[EndpointModel]]":
    """Those that answer, and the judge, if any, which does not sample."""
    from data.asking import models_of
    from data.asking.named import keys_of
    from data.errors import SourceError

    named, keys = options.model or [], options.key_env or []
    judges = [] if options.judge is None else [options.judge]
    if not (named or judges or options.engine):
        raise SourceError(
            "nobody is asked: name models by --model NAME=URL or --engine PATH, or a --judge"
        )
    models_of([*named, *judges], keys)  # says whose key is whose
    settings, sampling = options.settings(), options.sampling()
    own = options.own(options.engine or [])
    models = [*models_of(named, keys_of(named, keys), **settings, **sampling), *own]
    if options.agree is not None and options.agree > len(models):
        raise SourceError(f"--agree {options.agree}: there are {len(models)} models; ask for fewer")
    return models, models_of(judges, keys_of(judges, keys), **settings, temperature=0.0)


def _agreement(options: ConsensusOptions, models: "Sequence[Model]") -> "Consensus":
    """Ask every model; what they agree on is kept."""
    from data.consensus.agreement import Thresholds
    from data.consensus.stage import Consensus
    from data.prompt_records import rows_of
    from launch.datasets.asking import ask

    wordings = _wordings(options.system, options.template)
    asked = ask(
        models,
        options.out / ANSWERS,
        lambda: _requests(options.source, wordings),
        what="asking",
        total=rows_of(options.source),
        n=options.answers,
        system=options.system,
        template=options.template,
    )
    thresholds = Thresholds(options.within, options.agree)
    return Consensus(asked, thresholds, options.match, options.ignore_reference)


def _wordings(system: str | None, template: str | None) -> "dict[str, Wording]":
    """What is put around questions, by task."""
    from data.messages import Wording

    return {"math": Wording(system, template or BOXED), "tool": Wording(system, template)}


def _judged(
    judges: "list[EndpointModel]", source: str, out: Path, stages: "Sequence[Stage]", votes: int
) -> "ToolJudge":
    """Have a judge look at what the stages so far keep."""
    from data.curate.tool_judge import ToolJudge, requests, wording
    from data.prompt_records import open_records, rows_of
    from launch.datasets.asking import ask

    def kept() -> "Iterator[Record]":
        for record in open_records(source):
            records: Sequence[Record] = [record]
            for stage in stages:
                records = stage(records).kept
            yield from records

    (asked,) = ask(
        judges,
        out / ANSWERS / "judge",
        lambda: requests(kept()),
        what="judging",
        total=rows_of(source),
        n=votes,
        asked_for=wording(),
    )
    return ToolJudge(asked)


def _requests(source: str, wordings: "dict[str, Wording]") -> "Iterator[Request]":
    """What is asked of each record of a task that can be agreed on."""
    from data.asking import Request
    from data.prompt_records import open_records

    for record in open_records(source):
        wording = wordings.get(record.task)
        if wording is not None:
            messages = wording.around(record.messages, f"record {record.id}")
            yield Request(record.id, messages, record.tools)
