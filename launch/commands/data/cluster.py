"""`plumb data cluster`: queries by their meaning, from an embedding endpoint."""

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from launch.commands.options import (
    Extra,
    Folder,
    KeyEnv,
    Patience,
    Records,
    ReplaceFolder,
    Timeout,
    takes_options,
)
from launch.errors import one_line_errors

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

    from data.schema import Record
    from data.semantic.embedding import EmbeddingSettings
    from data.semantic.finding import Decisions

VECTORS: Final = "embeddings"
"""The folder of vectors and decisions, in the output folder."""


@dataclass(frozen=True, kw_only=True)
class ClusterOptions:
    """What `plumb data cluster` takes."""

    source: Records
    embeddings: Annotated[
        list[str],
        typer.Option(
            metavar="[NAME=]URL",
            help="an OpenAI-compatible endpoint of an embedding model, such as "
            "bge-m3=http://host:8000/v1; one model at several addresses may be repeated",
        ),
    ]
    out: Folder
    clusters: Annotated[
        int | None,
        typer.Option(help="clusters (K-means)", min=1, show_default="root of the records' number"),
    ] = None
    similarity: Annotated[
        float,
        typer.Option(
            help="cosine from which on two say the same; 1: none is dropped", min=0.5, max=1.0
        ),
    ] = 0.95
    max_chars: Annotated[int, typer.Option(help="characters of a query that count", min=1)] = 8000
    seed: Annotated[int, typer.Option(help="of the clusters", min=0)] = 0
    key_env: KeyEnv = None
    concurrency: Annotated[int, typer.Option(help="requests open at once, of 64 queries each")] = 8
    timeout: Timeout = 120.0
    patience: Patience = 120.0
    extra: Extra = None
    workers: Annotated[int, typer.Option(help="processes that write records", min=1)] = 1
    overwrite: ReplaceFolder = False


@takes_options
def cluster(options: ClusterOptions) -> None:
    """Cluster queries by meaning, and drop those that say what another one says.

    metadata.cluster is the number of the cluster, 0 the largest, to balance by. Two
    records say the same where the cosine of their vectors is high and they are one
    exercise: the same answer, the same numbers, the same tools. The first stays.

    Vectors are kept in FOLDER/embeddings as they come. Where the endpoint is down
    or limits rates, the command waits, and then ends with one line; run again, it
    asks only for what is missing.

    Examples:

      plumb data cluster curated/ --out clustered/ \\
        --embeddings bge-m3=http://host:8000/v1

      plumb data cluster curated/ --out clustered/ \\
        --embeddings http://host:8000/v1 --clusters 200 --similarity 1

      plumb data mix clustered/ --out mix/ --share metadata.cluster
    """
    with one_line_errors():
        _cluster(options)


def _cluster(options: ClusterOptions) -> None:
    from data.pipeline.run import run_pipeline
    from data.pipeline.source import Files
    from data.prompt_records import files_of, rows_of
    from data.semantic.stage import Meaning
    from launch.datasets.asking import check_command, extra_fields, require_records
    from launch.datasets.progress import Counting
    from launch.datasets.summary import show_manifest

    began = time.monotonic()
    require_records(options.source)
    check_command(options.out, "cluster", overwrite=options.overwrite)
    settings = _settings(
        options.embeddings,
        options.key_env or [],
        concurrency=options.concurrency,
        timeout=options.timeout,
        patience=options.patience,
        extra=extra_fields(options.extra) or {},
        max_chars=options.max_chars,
    )
    decided = _decided(
        options.source,
        options.out / VECTORS,
        settings,
        options.clusters,
        options.similarity,
        options.seed,
    )
    stage = Meaning(decided.sha256).found_in(options.out / VECTORS / "decisions.json")
    with Counting("writing", rows_of(options.source)) as count:
        manifest = run_pipeline(
            Files(files_of(options.source)),
            [stage],
            options.out,
            command="cluster",
            workers=options.workers,
            overwrite=options.overwrite,
            on_block=lambda note: count.advance(note.read),
        )
    show_manifest(manifest, options.out, began)
    print(f"{decided.clusters} clusters; {decided.siblings} close pairs are other exercises")
    if decided.without:
        print(f"without a vector: {decided.without}: empty, or refused; they are kept")
    print(f"next: plumb data mix {options.out} --out mix/ --share metadata.cluster")


def _settings(named: list[str], keys: list[str], **more: object) -> "EmbeddingSettings":
    """The settings of --embeddings; raises SourceError where they name several models."""
    from data.asking.named import settings_of
    from data.errors import SourceError
    from data.semantic.embedding import EmbeddingSettings

    found = settings_of(EmbeddingSettings, named, keys, option="--embeddings", **more)
    if len(found) > 1:
        raise SourceError(
            f"--embeddings names {len(found)} models: vectors of two models cannot be compared; "
            "name one, at one address or several"
        )
    return found[0]


def _decided(
    source: str,
    work: Path,
    settings: "EmbeddingSettings",
    clusters: int | None,
    similarity: float,
    seed: int,
) -> "Decisions":
    """Embed what has no vector yet, and decide."""
    from data.asking.store import AnswerStore
    from data.prompt_records import open_records, rows_of
    from data.semantic.embedding import embed_all, vector_in
    from data.semantic.finding import decide
    from launch.datasets.progress import Counting

    def text_of(record: "Record") -> str:
        return record.request()[: settings.max_chars]

    # Where nothing names the model, the address is all that tells it from others.
    identity: dict[str, Any] = {
        "embeddings": settings.model or " ".join(settings.urls), "max_chars": settings.max_chars
    }  # fmt: skip
    if settings.extra:
        identity["extra"] = settings.extra
    with AnswerStore.open(work / "vectors.jsonl", identity) as store:
        with Counting("embedding", rows_of(source)) as count:
            texts = (text for record in open_records(source) if (text := text_of(record)).strip())
            try:
                asyncio.run(embed_all(store, settings, texts, count.advance))
            except KeyboardInterrupt as error:
                error.add_note(f"{store.path} keeps the vectors: run it again to go on")
                raise
        with Counting("clustering", rows_of(source)) as count:

            def counted(record: "Record") -> "NDArray[numpy.float32] | None":
                count.advance()
                return vector_in(store, text_of(record))

            return decide(
                open_records(source),
                counted,
                work,
                clusters=clusters,
                threshold=similarity,
                seed=seed,
            )
