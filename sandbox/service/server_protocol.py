"""The connections of the service before it knows who is there: bounded in size, number and time.

Guarantees: a request's head, or a trailer, takes at most HEAD_BYTES and one read of memory, and has
HEAD_SECONDS to arrive, as has the rest of a body whose request has been answered. MOST_DEBTORS
connections owe one of these at a time; of more, the one that has owed it longest is closed. So it
is with connections that wait for a next request: MOST_IDLE of them. Nothing here depends on a
token. h11 parses, since it bounds what it holds.
"""

import asyncio
from typing import Any, Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from sandbox.faults import STATUS, Fault, FaultBody, Kind

HEAD_BYTES: Final = 32 << 10
HEAD_SECONDS: Final = 10.0
MOST_DEBTORS: Final = 512
MOST_IDLE: Final = 1024
IDLE_SECONDS: Final = 75.0  # longer than clients keep an idle connection
TOO_LARGE: Final = 431  # Request Header Fields Too Large


class Debtors:
    """Connections that owe a head, or the rest of a body, in the order in which they began to."""

    def __init__(self, seconds: float, most: int) -> None:
        self._seconds = seconds
        self._most = most
        self._timers: dict[BoundedProtocol, asyncio.TimerHandle] = {}

    def note(self, protocol: "BoundedProtocol") -> None:
        """It owes; the time runs from the first note."""
        if protocol in self._timers:
            return
        timer = asyncio.get_running_loop().call_later(self._seconds, protocol.give_up)
        self._timers[protocol] = timer
        if len(self._timers) > self._most:
            next(iter(self._timers)).give_up()

    def forget(self, protocol: "BoundedProtocol") -> None:
        """It has delivered, or has gone."""
        if (timer := self._timers.pop(protocol, None)) is not None:
            timer.cancel()


class BoundedProtocol(H11Protocol):
    """A connection; see the module. `debtors` and `idle` are set by `connection_options`."""

    debtors: Debtors
    idle: Debtors
    _owed = 0  # bytes of a head that have come

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.debtors.note(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.debtors.forget(self)
        self.idle.forget(self)
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._owes_head() and not self.transport.is_closing():
            self.idle.note(self)

    def data_received(self, data: bytes) -> None:
        self.idle.forget(self)
        if self._owes_head():
            self._owed += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            self.debtors.forget(self)
        elif self._owes_head() or self._owes_rest():
            self.debtors.note(self)
        else:
            self._owed = 0
            self.debtors.forget(self)

    def give_up(self) -> None:
        """Close a connection that has owed something for too long, and say so if it sent any."""
        self.debtors.forget(self)
        self.idle.forget(self)
        if self.transport.is_closing():
            return
        if self._owes_head() and self._owed and self.conn.our_state is h11.IDLE:
            self._refuse("timeout", STATUS["timeout"], "the head of the request did not arrive")
        else:
            self.transport.close()

    def send_400_response(self, msg: str) -> None:
        if self._owed > HEAD_BYTES:
            text = f"the head of the request is larger than {HEAD_BYTES >> 10} KiB"
            self._refuse("too_large", TOO_LARGE, text)
        else:
            self._refuse("request", STATUS["request"], "this is no HTTP request")

    def _owes_head(self) -> bool:
        return self.conn.their_state is h11.IDLE

    def _owes_rest(self) -> bool:
        return self.conn.their_state is h11.SEND_BODY and self.conn.our_state is h11.DONE

    def _refuse(self, kind: Kind, status: int, message: str) -> None:
        fault = FaultBody(error=Fault(kind=kind, message=message))
        body = fault.model_dump_json(exclude_none=True).encode()
        headers = [
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
            ("Connection", "close"),
        ]
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            for event in (
                h11.Response(status_code=status, headers=headers),
                h11.Data(data=body),
                h11.EndOfMessage(),
            ):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()


def connection_options() -> dict[str, Any]:
    """What `uvicorn.Config` needs for connections as they are described here, for one server."""
    debtors = Debtors(HEAD_SECONDS, MOST_DEBTORS)
    idle = Debtors(IDLE_SECONDS, MOST_IDLE)
    return {
        "http": type("Protocol", (BoundedProtocol,), {"debtors": debtors, "idle": idle}),
        "h11_max_incomplete_event_size": HEAD_BYTES,
        "ws": "none",
    }
