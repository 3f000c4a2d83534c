"""`plumb data tag`: judges say what queries are about and how good they are."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from launch.datasets.asking import (
    ANSWERS,
    Concurrency,
    Extra,
    KeyEnv,
    MaxTokens,
    Models,
    Patience,
    Temperature,
    Timeout,
    TopP,
)
from launch.errors import one_line_errors

if TYPE_CHECKING:
    from data.asking import Request
    from data.tagging.taxonomy import Taxonomy


def tag(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE", help="a file or folder of records, such as plumb data curate wrote"
        ),
    ],
    model: Models,
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="where the records are written")],
    tags: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="domains with their tags, as YAML: `law: [contracts, torts]`",
            show_default="ten domains from mathematics to conversation",
        ),
    ] = None,
    lowest: Annotated[
        float, typer.Option(help="quality below which a record is dropped", min=0.0, max=1.0)
    ] = 0.0,
    key_env: KeyEnv = None,
    temperature: Temperature = 0.0,
    top_p: TopP = None,
    max_tokens: MaxTokens = 2048,
    concurrency: Concurrency = 32,
    timeout: Timeout = 600.0,
    patience: Patience = 120.0,
    extra: Extra = None,
    workers: Annotated[int, typer.Option(help="processes that write records", min=1)] = 1,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="replace what the folder holds of other work")
    ] = False,
) -> None:
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

      plumb data tag curated/ --out tagged/ --model a=http://h1:8000/v1
      --model b=http://h2:8000/v1 --tags topics.yaml --lowest 0.5

      plumb data mix tagged/ --out mix/ --share metadata.tags --weight metadata.quality
    """
    with one_line_errors():
        from data.asking import models_of
        from data.errors import SourceError
        from data.pipeline.run import run_pipeline
        from data.pipeline.source import Files
        from data.prompt_records import files_of, holds_records, rows_of
        from data.tagging.stage import Tagged
        from data.tagging.taxonomy import Taxonomy
        from data.tagging.wording import wording_of
        from launch.datasets.asking import ask, check_command, extra_fields
        from launch.datasets.progress import Counting
        from launch.datasets.summary import show_manifest

        began = time.monotonic()
        if not holds_records(source):
            raise SourceError(f"{source}: holds no records; make some by plumb data curate first")
        taxonomy = Taxonomy.built_in() if tags is None else Taxonomy.read(tags)
        check_command(out, "tag", overwrite=overwrite)
        models = models_of(
            model,
            key_env or (),
            temperature=temperature,
            top_p=top_p,
            max_tokens=max_tokens,
            concurrency=concurrency,
            timeout=timeout,
            patience=patience,
            extra=extra_fields(extra),
        )
        asked = ask(
            models,
            out / ANSWERS,
            lambda: _requests(source, taxonomy),
            what="asking",
            total=rows_of(source),
            wording=wording_of(taxonomy),
        )
        with Counting("writing", rows_of(source)) as count:
            manifest = run_pipeline(
                Files(files_of(source)),
                [Tagged(asked, taxonomy.as_json(), lowest)],
                out,
                command="tag",
                workers=workers,
                overwrite=overwrite,
                on_block=lambda note: count.advance(note.read),
            )
        show_manifest(manifest, out, began)
        _show_tags(out)
        print(f"next: plumb data mix {out} --out mix/ --share metadata.tags")


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
