"""The endpoint: chat completions and models over HTTP, for the agents of a run.

Guarantees: a request is served for the episode that its address and its key name together, while
the episode lasts; any other is told no more than that, before its body is read. A body is bounded
in bytes and time, a head too; what is refused again and again is not read any more. Nothing that a
client does, or leaves undone, holds up the loop, another client or the episode's end. It listens
on this machine alone: on the loopback address, and on a socket in a folder for boxes that have no
network.
"""

import asyncio
import hmac
import secrets
import socket
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI, Request
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response

from rl.endpoint.answers import MODEL
from rl.endpoint.delivery import Delivery
from rl.endpoint.recorder import CHARACTERS, Recorder
from rl.endpoint.refusals import MOST_AT_ONCE, RefusalError, at_once_only
from rl.endpoint.requests import read
from rl.errors import InfrastructureError
from sandbox.service.server_http import HttpServer

BODY_SECONDS: Final = 30.0
BODY_BYTES: Final = 1 << 20  # beside what the context allows
MOST_REFUSED: Final = 100  # requests of an episode; then none is read any more
SOCKET: Final = "endpoint.sock"
_AGAIN: Final = "x-stainless-retry-count"  # of OpenAI's clients


@dataclass(frozen=True, slots=True)
class Address:
    """How an episode's agent reaches the policy.

    Attributes:
        path: Of the base URL, from the slash behind the port on.
        key: Of the episode; it is worth nothing elsewhere, nor after the episode.
    """

    path: str
    key: str


class Endpoint:
    """Serves the episodes that it is given; made by `serving`."""

    def __init__(self) -> None:
        self.port = 0
        self.socket = Path()
        """Where boxes without a network reach it."""
        self._episodes: dict[str, tuple[str, Recorder]] = {}
        self.app = _app(self)

    @property
    def host(self) -> str:
        """Scheme, host and port for programs of this machine."""
        return f"http://127.0.0.1:{self.port}"

    @asynccontextmanager
    async def episode(self, recorder: Recorder) -> AsyncIterator[Address]:
        """Serve an episode; in the end its key is revoked, and what is being sampled awaited.

        Where the episode is given up, what is being sampled for it is given up too.
        """
        name, key = secrets.token_hex(8), f"plumb-{secrets.token_urlsafe(32)}"
        self._episodes[name] = key, recorder
        try:
            yield Address(f"/{name}/v1", key)
        except BaseException:
            recorder.give_up()
            raise
        finally:
            del self._episodes[name]
            await recorder.aclose()

    def recorder_of(self, name: str, authorization: str) -> Recorder:
        """The episode that a request is of.

        Raises:
            RefusalError: Address and key are not those of an episode that goes on.
        """
        known, recorder = self._episodes.get(name, ("", None))
        scheme, _, key = authorization.partition(" ")
        is_right = hmac.compare_digest(key.strip().encode(), known.encode())
        if recorder is None or scheme.lower() != "bearer" or not is_right:
            raise RefusalError(
                "the key is not that of the episode at this address, or the episode has ended: use "
                "OPENAI_BASE_URL and OPENAI_API_KEY as the agent was given them",
                status=401,
                code="invalid_api_key",
            )
        return recorder


@asynccontextmanager
async def serving() -> AsyncIterator[Endpoint]:
    """Open an endpoint, and close it at the end."""
    endpoint = Endpoint()
    with tempfile.TemporaryDirectory(prefix="plumb-endpoint-") as folder:
        Path(folder).chmod(0o755)  # boxes have users of their own; the keys are what counts
        endpoint.socket = Path(folder) / SOCKET
        with _loopback() as tcp, _unix(endpoint.socket) as unix:
            endpoint.port = tcp.getsockname()[1]
            server = HttpServer(endpoint.app)
            task = asyncio.create_task(server.serve(sockets=[tcp, unix]))
            ready = asyncio.create_task(server.ready.wait())
            await asyncio.wait([task, ready], return_when=asyncio.FIRST_COMPLETED)
            ready.cancel()
            if task.done():
                raise InfrastructureError(
                    "the agents' endpoint did not start"
                ) from task.exception()
            try:
                yield endpoint
            finally:
                server.should_exit = True
                server.force_exit = True
                await asyncio.gather(task, return_exceptions=True)


def _loopback() -> socket.socket:
    made = socket.socket()
    made.bind(("127.0.0.1", 0))
    return made


def _unix(path: Path) -> socket.socket:
    made = socket.socket(socket.AF_UNIX)
    made.bind(str(path))
    path.chmod(0o666)
    return made


def _app(endpoint: Endpoint) -> FastAPI:
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)

    @app.exception_handler(RefusalError)
    async def refused(request: Request, error: RefusalError) -> Response:
        return JSONResponse(error.body, error.status)

    @app.exception_handler(404)
    async def unknown(request: Request, error: Exception) -> Response:
        return _unknown(request)

    @app.exception_handler(405)
    async def wrong_method(request: Request, error: Exception) -> Response:
        return _unknown(request)

    @app.get("/{episode}/v1/models")
    async def models(episode: str, request: Request) -> Response:
        endpoint.recorder_of(episode, request.headers.get("authorization", ""))
        return JSONResponse({"object": "list", "data": [_model()]})

    @app.get("/{episode}/v1/models/{name}")
    async def model(episode: str, name: str, request: Request) -> Response:
        endpoint.recorder_of(episode, request.headers.get("authorization", ""))
        return JSONResponse(_model())

    @app.post("/{episode}/v1/chat/completions")
    async def complete(episode: str, request: Request) -> Response:
        recorder = endpoint.recorder_of(episode, request.headers.get("authorization", ""))
        return await _completed(recorder, request)

    return app


async def _completed(recorder: Recorder, request: Request) -> Response:
    _check_refused(recorder)
    if recorder.reading >= MOST_AT_ONCE:
        raise at_once_only(MOST_AT_ONCE, "being read")
    recorder.reading += 1
    try:
        body = await _body(request, recorder)
        _check_refused(recorder)  # others may have come meanwhile
        asked = read(body, recorder.sampling)
    except RefusalError:
        recorder.counts["refused"] += 1
        raise
    finally:
        recorder.reading -= 1
    again = request.headers.get(_AGAIN, "0") not in ("", "0")
    exchange = recorder.exchange(asked, again=again)
    return Delivery(exchange, asked)


def _check_refused(recorder: Recorder) -> None:
    if recorder.counts["refused"] >= MOST_REFUSED:
        raise RefusalError("too many requests of this episode were refused", status=403)


async def _body(request: Request, recorder: Recorder) -> bytes:
    most = BODY_BYTES + CHARACTERS * recorder.limits.tokens
    declared = request.headers.get("content-length", "")
    large = RefusalError(
        f"the body is larger than {most >> 10} KiB, which is more than a context can hold",
        status=413,
        code="context_length_exceeded",
    )
    if declared.isdecimal() and int(declared) > most:
        raise large
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > most:
                    raise large
    except TimeoutError as error:
        text = f"the body did not arrive within {BODY_SECONDS:g} s"
        raise RefusalError(text, status=408) from error
    except ClientDisconnect as error:
        raise RefusalError("the client has gone") from error
    return bytes(body)


def _model() -> dict[str, Any]:
    return {"id": MODEL, "object": "model", "created": 0, "owned_by": "plumb"}


def _unknown(request: Request) -> Response:
    text = f"{request.method} {request.url.path:.100} is not served: use chat completions or models"
    return JSONResponse(RefusalError(text, status=404).body, 404)
