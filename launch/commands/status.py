"""`plumb status`: what a run does."""

from pathlib import Path
from typing import Annotated

import typer

from launch.errors import one_line_errors


def status(
    run_dir: Annotated[Path, typer.Argument(help="a run's folder, finished or still going")],
    as_json: Annotated[bool, typer.Option("--json", help="print all of it as JSON")] = False,
) -> None:
    """Show what a run does now, what it waits for, and what has gone wrong around it."""
    with one_line_errors():
        from launch.train.status import show

        show(run_dir, as_json=as_json)
