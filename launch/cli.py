"""The `plumb` command: every command has --help; a user's mistake ends in one line and a code.

Nothing heavy is imported before a command needs it, so that `--help` answers at once.
"""

import sys
from typing import NoReturn

import typer

from launch.commands.data.app import data_app
from launch.commands.doctor import doctor
from launch.commands.eval import eval_app
from launch.commands.export import export
from launch.commands.init import init
from launch.commands.jobs import jobs
from launch.commands.judge import judge_app
from launch.commands.merge import merge
from launch.commands.recipes import recipes
from launch.commands.report import report
from launch.commands.sandbox import sandbox_app
from launch.commands.status import status
from launch.commands.submit import submit
from launch.commands.track import track
from launch.commands.train import train
from launch.commands.verify import verify
from launch.commands.view import view
from launch.errors import OneLineUsage

app = typer.Typer(
    name="plumb",
    cls=OneLineUsage,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Reinforcement-learning post-training for language models whose answers can be checked.",
)

for command in (
    init,
    train,
    submit,
    jobs,
    recipes,
    status,
    view,
    report,
    track,
    export,
    merge,
    verify,
    doctor,
):
    app.command()(command)
app.add_typer(data_app, name="data")
app.add_typer(eval_app, name="eval")
app.add_typer(judge_app, name="judge")
app.add_typer(sandbox_app, name="sandbox")


@app.callback()
def root() -> None:
    """Keeps the help of the whole command apart from that of its parts."""


def main() -> NoReturn:
    """Entry point of the `plumb` command."""
    app()
    sys.exit(0)


if __name__ == "__main__":
    main()
