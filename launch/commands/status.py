"""`plumb status`: what a run does."""

from typing import Annotated

import typer

from launch.commands.options import RunDir
from launch.errors import one_line_errors


def status(
    run_dir: RunDir,
    as_json: Annotated[bool, typer.Option("--json", help="print all of it as JSON")] = False,
) -> None:
    """Show what a run does now, what it waits for, and what has gone wrong around it.

    Examples:

      plumb status runs/quickstart

      plumb status runs/quickstart --json
    """
    with one_line_errors():
        from launch.train.status import show

        show(run_dir, as_json=as_json)
