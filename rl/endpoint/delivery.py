"""Giving a client its answer: whole, or as a stream of server-sent events.

Guarantees: a client that has gone is noticed at once, and its request remembered as one without an
answer; what is sampled for it goes on. A refusal is told by its status, in a stream too, as it is
known before anything is sampled. While the policy writes, a stream has a comment now and then, so
that no client takes it for dead.
"""

import asyncio
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from rl.endpoint.answers import completion, opening, pieces
from rl.endpoint.exchange import Exchange
from rl.endpoint.refusals import RefusalError
from rl.endpoint.requests import Asked

PING_SECONDS: Final = 10.0
_HEADERS: Final = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-cache")]


class Delivery(Response):
    """The answer of an exchange, on its way to one client."""

    def __init__(self, exchange: Exchange, asked: Asked) -> None:
        super().__init__()
        self._exchange = exchange
        self._asked = asked

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        gone = asyncio.create_task(_gone(receive))
        has_all = False
        try:
            give = self._stream if self._asked.streamed else self._whole
            has_all = await give(scope, receive, send, gone)
        finally:
            self._exchange.is_lost = self._exchange.is_lost or not has_all
            gone.cancel()
            await asyncio.gather(gone, return_exceptions=True)

    async def _whole(
        self, scope: Scope, receive: Receive, send: Send, gone: asyncio.Task[None]
    ) -> bool:
        """Whether the client was there to the end."""
        await asyncio.wait([self._exchange.task, gone], return_when=asyncio.FIRST_COMPLETED)
        if gone.done():
            return False
        await self._answer()(scope, receive, send)
        return True

    async def _stream(
        self, scope: Scope, receive: Receive, send: Send, gone: asyncio.Task[None]
    ) -> bool:
        task, exchange = self._exchange.task, self._exchange
        accepted = asyncio.create_task(exchange.accepted.wait())
        try:
            await asyncio.wait([accepted, gone], return_when=asyncio.FIRST_COMPLETED)
        finally:
            accepted.cancel()
        if gone.done() or exchange.has_failed:
            return await self._whole(scope, receive, send, gone)
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        await _write(send, _event(opening(exchange.number, exchange.created)))
        while not task.done() and not gone.done():
            await asyncio.wait(
                [task, gone], timeout=PING_SECONDS, return_when=asyncio.FIRST_COMPLETED
            )
            if not task.done() and not gone.done():
                await _write(send, b": the policy writes\n\n")
        if gone.done():
            return False
        for event in self._rest():
            await _write(send, _event(event))
            await asyncio.sleep(0)  # so that a client that goes is seen to go
            if gone.done():
                return False
        await _write(send, b"data: [DONE]\n\n", more=False)
        return True

    def _rest(self) -> Iterator[Mapping[str, Any]]:
        """What a stream holds after its first piece."""
        exchange = self._exchange
        if exchange.has_failed:
            yield _refusal(exchange.task).body
            return
        turn = exchange.task.result()
        yield from pieces(turn, exchange.created, with_usage=self._asked.with_usage)

    def _answer(self) -> Response:
        """The whole answer, or why there is none."""
        task = self._exchange.task
        if self._exchange.has_failed:
            refusal = _refusal(task)
            return JSONResponse(refusal.body, refusal.status)
        return JSONResponse(completion(task.result(), self._exchange.created))


def _refusal(task: "asyncio.Task[Any]") -> RefusalError:
    error = None if task.cancelled() else task.exception()
    if isinstance(error, RefusalError):
        return error
    return RefusalError("the request cannot be answered", status=500)


async def _gone(receive: Receive) -> None:
    """Wait until the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _event(value: Mapping[str, Any]) -> bytes:
    return f"data: {json.dumps(value, ensure_ascii=False)}\n\n".encode()


async def _write(send: Send, data: bytes, *, more: bool = True) -> None:
    await send({"type": "http.response.body", "body": data, "more_body": more})
