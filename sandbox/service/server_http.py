"""The server that the service's application runs in, in a process of its own or a Ray actor."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import uvicorn
from fastapi import FastAPI

from sandbox.service.server_protocol import IDLE_SECONDS, connection_options

CLOSE_SECONDS: Final = 5  # for answers that are being sent when it is to end
BACKLOG: Final = 2048


class HttpServer(uvicorn.Server):
    """Serves an application on sockets that are given to `serve`.

    It leaves the signals to whoever runs it: uvicorn's own handling closes the door before a client
    can be told.

    Attributes:
        ready: Set when it can answer.
    """

    def __init__(self, app: FastAPI) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                lifespan="off",
                log_level="warning",
                access_log=False,
                server_header=False,
                backlog=BACKLOG,
                timeout_keep_alive=int(IDLE_SECONDS),
                timeout_graceful_shutdown=CLOSE_SECONDS,
                **connection_options(),
            )
        )
        self.ready = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
