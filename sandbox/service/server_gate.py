"""The door of the service, as ASGI middleware: what is asked of a request before it is served.

Guarantees: a body is never held beyond its limit, however it is sent, and is complete before
anything reads it. A client that leaves takes its work with it. While the service closes, new
requests are sent away and those inside may finish (`server_door`).
"""

import asyncio
import hmac
import math
import time
from contextlib import suppress
from typing import Any, Final

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sandbox.faults import STATUS, Fault, FaultBody, Kind
from sandbox.service.models import ServiceOptions
from sandbox.service.server_door import CLOSING_WAIT, Door, RefusalError, too_large
from sandbox.service.server_metrics import ServiceMetrics

OPEN_PATHS: Final = frozenset({"/v1/health", "/openapi.json", "/docs"})
ROUTES: Final = frozenset(
    {"/v1/run", "/v1/judge", "/v1/batch", "/v1/languages", "/v1/health", "/v1/metrics"}
)
LINGER_SECONDS, LINGER_BYTES = 5.0, 64 << 20  # of a refused body that are read and thrown away
HTTP_FAULTS: Final[dict[int, Kind]] = {404: "not_found", 405: "method_not_allowed"}


def fault_response(fault: Fault, headers: dict[str, str] | None = None) -> JSONResponse:
    """The answer that says `fault`."""
    headers = dict(headers or {})
    if STATUS[fault.kind] in (429, 503):
        wait = fault.retry_after if fault.retry_after is not None else 1.0
        headers["Retry-After"] = str(max(1, math.ceil(wait)))
    if fault.kind == "unauthorized":
        headers["WWW-Authenticate"] = "Bearer"
    if fault.kind in ("too_large", "timeout", "shutting_down"):
        headers["Connection"] = "close"  # the rest of the body is not read
    content = FaultBody(error=fault).model_dump(mode="json", exclude_none=True)
    return JSONResponse(content, STATUS[fault.kind], headers)


class Gate:
    """Everything about a request that does not depend on what it asks for, as ASGI middleware."""

    def __init__(
        self, app: ASGIApp, *, door: Door, options: ServiceOptions, metrics: ServiceMetrics
    ) -> None:
        self._app = app
        self._door = door
        self._options = options
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.monotonic()
        outcome = "internal"
        try:
            await self._serve(scope, receive, send)
            outcome = scope.get("state", {}).get("outcome", "ok")
        except RefusalError as refusal:
            outcome = refusal.fault.kind
            response = fault_response(refusal.fault)
            closes = refusal.has_rest and "connection" in response.headers
            await response(scope, receive, _lingering(receive, send) if closes else send)
        except _LeftError:
            outcome = "disconnected"
        finally:
            route = scope["path"] if scope["path"] in ROUTES else "other"
            self._metrics.note_request(route, outcome, time.monotonic() - began)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        if scope["path"] not in OPEN_PATHS:
            self._check_token(headers.get(b"authorization", b""))
        if scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        self._door.check(has_rest=True)
        with self._door.body() as buffer:
            length = headers.get(b"content-length", b"")
            if length.isdigit() and int(length) > self._options.max_body_bytes:
                raise too_large(self._options.max_body_bytes)
            await self._read(buffer, receive)
            with self._door.admit():
                await self._answer(scope, bytes(buffer), receive, send)

    def _check_token(self, given: bytes) -> None:
        token = self._options.token
        if token is None:
            return
        scheme, _, rest = given.partition(b" ")
        same = hmac.compare_digest(rest.strip(), token.encode())
        if scheme.lower() != b"bearer" or not same:
            raise RefusalError(
                "unauthorized", "the token is missing or wrong; send Authorization: Bearer TOKEN"
            )

    async def _read(self, buffer: bytearray, receive: Receive) -> None:
        async with self._door.receive():
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise _LeftError
                await self._door.take(buffer, message.get("body", b""))
                if not message.get("more_body", False):
                    return

    async def _answer(self, scope: Scope, body: bytes, receive: Receive, send: Send) -> None:
        has_begun = False

        async def note_send(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        task: asyncio.Task[Any] = asyncio.ensure_future(self._app(scope, _replay(body), note_send))
        gone = asyncio.create_task(_left(receive))
        self._door.tasks.add(task)
        try:
            await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done() and has_begun:
                await asyncio.wait({task})
            if task.cancelled():
                raise RefusalError(
                    "shutting_down", "the service has shut down", CLOSING_WAIT, has_rest=False
                )
            if not task.done():
                raise _LeftError
            task.result()
        finally:
            self._door.tasks.discard(task)
            for one in (task, gone):
                one.cancel()
            await asyncio.gather(task, gone, return_exceptions=True)


class _LeftError(Exception):
    """The client has closed the connection."""


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _lingering(receive: Receive, send: Send) -> Send:
    """Ends an answer when the body is in: closing while it comes makes the answer unreadable."""

    async def send_and_linger(message: Message) -> None:
        if message["type"] != "http.response.body":
            await send(message)
            return
        await send({**message, "more_body": True})
        read = 0
        with suppress(TimeoutError):
            async with asyncio.timeout(LINGER_SECONDS):
                while read < LINGER_BYTES and (rest := await receive()).get("more_body", False):
                    read += len(rest["body"])
        await send({"type": "http.response.body", "body": b""})

    return send_and_linger


def _replay(body: bytes) -> Receive:
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        if messages:
            return messages.pop()
        await asyncio.Event().wait()  # the gate itself listens for the client's leaving
        raise AssertionError("unreachable")

    return receive
