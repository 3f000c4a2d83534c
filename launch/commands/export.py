"""`plumb export`: a model out of a checkpoint."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from launch.errors import one_line_errors

Type = Literal["auto", "fp32", "bf16", "fp16"]


def export(
    source: Annotated[
        Path, typer.Argument(metavar="CHECKPOINT|RUN_DIR", help="a checkpoint, or a run with some")
    ],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="the model's folder")],
    step: Annotated[
        int | None, typer.Option(min=0, help="which one of a run", show_default="the newest")
    ] = None,
    best: Annotated[
        bool, typer.Option("--best", help="the one of the highest accuracy on --by")
    ] = False,
    by: Annotated[
        str | None,
        typer.Option(metavar="SET", help="--best: an evaluation set", show_default="held_out"),
    ] = None,
    dtype: Annotated[
        Type, typer.Option(help="of the weights; auto: the type that engines had")
    ] = "auto",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="replace a model in OUT")] = False,
    adapter: Annotated[
        bool,
        typer.Option("--adapter/--merged", help="adapters alone as peft has them, or the model"),
    ] = False,
    ema: Annotated[
        bool, typer.Option("--ema", help="the running mean of the weights (learner.ema)")
    ] = False,
) -> None:
    """Write the policy of a checkpoint as a model in Hugging Face format.

    Of any number of ranks and any ZeRO stage; adapters are merged into their base, or
    written by themselves with --adapter. Configuration, tokenizer and chat template are
    those of the model that the run began with.

    Examples:

      plumb export runs/quickstart model

      plumb export runs/quickstart model --best --dtype bf16

      plumb export runs/quickstart/checkpoints/step_000040 model

      plumb export runs/lora adapters --adapter
    """
    with one_line_errors():
        from launch.models.export import export as write_export

        _refuse_contradictions(step, by, best=best)

        write_export(
            source,
            target,
            step=step,
            best_by=(by or "held_out") if best else None,
            dtype=dtype,
            overwrite=overwrite,
            say=_say,
            adapter=adapter,
            mean=ema,
        )


def _refuse_contradictions(step: int | None, by: str | None, *, best: bool) -> None:
    from rl.errors import ConfigError

    if by is not None and not best:
        raise ConfigError("--by is of --best: add that, or leave it out")
    if step is not None and best:
        raise ConfigError("--step and --best both say which checkpoint: leave one of them out")


def _say(message: str) -> None:
    print(message, flush=True)
