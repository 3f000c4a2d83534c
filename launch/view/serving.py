"""Serving the page of some runs until Ctrl-C."""

import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import uvicorn

from launch.view.desk import Desk
from launch.view.security import Guard, is_loopback
from launch.view.server import application, free_port
from launch.view.shelves import runs_of
from rl.errors import ConfigError

FIRST_PORT: Final = 8320
PORTS: Final = 40


def serve(
    paths: Sequence[Path],
    *,
    host: str,
    port: int | None,
    names: Sequence[str],
    index: bool,
    say: Callable[[str], None],
) -> None:
    """Serve the page of some runs until Ctrl-C.

    Raises:
        ConfigError: A path is no run, or the port cannot be had.
    """
    runs = runs_of(paths)
    wanted, count = (FIRST_PORT, PORTS) if port is None else (port, 1)
    found = free_port(host, wanted, count)
    if found is None:
        raise ConfigError(
            f"port {wanted} of {host} cannot be had: give another --port, or leave it out"
        )
    own = set(names) | ({host} if not is_loopback(host) else set())
    if not is_loopback(host):
        own |= {socket.gethostname().lower(), socket.getfqdn().lower()}
    guard = Guard(frozenset(name.lower() for name in own))
    app = application(Desk(runs, index=index), guard)
    shown = "127.0.0.1" if is_loopback(host) or host in ("0.0.0.0", "::") else host
    say(
        f"{len(runs)} runs: {', '.join(run.name for run in runs)}"
        if len(runs) > 1
        else runs[0].name
    )
    say(f"http://{f'[{shown}]' if ':' in shown else shown}:{found}/?token={guard.token}")
    if not is_loopback(host):
        say(
            "whoever has this address can read the runs and grade answers anew, which runs their "
            "verifiers; nothing on the way is encrypted"
        )
    say("Ctrl-C ends it")
    settings = uvicorn.Config(
        app, host=host, port=found, log_level="error", access_log=False, ws="none",
        timeout_graceful_shutdown=2,
    )  # fmt: skip
    with suppress(KeyboardInterrupt):  # how it is ended
        uvicorn.Server(settings).run()
