"""`plumb merge`: an average of models."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from launch.errors import one_line_errors

Type = Literal["auto", "fp32", "bf16", "fp16"]
Scheme = Literal[
    "average",
    "ema",
    "weighted",
    "linear",
    "uniform-low",
    "uniform-high",
    "increasing",
    "decreasing",
]


def merge(
    target: Annotated[Path, typer.Argument(metavar="OUT", help="the merged model's folder")],
    sources: Annotated[
        list[Path],
        typer.Argument(metavar="MODEL|CHECKPOINT|RUN_DIR...", help="of a run: its last ones"),
    ],
    scheme: Annotated[Scheme, typer.Option(help="how much each one weighs")] = "average",
    weights: Annotated[
        str | None,
        typer.Option(metavar="W,W...", help="weighted, linear: a number for each model"),
    ] = None,
    decay: Annotated[
        float | None,
        typer.Option(help="ema: how much of the mean each model leaves", show_default="0.5"),
    ] = None,
    share: Annotated[
        float | None,
        typer.Option(
            help="with an anchor: of all models but the first, together",
            show_default="uniform-low 0.2, uniform-high 0.6, else 0.5",
        ),
    ] = None,
    last: Annotated[int, typer.Option(min=1, help="how many of a run")] = 5,
    dtype: Annotated[
        Type, typer.Option(help="of the weights; auto: the type of the first model")
    ] = "auto",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="replace a model in OUT")] = False,
) -> None:
    """Average models, tensor by tensor in float32.

    average: all the same, such as the last five checkpoints of a run. ema: the running
    mean over them, older ones first. weighted: --weights, divided by their sum. linear:
    --weights as they are, such as 1,1,-1. With an anchor, the first one, such as an SFT
    model with later checkpoints: uniform-low, uniform-high, increasing, decreasing.

    Prints each model with its weight and what its run's evaluations said of it.

    Examples:

      plumb merge soup runs/quickstart --last 3

      plumb merge soup model-a model-b --scheme weighted --weights 2,1

      plumb merge soup sft runs/a/checkpoints/step_000020 \\
        runs/a/checkpoints/step_000040 --scheme uniform-low
    """
    with one_line_errors():
        from launch.models.merge import Recipe
        from launch.models.merge import merge as write_merge

        write_merge(
            target,
            sources,
            Recipe(scheme, _numbers(weights), decay, share),
            last=last,
            dtype=dtype,
            overwrite=overwrite,
            say=_say,
        )


def _numbers(text: str | None) -> list[float] | None:
    if text is None:
        return None
    from rl.errors import ConfigError

    try:
        return [float(part) for part in text.split(",")]
    except ValueError as error:
        raise ConfigError(f"--weights={text}: give numbers with commas, such as 2,1") from error


def _say(message: str) -> None:
    print(message, flush=True)
