"""The HTTP service as a process: address, token, signals, a closing that loses nothing.

Guarantees: without a token it listens on this machine alone. It is announced when it can answer.
After SIGTERM or SIGINT what was accepted is finished, for as long as the grace lasts; a second
signal ends the grace.
"""

import asyncio
import ipaddress
import os
import signal
import socket
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sandbox.backends.settings import BoxSettings
from sandbox.errors import RequestError
from sandbox.local import LocalSandbox
from sandbox.service.models import ServiceOptions
from sandbox.service.server_app import create_app
from sandbox.service.server_http import BACKLOG, HttpServer

TOKEN_VARIABLE: Final = "PLUMB_SANDBOX_TOKEN"


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """What is served, and where.

    Attributes:
        host: Address to listen at.
        port: Port; 0: any that is free.
        backend: auto, docker or bubblewrap.
        settings: Size and kind of the boxes.
        service: What the service allows.
        grace: Seconds for accepted requests after a signal to end.
    """

    host: str
    port: int
    backend: str
    settings: BoxSettings
    service: ServiceOptions
    grace: float


def read_token(path: Path | None) -> str | None:
    """The bearer token: from a file, else from PLUMB_SANDBOX_TOKEN, else none.

    Raises:
        RequestError: The file cannot be read, or what is there is no token.
    """
    if path is None:
        token, place = os.environ.get(TOKEN_VARIABLE, "").strip(), TOKEN_VARIABLE
        if not token:
            return None
    else:
        place = str(path)
        try:
            token = path.read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise RequestError(f"the token file {path} cannot be read: {error}") from error
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise RequestError(
            f"{place} holds no token; put one word of ASCII there, e.g. of `openssl rand -hex 32`"
        )
    return token


def serve(options: ServeOptions, say: Callable[[str], None]) -> None:
    """Serve until a signal comes.

    Raises:
        SandboxError: It cannot start; the message says why.
    """
    if options.service.token is None and not _is_loopback(options.host):
        raise RequestError(
            f"whoever reaches {options.host} could run programs here: set {TOKEN_VARIABLE} or "
            "--token-file, or listen with --host 127.0.0.1"
        )
    with _listening(options.host, options.port) as listener:
        asyncio.run(_Service(options, listener, say).run())


class _Service:
    """One life of the service."""

    def __init__(
        self, options: ServeOptions, listener: socket.socket, say: Callable[[str], None]
    ) -> None:
        self._options = options
        self._listener = listener
        self._say = say
        self._stop = asyncio.Event()
        self._hurry = asyncio.Event()

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_signal)
        service = self._options.service
        box = LocalSandbox(
            self._options.backend,
            settings=self._options.settings,
            deadline=service.deadline,
            queue_seconds=service.queue_seconds,
        )
        try:
            if await self._unless_stopped(box.start()):
                await self._serve(box)
        finally:
            await box.aclose()

    def _on_signal(self) -> None:
        (self._hurry if self._stop.is_set() else self._stop).set()

    async def _serve(self, box: LocalSandbox) -> None:
        app = create_app(box, self._options.service)
        server = HttpServer(app)
        serving = asyncio.create_task(server.serve(sockets=[self._listener]))
        try:
            ready = asyncio.create_task(server.ready.wait())
            await asyncio.wait({serving, ready}, return_when=asyncio.FIRST_COMPLETED)
            await self._announce(box)
            await self._unless_stopped(asyncio.shield(serving))
            left = await app.state.door.drain(self._options.grace, self._hurry)
            if left:
                self._say(f"plumb sandbox: {left} requests were not finished")
        finally:
            server.should_exit = True
            await serving

    async def _announce(self, box: LocalSandbox) -> None:
        health = await box.health()
        host, port = self._listener.getsockname()[:2]
        address = f"[{host}]" if ":" in host else host
        locked = "with a token" if self._options.service.token else "no token"
        self._say(
            f"plumb sandbox: ready at http://{address}:{port} ({health.backend}, "
            f"{health.boxes} boxes, {health.slots} slots, {locked})"
        )

    async def _unless_stopped(self, work: Coroutine[Any, Any, None] | asyncio.Future[None]) -> bool:
        """Whether `work` was done before a signal came."""
        task = asyncio.ensure_future(work)
        stopped = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                task.result()
                return True
            return False
        finally:
            task.cancel()
            stopped.cancel()
            await asyncio.gather(task, stopped, return_exceptions=True)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise RequestError(f"--host {host}: {error.strerror or error}") from error
    with listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(address)
            listener.listen(BACKLOG)
        except OSError as error:
            raise RequestError(
                f"{host}:{port} cannot be listened at ({error.strerror}); choose another --port, "
                "or end what uses this one"
            ) from error
        yield listener
