"""`plumb submit`: a run as a job of a Ray cluster."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from launch.commands.options import JobAddress, RunOptions, takes_options
from launch.errors import one_line_errors


@dataclass(frozen=True, kw_only=True)
class SubmitOptions(RunOptions):
    """What `plumb submit` takes."""

    address: JobAddress = None
    detach: Annotated[
        bool, typer.Option("--detach", help="leave the job to itself once it is submitted")
    ] = False
    include: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="PATH",
            help="a further file or folder that goes along, by relative path; may be repeated",
        ),
    ] = None
    env: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            help="a variable of the job's environment, no secret; may be repeated",
        ),
    ] = None
    name: Annotated[
        str | None, typer.Option(metavar="ID", help="the job's id", show_default="the run's name")
    ] = None
    plumb: Annotated[
        str,
        typer.Option(metavar="COMMAND", help="the command on the cluster, where not on its PATH"),
    ] = "plumb"


@takes_options
def submit(options: SubmitOptions) -> None:
    """Run a config on a Ray cluster: its files go along, its log comes back.

    The package holds the resolved config and what it names by relative paths: data,
    plugins with the modules beside them that they import, templates. It is listed
    with sizes, and is at most 100 MiB: name larger files by absolute paths on a file
    system that all nodes share; run_dir must be on one. Plumb must be installed on
    every node.

    Ctrl-C asks whether to stop the job. The command ends with the job's exit code.

    Keys of judges and hubs are not sent: set their variables on the nodes. Whatever
    holds a secret is refused.

    Examples:

      plumb submit my.yaml --address http://head:8265 run_dir=/shared/runs/first

      plumb submit my.yaml --address http://head:8265 --retry --detach

      RAY_API_SERVER_ADDRESS=http://head:8265 plumb submit my.yaml train.steps=500
    """
    with one_line_errors():
        from launch.cluster.submit import Request
        from launch.cluster.submit import submit as send

        send(
            Request(
                options.config,
                options.overrides or [],
                options.address,
                options.flags(),
                options.env or [],
                options.include or [],
                options.plumb,
                options.name,
                options.detach,
            ),
            say=lambda line: print(line, flush=True),
        )
