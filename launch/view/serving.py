"""Serving the page of some runs until Ctrl-C."""

import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import uvicorn

from launch.view.desk import Desk
from launch.view.security import Guard, is_loopback
from launch.view.server import application, listening
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
    taken = listening(host, wanted, count)
    if taken is None:
        raise ConfigError(
            f"port {wanted} of {host} cannot be had: give another --port, or leave it out"
        )
    own = set(names) | ({host} if not is_loopback(host) else set())
    if not is_loopback(host):
        own |= {socket.gethostname().lower(), socket.getfqdn().lower()}
    guard = Guard(frozenset(name.lower() for name in own))
    app = application(Desk(runs, index=index), guard)
    say(", ".join(run.name for run in runs))
    say(f"http://{_shown(host)}:{taken.getsockname()[1]}/?token={guard.token}")
    if not is_loopback(host):
        say(
            "whoever has this address can read the runs and grade answers anew, which runs their "
            "verifiers; nothing on the way is encrypted"
        )
    say("Ctrl-C ends it")
    settings = uvicorn.Config(
        app, log_level="error", access_log=False, ws="none", timeout_graceful_shutdown=2
    )
    with taken, suppress(KeyboardInterrupt):  # which is how it is ended
        uvicorn.Server(settings).run(sockets=[taken])


def _shown(host: str) -> str:
    """A host as an address has it; where any will do, this machine."""
    if is_loopback(host) or host in ("0.0.0.0", "::"):
        return "[::1]" if host == "::1" else "127.0.0.1"
    return f"[{host}]" if ":" in host else host
