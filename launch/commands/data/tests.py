"""`plumb data tests`: models write tests for programs, and those that hold are kept."""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from launch.commands.options import (
    AskingOptions,
    Folder,
    MaxTokens,
    Models,
    Records,
    ReplaceFolder,
    SandboxAt,
    takes_options,
)
from launch.datasets.asking import ANSWERS
from launch.errors import one_line_errors

if TYPE_CHECKING:
    from data.asking import Asked, Request

Existing = Literal["add", "replace", "keep"]


@dataclass(frozen=True, kw_only=True)
class TestsOptions(AskingOptions):
    """What `plumb data tests` takes."""

    source: Records
    model: Models
    out: Folder
    programs: Annotated[
        int,
        typer.Option(
            min=0,
            max=64,
            help="programs that each model writes for records without a reference solution; 0: "
            "such records are dropped",
        ),
    ] = 4
    agree: Annotated[
        float, typer.Option(help="share of different programs that must agree", min=0.01, max=1.0)
    ] = 0.5
    existing: Annotated[
        Existing,
        typer.Option(
            help="tests that a record has; add: new cases follow them, scripts stay as they are; "
            "keep: only records without tests get some"
        ),
    ] = "add"
    least: Annotated[int, typer.Option(help="tests that must hold", min=1, max=10)] = 1
    sandbox: SandboxAt = "auto"
    max_tokens: MaxTokens = 8192
    workers: Annotated[int, typer.Option(help="processes that run programs", min=1)] = 1
    overwrite: ReplaceFolder = False


@takes_options
def tests(options: TestsOptions) -> None:
    """Have models write tests for problems of code, and keep those that hold.

    Every model is asked for up to ten tests a problem: normal, boundary,
    exceptional and complex ones. A test holds when every reference solution of the
    record was run on it in the sandbox and agrees. Where a record has none, each
    model writes programs too, and those that agree with each other and with the
    tests decide; they become its solutions. At most ten tests are kept, of all
    categories in turn, and records of other tasks go through.

    Whether tests call a function or give standard input is told from the tests
    that the record has, from entry_point in its metadata, or from its solutions.

    Answers are kept in FOLDER/answers as they come. Where an endpoint is down or
    limits rates, the command waits, and then ends with one line; run again, it
    asks only what was not answered.

    Examples:

      plumb data tests problems/ --out tested/ --model a=http://h1:8000/v1

      plumb data tests problems/ --out tested/ --model a=http://h1:8000/v1 \\
        --model b=http://h2:8000/v1 --programs 8 --agree 0.6 --temperature 0.8

      plumb data tests curated/ --out tested/ --existing replace --least 5 \\
        --model gpt-5=https://api.openai.com/v1 --key-env gpt-5=OPENAI_API_KEY
    """
    with one_line_errors():
        _tests(options)


def _tests(options: TestsOptions) -> None:
    from data.curate.code_box import require_sandbox
    from data.generated.stage import GeneratedTests
    from data.pipeline.manifest import read_manifest
    from data.pipeline.run import run_pipeline
    from data.pipeline.source import Files
    from data.prompt_records import files_of, rows_of
    from launch.datasets.asking import check_command, require_records
    from launch.datasets.progress import Counting
    from launch.datasets.summary import show_manifest

    began = time.monotonic()
    require_records(options.source)
    check_command(options.out, "tests", overwrite=options.overwrite)
    options.served(options.model)  # names and keys are looked at before anything is started
    has_any = next(_for_tests(options.source, options.existing), None) is not None
    if has_any and (options.overwrite or read_manifest(options.out) is None):
        require_sandbox(options.sandbox)  # before models are asked, which may take a night

    asked, solved = _asked(options)
    slots = -(-len(os.sched_getaffinity(0)) // options.workers) + 1
    stage = GeneratedTests(
        asked,
        solved,
        options.existing,
        least=options.least,
        share=options.agree,
        sandbox=options.sandbox,
        slots=slots,
    )
    with Counting("running programs", rows_of(options.source)) as count:
        manifest = run_pipeline(
            Files(files_of(options.source)),
            [stage],
            options.out,
            command="tests",
            workers=options.workers,
            overwrite=options.overwrite,
            block_rows=128,
            on_block=lambda note: count.advance(note.read),
        )
    show_manifest(manifest, options.out, began)
    if not has_any:
        print("no record was given tests: none is of task code and wants some (see --existing)")
    print(f"next: plumb data curate {options.out} --out checked/ --task code")


def _asked(options: TestsOptions) -> "tuple[tuple[Asked, ...], tuple[Asked, ...]]":
    """The tests that models wrote, and programs where nothing else can check tests."""
    from data.generated import wording
    from launch.datasets.asking import ask

    def models() -> list[Any]:
        return options.served(options.model)

    asked = ask(
        models(),
        options.out / ANSWERS / "tests",
        lambda: _for_tests(options.source, options.existing),
        what="asking for tests",
        total=None,
        words=wording.VERSION,
    )
    solved: tuple[Asked, ...] = ()
    if options.programs and next(_for_programs(options.source, options.existing), None) is not None:
        solved = ask(
            models(),
            options.out / ANSWERS / "programs",
            lambda: _for_programs(options.source, options.existing),
            what="asking for programs",
            total=None,
            n=options.programs,
        )
    return asked, solved


def _for_tests(source: str, existing: Existing) -> "Iterator[Request]":
    """What is asked of each record that gets tests."""
    from data.asking import Request
    from data.curate.code import references_of
    from data.generated.interface import entry_point_of
    from data.generated.stage import wants_tests
    from data.generated.wording import asking_for_tests
    from data.prompt_records import open_records

    for record in open_records(source):
        if wants_tests(record, existing):
            entry_point = entry_point_of(record, references_of(record))
            yield Request(record.id, asking_for_tests(record.request(), entry_point))


def _for_programs(source: str, existing: Existing) -> "Iterator[Request]":
    """The problems themselves, where nothing else can check tests."""
    from data.asking import Request
    from data.curate.code import references_of
    from data.generated.stage import wants_tests
    from data.prompt_records import open_records

    for record in open_records(source):
        if wants_tests(record, existing) and not references_of(record):
            yield Request(record.id, record.messages)
