"""`plumb report`: the page of a run."""

from pathlib import Path
from typing import Annotated

import typer

from launch.errors import one_line_errors


def report(
    run_dir: Annotated[Path, typer.Argument(help="a run's folder, finished or still going")],
) -> None:
    """Write a run's report: one HTML file that needs nothing else."""
    with one_line_errors():
        from rl.report import write_report

        print(f"report: {write_report(run_dir)}", flush=True)
