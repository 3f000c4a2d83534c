"""`plumb data difficulty`: how often a model is right on each prompt."""

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from launch.commands.options import takes_options
from launch.errors import one_line_errors

if TYPE_CHECKING:
    from data.difficulty import Summary

BAR = 40  # characters of the histogram's longest bar


@dataclass(frozen=True, kw_only=True)
class DifficultyOptions:
    """What `plumb data difficulty` takes."""

    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="a file or folder of records, any file that plumb train reads, or builtin:...",
        ),
    ]
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="where measured records go")]
    overrides: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[KEY.PATH=VALUE]...", help="further settings, as plumb train takes them"
        ),
    ] = None
    model: Annotated[
        str | None,
        typer.Option(help="a model's folder or hub id", show_default="the config's model.path"),
    ] = None
    config: Annotated[
        Path | None,
        typer.Option(help="a training run's YAML config: prompts are asked and graded as it does"),
    ] = None
    verifier: Annotated[
        str | None,
        typer.Option(help="a verifier's name, or path/to/file.py:function", show_default="math"),
    ] = None
    k: Annotated[int, typer.Option("-k", "--answers", help="answers a prompt")] = 5
    full: Annotated[
        bool,
        typer.Option("--full", help="ask for all answers, also where the stratum is certain"),
    ] = False
    temperature: Annotated[float | None, typer.Option(show_default="the config's, or 1")] = None
    top_p: Annotated[float | None, typer.Option(show_default="the config's, or 1")] = None
    top_k: Annotated[int | None, typer.Option(show_default="the config's, or all")] = None
    max_tokens: Annotated[
        int | None,
        typer.Option(help="longest answer, tokens", show_default="the config's, or 1024"),
    ] = None
    max_prompt_tokens: Annotated[
        int | None,
        typer.Option(help="longer prompts are dropped", show_default="the config's, or 1024"),
    ] = None
    seed: Annotated[int | None, typer.Option(show_default="the config's, or 0")] = None
    engines: Annotated[
        int | None,
        typer.Option(help="vLLM engines", show_default="all GPUs; one on a CPU host"),
    ] = None
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="replace another data set in the folder")
    ] = False


@takes_options
def difficulty(options: DifficultyOptions) -> None:
    """Measure how often a model is right on each prompt.

    Prompts are rendered, answered by vLLM and graded exactly as in training: give
    the run's --config, or a --model and a --verifier. A prompt is easy when every
    answer is right, hard when none is, and medium between; asking stops as soon
    as one right and one wrong answer make it medium, unless --full is given (do
    so for plumb data forecast of a small data set: it says more of each prompt).
    Answers that cannot be graded do not count, and are asked for again, up to
    twice -k in all.

    FOLDER gets the records with their pass rates, what was dropped and why, a
    manifest, and answers.jsonl. Killed at any time, the same command goes on
    where it was: no answer that is on disk is asked for again.

    Examples:

      plumb data difficulty curated/ --out measured/ --config run.yaml

      plumb data difficulty train.jsonl --out measured/ --model Qwen/Qwen3-0.6B

      plumb data difficulty curated/ --out measured/ --config run.yaml \\
        -k 16 --full
    """
    with one_line_errors():
        _difficulty(options)


def _difficulty(options: DifficultyOptions) -> None:
    from data.strata import wilson
    from launch.datasets.difficulty import Work, configured, measure
    from launch.datasets.progress import Counting, show_counts, show_time

    began = time.monotonic()
    named: dict[str, object] = {
        "model.path": options.model,
        "reward.verifier": options.verifier,
        "rollout.temperature": options.temperature,
        "rollout.top_p": options.top_p,
        "rollout.top_k": options.top_k,
        "rollout.max_response_tokens": options.max_tokens,
        "rollout.max_prompt_tokens": options.max_prompt_tokens,
        "seed": options.seed,
    }
    if options.config is None:
        named["reward.workers"] = len(os.sched_getaffinity(0))
    said = [f"{key}={value}" for key, value in named.items() if value is not None]
    settings = configured(
        options.config, [*(options.overrides or ()), *said], print, options.source
    )
    summary = measure(
        Work(options.source, options.out, settings, options.k, not options.full, options.engines),
        overwrite=options.overwrite,
        show=lambda total: Counting("measuring prompts", total),
    )
    if summary is None:
        print(f"{options.out} holds this measurement already")
        return
    show_counts(["stratum", "records"], rows_of(summary))
    for line in histogram_lines(summary):
        print(line)
    low, high = wilson(summary.correct, summary.graded)
    print(
        f"pass rate {summary.correct / max(1, summary.graded):.1%} of {summary.graded} answers "
        f"({low:.1%} to {high:.1%}); {summary.early} prompts took fewer than {options.k}"
    )
    show_time(began)
    print(f"{sum(summary.strata.values())} records in {options.out}")
    print(f"next: plumb data mix {options.out} --out mix, or plumb data report {options.out}")


def rows_of(summary: "Summary") -> list[list[object]]:
    """The strata, and what could not be measured."""
    from data.schema import STRATA

    rows: list[list[object]] = [[name, summary.strata[name]] for name in STRATA]
    return rows + [[reason, count] for reason, count in sorted(summary.reasons.items())]


def histogram_lines(summary: "Summary") -> list[str]:
    """Prompts by pass rate, a line a bin."""
    bins = len(summary.rates) - 1
    most = max(summary.rates, default=0) or 1
    names = ["0", *(f"..{step / (bins - 1):.2f}" for step in range(1, bins)), "1"]
    return [
        f"{name:>7} {'#' * -(-count * BAR // most):<{BAR}} {count}"
        for name, count in zip(names, summary.rates, strict=True)
    ]
