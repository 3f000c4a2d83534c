"""`plumb init`: a project for a task of one's own."""

from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import Annotated

import typer

from launch.commands.options import takes_options
from launch.errors import one_line_errors


@dataclass(frozen=True, kw_only=True)
class InitOptions:
    """What `plumb init` takes."""

    folder: Annotated[Path, typer.Argument(help="the project's folder, new or empty")]
    environment: Annotated[
        bool,
        typer.Option(
            "--environment",
            help="a task of several turns: a class with tools, in place of a verifier",
        ),
    ] = False
    model: Annotated[str, typer.Option(help="the policy: a Hugging Face id, or a local folder")] = (
        "Qwen/Qwen3-0.6B"
    )


@takes_options
def init(options: InitOptions) -> None:
    """Write a project: config, data, a verifier with its test, and what to do next.

    All of it works as it is, on a small task; replace a piece at a time by your own.

    Examples:

      plumb init words

      plumb init shelf --environment --model Qwen/Qwen3-4B
    """
    with one_line_errors():
        from launch.project.making import make_project

        kind = "environment" if options.environment else "verifier"
        names = make_project(options.folder, kind, options.model)
        print(f"{options.folder}: {', '.join(names)}")
        print(f"next: cd {quote(str(options.folder))} && plumb train config.yaml --dry-run")
