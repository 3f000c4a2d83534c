"""The `plumb` command: every command has --help; a user's mistake ends in one line and a code.

Nothing heavy is imported before a command needs it, so that `--help` answers at once.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, NoReturn

import typer

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Reinforcement-learning post-training for language models whose answers can be checked.",
)


@app.callback()
def root() -> None:
    """Keeps sub-commands even while there is only one."""


@app.command()
def train(
    config: Annotated[
        Path, typer.Argument(help="YAML config, e.g. launch/configs/quickstart.yaml")
    ],
    overrides: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY.PATH=VALUE]...", help="settings that replace the config's"),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="continue the run in run_dir from its last checkpoint")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="delete what run_dir holds and start anew")
    ] = False,
) -> None:
    """Train a model with REINFORCE++ and dynamic sampling.

    Joins the Ray cluster at RAY_ADDRESS (or cluster.address), else starts a local one and stops it
    at the end. Writes metrics, sampled answers, checkpoints and report.html to run_dir.

    Examples:

      plumb train launch/configs/quickstart.yaml

      plumb train my.yaml learner.lr=1e-6 train.steps=500 run_dir=runs/second

      plumb train my.yaml --resume
    """
    with one_line_errors():
        from launch.closing import close
        from launch.train import train as run_training

        resolved, summary = run_training(
            config, overrides or [], resume=resume, overwrite=overwrite, say=_say
        )
        close(resolved, summary)


@app.command()
def report(
    run_dir: Annotated[Path, typer.Argument(help="a run's folder, finished or still going")],
) -> None:
    """Write a run's report: one HTML file that needs nothing else."""
    with one_line_errors():
        from rl.report import write_report

        _say(f"report: {write_report(run_dir)}")


def main() -> NoReturn:
    """Entry point of the `plumb` command."""
    app()
    sys.exit(0)


@contextmanager
def one_line_errors() -> Iterator[None]:
    """End the process with one line and an exit code when the block fails by a user's mistake."""
    try:
        yield
    except BaseException as error:
        message, code = _explain(error)
        if message is None:
            raise
        print(f"plumb: {message}", file=sys.stderr, flush=True)
        sys.exit(code)


def _explain(error: BaseException) -> tuple[str | None, int]:
    """One line and an exit code; no line for a defect of ours, which keeps its traceback."""
    import asyncio

    from data.errors import DataError
    from rewards.errors import RewardError
    from rl.errors import PlumbError

    notes = getattr(error, "__notes__", [])
    if isinstance(error, KeyboardInterrupt):
        return "; ".join(["interrupted", *notes]), 130
    if isinstance(error, asyncio.CancelledError):
        return "; ".join(["terminated", *notes]), 143
    if isinstance(error, PlumbError):
        return "; ".join([str(error), *notes]), error.exit_code
    if isinstance(error, DataError | RewardError):
        return "; ".join([str(error), *notes]), 1
    return None, 1


def _say(message: str) -> None:
    print(message, flush=True)


if __name__ == "__main__":
    main()
