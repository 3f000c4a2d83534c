"""The door of the service: who comes in, how many at a time, and how much they may bring.

Guarantees: a body is never held beyond its limit, however it is sent, and is complete before
anything reads it. A client that leaves takes its work with it. While the service closes, new
requests are sent away and those inside may finish.
"""

import asyncio
import hmac
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sandbox.faults import STATUS, Fault, FaultBody, Kind
from sandbox.service.models import ServiceOptions
from sandbox.service.server_metrics import ServiceMetrics

OPEN_PATHS: Final = frozenset({"/v1/health", "/openapi.json", "/docs"})
ROUTES: Final = frozenset(
    {"/v1/run", "/v1/judge", "/v1/batch", "/v1/languages", "/v1/health", "/v1/metrics"}
)
LONGEST_WAIT: Final = 30.0  # seconds, as Retry-After
CLOSING_WAIT: Final = 5.0
LINGER_SECONDS, LINGER_BYTES = 5.0, 64 << 20  # of a refused body that are read and thrown away
HTTP_FAULTS: Final[dict[int, Kind]] = {404: "not_found", 405: "method_not_allowed"}


class RefusalError(Exception):
    """A request is not served; `has_rest`: some of its body may not have been read."""

    def __init__(
        self, kind: Kind, message: str, retry_after: float | None = None, *, has_rest: bool = True
    ) -> None:
        super().__init__(message)
        self.has_rest = has_rest
        self.fault = Fault(kind=kind, message=message, retry_after=retry_after)


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


class Door:
    """What is inside of the service at the moment.

    Attributes:
        held: Requests at work or waiting.
        is_closing: Whether new requests are sent away.
    """

    def __init__(self, options: ServiceOptions) -> None:
        self.held = 0
        self.is_closing = False
        self.tasks: set[asyncio.Task[None]] = set()
        self._options = options
        self._bytes = 0
        self._is_empty = asyncio.Event()
        self._is_empty.set()
        self._seconds = 0.1  # of a request, a running mean

    @contextmanager
    def admit(self) -> Iterator[None]:
        """A place inside; raises RefusalError when there is none."""
        if self.is_closing:
            raise RefusalError("shutting_down", "the service is shutting down", CLOSING_WAIT)
        if self.held >= self._options.queue:
            raise self._full(f"{self.held} requests are held already")
        self.held += 1
        self._is_empty.clear()
        began = time.monotonic()
        try:
            yield
        finally:
            self.held -= 1
            if not self.held:
                self._is_empty.set()
            self._seconds += 0.05 * (time.monotonic() - began - self._seconds)

    @contextmanager
    def body(self) -> Iterator[bytearray]:
        """A buffer whose bytes are given back at the end."""
        buffer = bytearray()
        try:
            yield buffer
        finally:
            self._bytes -= len(buffer)

    def take(self, buffer: bytearray, chunk: bytes) -> None:
        """Append to a buffer; raises RefusalError when it, or all together, hold too much."""
        most = self._options.max_body_bytes
        if len(buffer) + len(chunk) > most:
            raise too_large(most)
        if self._bytes + len(chunk) > most * self._options.held_bodies:
            raise self._full("the requests held already fill the memory for them")
        self._bytes += len(chunk)
        buffer += chunk

    async def drain(self, seconds: float, hurry: asyncio.Event) -> int:
        """Send new requests away, let those inside finish; returns how many could not in time."""
        self.is_closing = True
        ends = [asyncio.create_task(event.wait()) for event in (self._is_empty, hurry)]
        try:
            await asyncio.wait(ends, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            left = list(self.tasks)
            for task in left:
                task.cancel()
            await asyncio.wait(ends[:1], timeout=CLOSING_WAIT)
        finally:
            for end in ends:
                end.cancel()
        return len(left)

    def _full(self, what: str) -> RefusalError:
        wait = min(LONGEST_WAIT, max(1.0, self._seconds))
        return RefusalError("busy", f"{what}; try again in {wait:.0f} s", wait)


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
        with self._door.admit(), self._door.body() as buffer:
            length = headers.get(b"content-length", b"")
            if length.isdigit() and int(length) > self._options.max_body_bytes:
                raise too_large(self._options.max_body_bytes)
            await self._read(buffer, receive)
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
        seconds = self._options.body_seconds
        try:
            async with asyncio.timeout(seconds):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise _LeftError
                    self._door.take(buffer, message.get("body", b""))
                    if not message.get("more_body", False):
                        return
        except TimeoutError as error:
            text = f"the body did not arrive within {seconds:g} s"
            raise RefusalError("timeout", text) from error

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


def too_large(most: int) -> RefusalError:
    """The refusal of a body beyond `most` bytes."""
    return RefusalError(
        "too_large", f"the body is larger than {most >> 10} KiB; send less at a time"
    )


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
