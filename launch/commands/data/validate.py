"""`plumb data validate`: gold answers against themselves."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from launch.commands.options import takes_options
from launch.errors import one_line_errors

Workers = Annotated[int | None, typer.Option(help="grading processes", show_default="one a core")]
Deadline = Annotated[
    float, typer.Option(help="seconds for one answer; one that takes longer is not correct")
]
MemoryMb = Annotated[int, typer.Option(help="memory of one grading process, MiB")]


@dataclass(frozen=True, kw_only=True)
class ValidateOptions:
    """What `plumb data validate` takes."""

    source: Annotated[
        str, typer.Argument(metavar="FILE", help="a .jsonl, .json or .parquet file, or builtin:...")
    ]
    verifier: Annotated[
        str, typer.Option(help="a verifier's name, or path/to/file.py:function")
    ] = "math"
    trust: Annotated[
        str | None,
        typer.Option(
            metavar="LEVEL",
            help="code: what tests must reach: in-process, checker or outside",
            show_default="checker",
        ),
    ] = None
    prompt_column: Annotated[str, typer.Option(help="column with the prompt")] = "auto"
    reference_column: Annotated[str, typer.Option(help="column with the gold answer")] = "auto"
    reference_pattern: Annotated[
        str,
        typer.Option(
            help="regular expression whose first group is the gold answer; auto: what follows "
            "####, else the whole column; none: the whole column"
        ),
    ] = "auto"
    out: Annotated[
        Path | None, typer.Option(metavar="MISSES.jsonl", help="write every miss to this file")
    ] = None
    workers: Workers = None
    deadline: Deadline = 3.0
    memory_mb: MemoryMb = 512


@takes_options
def validate(options: ValidateOptions) -> None:
    """Check that the gold answers of a data set are correct by their own verifier.

    Each gold answer is graded as if a model had given it. A miss is a row on
    which no model could ever be right: its answer is no expression, is cut, or is
    of a kind that the verifier does not know. Remove such rows, or train with
    another verifier. References of code are tests: there a miss is a row whose tests
    cannot be read, or are below the level of --trust.

    Ends with code 0 when every row is correct, and 1 when there is a miss.

    Examples:

      plumb data validate train.jsonl

      plumb data validate gsm8k.parquet --out misses.jsonl
    """
    with one_line_errors():
        _validate(options)


def _validate(options: ValidateOptions) -> None:
    from data.sources import load_prompts
    from launch.verify.validate import validate as run_validate

    prompts = load_prompts(
        options.source,
        prompt_column=options.prompt_column,
        reference_column=options.reference_column,
        reference_pattern=None
        if options.reference_pattern == "none"
        else options.reference_pattern,
    )
    missed = run_validate(
        options.source,
        prompts,
        options.verifier,
        trust=options.trust,
        out=options.out,
        workers=_cores() if options.workers is None else options.workers,
        deadline=options.deadline,
        memory_mb=options.memory_mb,
    )
    if missed:
        sys.exit(1)


def _cores() -> int:
    return len(os.sched_getaffinity(0))
