"""What is inside of the service: bodies that come, and requests that have a place.

Guarantees: a request takes a place when its body is there. Bodies that are slow to come shut nobody
out: so many are received at a time, for so long, and the slowest gives way to a new one. What all
bodies together hold is bounded.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final

from sandbox.faults import Fault, Kind
from sandbox.service.models import ServiceOptions

LONGEST_WAIT: Final = 30.0  # seconds, as Retry-After
CLOSING_WAIT: Final = 5.0
SLOW_SECONDS: Final = 1.0  # until a body that has not come may have to give way
FREED_SECONDS: Final = 0.01  # for one that was given up to give its bytes back


class RefusalError(Exception):
    """A request is not served; `has_rest`: some of its body may not have been read."""

    def __init__(
        self, kind: Kind, message: str, retry_after: float | None = None, *, has_rest: bool = True
    ) -> None:
        super().__init__(message)
        self.has_rest = has_rest
        self.fault = Fault(kind=kind, message=message, retry_after=retry_after)


def too_large(most: int) -> RefusalError:
    """The refusal of a body beyond `most` bytes."""
    return RefusalError(
        "too_large", f"the body is larger than {most >> 10} KiB; send less at a time"
    )


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
        self._receiving: dict[asyncio.Timeout, float] = {}
        self._options = options
        self._bytes = 0
        self._is_empty = asyncio.Event()
        self._is_empty.set()
        self._seconds = 0.1  # of a request, a running mean

    def check(self, *, has_rest: bool) -> None:
        """Raise RefusalError where there is no place; `has_rest`: the body has not come yet."""
        if self.is_closing:
            text = "the service is shutting down"
            raise RefusalError("shutting_down", text, CLOSING_WAIT, has_rest=has_rest)
        if self.held >= self._options.queue:
            raise self._full(f"{self.held} requests are held already", has_rest=has_rest)

    @contextmanager
    def admit(self) -> Iterator[None]:
        """A place inside, for a request whose body is there."""
        self.check(has_rest=False)
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

    @asynccontextmanager
    async def receive(self) -> AsyncIterator[None]:
        """The time in which a body may arrive; raises RefusalError when it is over."""
        seconds = self._options.body_seconds
        began = time.monotonic()
        patience = asyncio.timeout(seconds)
        if len(self._receiving) >= self._options.receiving and not self._give_slowest_up():
            raise self._full(f"{len(self._receiving)} bodies are being received already")
        self._receiving[patience] = began
        try:
            async with patience:
                yield
        except TimeoutError as error:
            waited = time.monotonic() - began
            text = f"the body did not arrive within {min(seconds, waited):.1f} s"
            raise RefusalError("timeout", text) from error
        finally:
            self._receiving.pop(patience, None)

    async def take(self, buffer: bytearray, chunk: bytes) -> None:
        """Append to a buffer; raises RefusalError when it, or all together, hold too much."""
        most = self._options.max_body_bytes
        if len(buffer) + len(chunk) > most:
            raise too_large(most)
        while self._bytes + len(chunk) > most * self._options.held_bodies:
            if not self._give_slowest_up():
                raise self._full("the requests held already fill the memory for them")
            await asyncio.sleep(FREED_SECONDS)
        self._bytes += len(chunk)
        buffer += chunk

    def _give_slowest_up(self) -> bool:
        """End the receiving of the body that began first, if it is slow; whether there was one."""
        now = time.monotonic()
        for patience, began in self._receiving.items():
            if now - began >= SLOW_SECONDS:
                del self._receiving[patience]
                patience.reschedule(asyncio.get_running_loop().time())
                return True
        return False

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

    def _full(self, what: str, *, has_rest: bool = True) -> RefusalError:
        wait = min(LONGEST_WAIT, max(1.0, self._seconds))
        text = f"{what}; try again in {wait:.0f} s"
        return RefusalError("busy", text, wait, has_rest=has_rest)
