"""`plumb data report`: one HTML page about a folder that a pipeline wrote."""

from pathlib import Path
from typing import Annotated

import typer

from launch.errors import one_line_errors


def report(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="what curate, difficulty, mix or another wrote")
    ],
    out: Annotated[
        Path | None, typer.Option(metavar="PAGE.html", show_default="DIR/report.html")
    ] = None,
) -> None:
    """Write a page about a data set: where its rows went, and what is left.

    It shows the funnel from raw rows to kept ones, every reason for which rows were dropped with
    three examples, lengths, languages, sources, strata of difficulty, duplicates and overlap with
    evaluation sets. The page is one file that needs no network.

    Examples:

      plumb data report curated

      plumb data report curated --out funnel.html
    """
    with one_line_errors():
        from launch.datasets.report_page import write_report

        path = folder / "report.html" if out is None else out
        write_report(folder, path)
        print(f"report: {path}")
