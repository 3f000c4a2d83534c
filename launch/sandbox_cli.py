"""`plumb sandbox`: the image, and what this machine can isolate.

Nothing heavy is imported before a command needs it, so that `--help` answers at once.
"""

import typer

sandbox_app = typer.Typer(
    no_args_is_help=True, help="Run programs that nobody has read, in boxes they cannot leave."
)


@sandbox_app.callback()
def root() -> None:
    """Keeps the help of the whole command apart from that of its parts."""
