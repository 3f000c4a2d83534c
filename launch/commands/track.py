"""`plumb track`: what a run's trackers were not sent."""

import sys
from typing import Annotated

import typer

from launch.commands.options import Overrides, RunDir
from launch.errors import one_line_errors


def track(
    run_dir: RunDir,
    overrides: Overrides = None,
    anew: Annotated[
        bool,
        typer.Option("--anew", help="send everything, as a run of its own beside what was sent"),
    ] = False,
    wait: Annotated[
        float, typer.Option(metavar="SECONDS", min=1, max=86_400, help="for so long at most")
    ] = 600.0,
) -> None:
    """Send a run's trackers what they were not sent, or show a run that had none in one.

    What was sent is not sent again. The exit code is 1 where something is left.

    Examples:

      plumb track runs/first

      plumb track runs/first trackers.mlflow.uri=http://host:5000

      plumb track runs/first --anew
    """
    with one_line_errors():
        from launch.train.track import track as send

        sys.exit(0 if send(run_dir, overrides or [], anew=anew, wait=wait, say=_say) else 1)


def _say(line: str) -> None:
    print(line, flush=True)
