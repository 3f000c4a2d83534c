"""`plumb report`: the page of a run."""

from launch.commands.options import RunDir
from launch.errors import one_line_errors


def report(
    run_dir: RunDir,
) -> None:
    """Write a run's report, report.html in its folder: one HTML file that needs nothing else.

    Of a run that goes on it shows what is there by now.

    Examples:

      plumb report runs/quickstart
    """
    with one_line_errors():
        from rl.report import write_report

        print(f"report: {write_report(run_dir)}", flush=True)
