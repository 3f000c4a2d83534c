"""`plumb jobs`: the jobs of a Ray cluster."""

from dataclasses import dataclass
from typing import Annotated

import typer

from launch.commands.options import JobAddress, takes_options
from launch.errors import one_line_errors


@dataclass(frozen=True, kw_only=True)
class JobsOptions:
    """What `plumb jobs` takes."""

    id: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="one job; all of them without")
    ] = None
    address: JobAddress = None
    follow: Annotated[
        bool, typer.Option("--follow", help="show its log until it ends, as plumb submit does")
    ] = False
    stop: Annotated[bool, typer.Option("--stop", help="end it")] = False
    as_json: Annotated[bool, typer.Option("--json", help="print all of it as JSON")] = False


@takes_options
def jobs(options: JobsOptions) -> None:
    """List a cluster's jobs, follow one, or stop it.

    Examples:

      plumb jobs --address http://head:8265

      plumb jobs plumb-first-1a2b3c4d --follow --address http://head:8265

      plumb jobs plumb-first-1a2b3c4d --stop --address http://head:8265
    """
    with one_line_errors():
        from launch.cluster.listing import jobs as show_jobs

        show_jobs(
            options.id,
            options.address,
            follow=options.follow,
            stop=options.stop,
            as_json=options.as_json,
        )
