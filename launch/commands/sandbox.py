"""`plumb sandbox`: the image, and what this machine can isolate.

Nothing heavy is imported before a command needs it, so that `--help` answers at once.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer

from launch.commands.options import SandboxAt, takes_options
from launch.errors import one_line_errors

sandbox_app = typer.Typer(
    no_args_is_help=True, help="Run programs that nobody has read, in boxes they cannot leave."
)


@sandbox_app.callback()
def root() -> None:
    """Keeps the help of the whole command apart from that of its parts."""


@dataclass(frozen=True, kw_only=True)
class ServeOptions:
    """What `plumb sandbox serve` takes."""

    host: Annotated[str, typer.Option(help="address to listen at")] = "127.0.0.1"
    port: Annotated[int, typer.Option(min=0, max=65535, help="port; 0: any free one")] = 8080
    backend: Annotated[
        Literal["auto", "docker", "bubblewrap"], typer.Option(help="what boxes are made by")
    ] = "auto"
    boxes: Annotated[int, typer.Option(min=1, max=64, help="boxes that are kept")] = 1
    slots: Annotated[
        int | None,
        typer.Option(
            min=1, max=256, help="runs at a time in a box", show_default="one a core, and one"
        ),
    ] = None
    token_file: Annotated[
        Path | None,
        typer.Option(help="file with the bearer token; else PLUMB_SANDBOX_TOKEN has it"),
    ] = None
    runtime: Annotated[str | None, typer.Option(help="Docker runtime, such as runsc")] = None
    image: Annotated[str | None, typer.Option(help="Docker image")] = None
    rootfs: Annotated[
        str | None, typer.Option(help="bubblewrap: folder with a root file system")
    ] = None
    queue: Annotated[
        int, typer.Option(min=1, help="requests held at a time; another one is answered 429")
    ] = 4096
    queue_seconds: Annotated[
        float, typer.Option(min=1, help="seconds that a request may wait for its slots")
    ] = 3600.0
    max_body_mb: Annotated[int, typer.Option(min=1, help="size of a request, MiB")] = 32
    max_deadline: Annotated[
        float,
        typer.Option(min=1, help="seconds in its slots that a request may take by its limits"),
    ] = 600.0
    grace: Annotated[
        float, typer.Option(min=0, help="seconds for accepted requests to end after SIGTERM")
    ] = 60.0


@sandbox_app.command()
@takes_options
def serve(options: ServeOptions) -> None:
    """Run and judge programs for others, over HTTP.

    Without a token it listens on this machine only. SIGTERM lets accepted requests
    finish and ends with code 0; a second one ends them.

    Examples:

      plumb sandbox serve --port 8080

      PLUMB_SANDBOX_TOKEN=$(cat token) plumb sandbox serve --host 0.0.0.0 \\
        --boxes 4
    """
    with one_line_errors():
        _serve(options)


def _serve(options: ServeOptions) -> None:
    from sandbox.backends.settings import BoxSettings
    from sandbox.service.models import ServiceOptions
    from sandbox.service.server_process import ServeOptions, read_token
    from sandbox.service.server_process import serve as run_service

    size = {"slots": options.slots} if options.slots is not None else {}
    settings = BoxSettings(
        boxes=options.boxes,
        runtime=options.runtime,
        image=options.image,
        rootfs=options.rootfs,
        **size,
    )
    service = ServiceOptions(
        token=read_token(options.token_file),
        queue=options.queue,
        queue_seconds=options.queue_seconds,
        max_body_bytes=options.max_body_mb << 20,
        max_deadline=options.max_deadline,
    )
    serving = ServeOptions(
        options.host, options.port, _backend(options), settings, service, options.grace
    )
    run_service(serving, lambda line: print(line, flush=True))


def _backend(options: ServeOptions) -> str:
    """The backend that is asked for, or the one that other options are of."""
    from rl.errors import ConfigError

    of = {"--runtime": "docker", "--image": "docker", "--rootfs": "bubblewrap"}
    values = {"--runtime": options.runtime, "--image": options.image, "--rootfs": options.rootfs}
    given = [name for name, value in values.items() if value is not None]
    wanted = {of[name] for name in given} | ({options.backend} - {"auto"})
    if len(wanted) > 1:
        other = f"--backend {options.backend}" if options.backend != "auto" else given[-1]
        raise ConfigError(f"{given[0]} is of {of[given[0]]}, and {other} is not: leave one out")
    return wanted.pop() if wanted else "auto"


@sandbox_app.command()
def build(
    force: Annotated[
        bool, typer.Option("--force", help="build anew, even if the image is there")
    ] = False,
    rootfs: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="also unpack the image there, for bubblewrap"),
    ] = None,
    snapshot: Annotated[
        str,
        typer.Option(help="take packages as they were, such as 20260101T000000Z (needs network)"),
    ] = "",
    base: Annotated[
        str | None,
        typer.Option(help="image to start from, such as debian@sha256:...; default: bookworm-slim"),
    ] = None,
    prune: Annotated[
        bool, typer.Option("--prune", help="remove images of other versions of Plumb afterwards")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="print the image's name alone")] = False,
) -> None:
    """Build the image that boxes are made of; nothing to do if it is there.

    Starts from Debian's slim image or, where no registry answers, from a base that
    debootstrap makes (which needs root). --rootfs works without a Docker daemon too.

    Examples:

      plumb sandbox build

      plumb sandbox build --rootfs /var/lib/plumb/rootfs
    """
    with one_line_errors():
        from sandbox.image.build import Recipe, build_image, image_tag
        from sandbox.image.build import prune as remove_others
        from sandbox.image.inputs import require_snapshot

        recipe = Recipe(base=base, snapshot=require_snapshot(snapshot), force=force)
        say = _ignore if quiet else _say
        if rootfs is None:
            print(build_image(say, recipe), flush=True)
        else:
            from sandbox.image.rootfs import export_rootfs

            export_rootfs(rootfs, say, recipe)
            print(f"{rootfs} holds {image_tag()}", flush=True)
        for tag in remove_others() if prune else ():
            say(f"removed {tag}")


@sandbox_app.command()
def doctor(
    rootfs: Annotated[
        str | None, typer.Option(metavar="DIR", help="bubblewrap: folder with a root file system")
    ] = None,
) -> None:
    """Say what this machine can isolate, by starting a box of each backend.

    Ends with code 0 if programs can be run here, and 1 if not.

    Examples:

      plumb sandbox doctor

      plumb sandbox doctor --rootfs /var/lib/plumb/rootfs
    """
    with one_line_errors():
        from rich.console import Console

        from launch.sandbox.doctor import doctor as run_doctor
        from rl.errors import ConfigError

        if rootfs is not None and not (Path(rootfs) / "usr").is_dir():
            raise ConfigError(
                f"--rootfs {rootfs} is no root file system; make one by: "
                f"plumb sandbox build --rootfs {rootfs or 'DIR'}"
            )
        if not run_doctor(Console(), rootfs):
            sys.exit(1)


@sandbox_app.command()
def tests(
    source: Annotated[
        str,
        typer.Argument(metavar="IN.jsonl", help="problems, one JSON object a line; - for stdin"),
    ],
    target: Annotated[
        str, typer.Argument(metavar="OUT.jsonl", help="what was kept of each; - for stdout")
    ],
    sandbox: SandboxAt = "auto",
) -> None:
    """Keep the generated tests on which trusted solutions agree.

    A row is {"id", "tests": up to 10 of {"category", "stdin", "stdout"?} or
    {"category", "args", "returns"}, "solutions": two or more of {"source",
    "language"}, "entry_point"?}. The category is normal, boundary, exceptional or
    complex. A row of the output is {"id", "tests", "kept", "dropped"}: tests that
    a program can be judged by, counts, and the reason for each that was dropped.

    Examples:

      plumb sandbox tests problems.jsonl kept.jsonl
    """
    with one_line_errors():
        from launch.sandbox.tests import validate_tests

        validate_tests(source, target, sandbox)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _ignore(line: str) -> None:
    """For a caller who wants no progress."""
