"""`plumb view`: a local page of runs."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from launch.commands.options import takes_options
from launch.errors import one_line_errors


@dataclass(frozen=True, kw_only=True)
class ViewOptions:
    """What `plumb view` takes."""

    run_dirs: Annotated[
        list[Path],
        typer.Argument(metavar="RUN_DIR", help="runs, going on or finished, or folders of runs"),
    ]
    host: Annotated[
        str, typer.Option(help="where to listen; beyond this machine, who knows the token may look")
    ] = "127.0.0.1"
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, show_default="the first free one from 8320 on"),
    ] = None
    name: Annotated[
        list[str] | None,
        typer.Option(help="a name by which this machine is reached, beside localhost; repeatable"),
    ] = None
    index: Annotated[
        bool,
        typer.Option(help="index texts in the background, in ~/.cache/plumb/view, for rare words"),
    ] = True


@takes_options
def view(options: ViewOptions) -> None:
    """Look at runs in a browser, also while they go on.

    Curves of several runs over each other, where each step's time went, what was
    slow by name, evaluations, the curriculum, and a browser of answers: filtered
    by step, task, source, outcome, reason, stop, length, lag and text, a group's
    beside each other, with tokens, reasons and failed tests; grading anew after
    a verifier was edited. Prints the address; Ctrl-C ends it.

    On another machine: ssh -L 8320:127.0.0.1:8320 HOST, and the address as it is.

    Examples:

      plumb view runs/quickstart

      plumb view runs/first runs/second

      plumb view runs --port 9000
    """
    with one_line_errors():
        from launch.view.serving import serve

        serve(
            options.run_dirs,
            host=options.host,
            port=options.port,
            names=options.name or (),
            index=options.index,
            say=lambda line: print(line, flush=True),
        )
