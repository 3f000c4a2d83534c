"""`plumb doctor`: what this machine or cluster can run."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from launch.commands.options import takes_options
from launch.errors import one_line_errors


@dataclass(frozen=True, kw_only=True)
class DoctorOptions:
    """What `plumb doctor` takes."""

    config: Annotated[
        Path | None,
        typer.Argument(metavar="[CONFIG]", help="a run's config: its run_dir and judges count"),
    ] = None
    address: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            help="of a Ray cluster's head, or auto: every node of it is examined",
            show_default="RAY_ADDRESS, else this machine alone",
        ),
    ] = None
    run_dir: Annotated[
        Path | None, typer.Option(help="where a run would write", show_default="the config's")
    ] = None
    as_json: Annotated[bool, typer.Option("--json", help="print all of it as JSON")] = False


@takes_options
def doctor(options: DoctorOptions) -> None:
    """Say what this machine, or each node of a cluster, can run, and what is missing.

    Looks at GPUs, driver, CUDA and NCCL against the lock, access between GPUs, shared
    memory, open files, disks, the run's folder, ports, control groups, the sandbox's
    backends, judges, the Hugging Face hub and, on a cluster, clocks. Every line is ok,
    a warning or a failure, with the remedy; what does not answer is said so in time.

    Ends with code 0 where nothing failed, and 1 where something did.

    Examples:

      plumb doctor

      plumb doctor my.yaml --json

      plumb doctor my.yaml --address head:6379
    """
    with one_line_errors():
        from launch.doctor.show import doctor as examine

        if not examine(options.config, options.run_dir, options.address, as_json=options.as_json):
            sys.exit(1)
