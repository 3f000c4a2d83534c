"""`plumb data tag`: judges say what queries are about and how good they are."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from launch.commands.options import (
    AskingOptions,
    Folder,
    MaxTokens,
    Models,
    Records,
    ReplaceFolder,
    Temperature,
    takes_options,
)
from launch.datasets.asking import ANSWERS
from launch.errors import one_line_errors

if TYPE_CHECKING:
    from data.asking import Request
    from data.tagging.taxonomy import Taxonomy


@dataclass(frozen=True, kw_only=True)
class TagOptions(AskingOptions):
    """What `plumb data tag` takes."""

    source: Records
    model: Models
    out: Folder
    tags: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="domains with their tags, as YAML: `law: [contracts, torts]`",
            show_default="ten domains from mathematics to conversation",
        ),
    ] = None
    lowest: Annotated[
        float, typer.Option(help="quality below which a record is dropped", min=0.0, max=1.0)
    ] = 0.0
    temperature: Temperature = 0.0
    max_tokens: MaxTokens = 2048
    workers: Annotated[int, typer.Option(help="processes that write records", min=1)] = 1
    overwrite: ReplaceFolder = False


@takes_options
def tag(options: TagOptions) -> None:
    """Have a judge tag every query and grade its quality, as columns to balance by.

    metadata.tags holds the domain and its tags, metadata.quality the mean of fluency,
    format and completeness, metadata.judged_difficulty how hard the judge thinks
    it is; the last two go from 0 to 1. Several judges vote. A record that no judge
    answered in the right form is kept without them, and counted.

    Answers are kept in FOLDER/answers as they come. Where an endpoint is down or
    limits rates, the command waits, and then ends with one line; run again, it
    asks only what was not answered.

    Examples:

      plumb data tag curated/ --out tagged/ --model qwen3-32b=http://host:8000/v1

      plumb data tag curated/ --out tagged/ --model a=http://h1:8000/v1 \\
        --model b=http://h2:8000/v1 --tags topics.yaml --lowest 0.5

      plumb data mix tagged/ --out mix/ --share metadata.tags \\
        --weight metadata.quality
    """
    with one_line_errors():
        _tag(options)


def _tag(options: TagOptions) -> None:
    from data.pipeline.run import run_pipeline
    from data.pipeline.source import Files
    from data.prompt_records import files_of, rows_of
    from data.tagging.stage import Tagged
    from data.tagging.taxonomy import Taxonomy
    from data.tagging.wording import wording_of
    from launch.datasets.asking import ask, check_command, require_records
    from launch.datasets.progress import Counting
    from launch.datasets.summary import show_manifest

    began = time.monotonic()
    require_records(options.source)
    taxonomy = Taxonomy.built_in() if options.tags is None else Taxonomy.read(options.tags)
    check_command(options.out, "tag", overwrite=options.overwrite)
    models = options.served(options.model)
    asked = ask(
        models,
        options.out / ANSWERS,
        lambda: _requests(options.source, taxonomy),
        what="asking",
        total=rows_of(options.source),
        wording=wording_of(taxonomy),
    )
    with Counting("writing", rows_of(options.source)) as count:
        manifest = run_pipeline(
            Files(files_of(options.source)),
            [Tagged(asked, taxonomy.as_json(), options.lowest)],
            options.out,
            command="tag",
            workers=options.workers,
            overwrite=options.overwrite,
            on_block=lambda note: count.advance(note.read),
        )
    show_manifest(manifest, options.out, began)
    _show_tags(options.out)
    print(f"next: plumb data mix {options.out} --out mix/ --share metadata.tags")


def _requests(source: str, taxonomy: "Taxonomy") -> "Iterator[Request]":
    from data.prompt_records import open_records
    from data.tagging.wording import request_for

    for record in open_records(source):
        yield request_for(record, taxonomy)


def _show_tags(out: Path) -> None:
    """How many records have each domain, their mean quality, and how many have none."""
    from collections import defaultdict
    from statistics import fmean

    from data.records import read_records
    from launch.datasets.progress import show_counts

    qualities: dict[str, list[float]] = defaultdict(list)
    untagged = 0
    for record in read_records(out):
        tags, quality = record.metadata.get("tags"), record.metadata.get("quality")
        if isinstance(tags, list) and tags and isinstance(quality, int | float):
            qualities[str(tags[0])].append(quality)
        else:
            untagged += 1
    rows = sorted(qualities.items(), key=lambda row: (-len(row[1]), row[0]))
    show_counts(
        ("domain", "records", "quality"),
        [(name, len(some), f"{fmean(some):.2f}") for name, some in rows],
    )
    if untagged:
        print(f"without tags: {untagged}: no judge answered in the form that was asked for")
