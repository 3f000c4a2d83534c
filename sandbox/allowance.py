"""The time that one request has: its work in slots is counted, its waiting for them is not.

Guarantees: a request ends, with `DeadlineError`, when its work has taken longer than its deadline,
or when it has waited longer than any request may. How many others wait, and how slow they are,
never shortens the first. While one of its runs is in a slot it works, unless it waits there for a
compiler that others have; otherwise it waits.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final

from sandbox.box import Box
from sandbox.errors import DeadlineError
from sandbox.pool import Pool
from sandbox.reader import Reader

EARLY: Final = 1e-3  # seconds: how much too early a timer may go off


class Allowance:
    """A pool as one request sees it.

    Args:
        pool: Where its runs get their boxes.
        deadline: Seconds of work; None: as long as the limits of its runs let them.
        queue_seconds: Seconds of waiting.
    """

    def __init__(self, pool: Pool, *, deadline: float | None, queue_seconds: float) -> None:
        self._pool = pool
        self._deadline = deadline
        self._queue_seconds = queue_seconds
        self._work_left, self._wait_left = deadline, queue_seconds
        self._at_work = 0
        self._since = 0.0
        self._timeout = asyncio.timeout(None)

    @property
    def slots(self) -> int:
        """Runs at a time, of all requests together."""
        return self._pool.slots

    @property
    def reader(self) -> Reader:
        """Reads what programs answered."""
        return self._pool.reader

    @asynccontextmanager
    async def spend(self) -> AsyncIterator[None]:
        """The block in which the request is served; once only.

        Raises:
            DeadlineError: It took too long.
        """
        self._since = asyncio.get_running_loop().time()
        try:
            async with self._timeout:
                self._count()
                yield
        except TimeoutError as error:
            raise DeadlineError(self._fault()) from error

    @asynccontextmanager
    async def seat(self, key: str | None = None) -> AsyncIterator[Box]:
        """A box with a free slot, as of the pool; the time in it is work."""
        async with self._pool.seat(key) as box:
            self._turn(1)
            try:
                yield box
            finally:
                self._turn(-1)

    @contextmanager
    def aside(self) -> Iterator[None]:
        """A block within a seat that is no work."""
        self._turn(-1)
        try:
            yield
        finally:
            self._turn(1)

    def _turn(self, change: int) -> None:
        """Count the time until now, and go on with one run more or less in a slot."""
        now = asyncio.get_running_loop().time()
        spent, self._since = now - self._since, now
        if self._at_work:
            self._work_left = None if self._work_left is None else self._work_left - spent
        else:
            self._wait_left -= spent
        self._at_work += change
        self._count()

    def _count(self) -> None:
        left = self._work_left if self._at_work else self._wait_left
        if not self._timeout.expired():
            self._timeout.reschedule(None if left is None else self._since + left)

    def _fault(self) -> str:
        if self._work_left is not None and self._work_left < EARLY:
            return f"no answer within the request's {self._deadline:g} s of work; allow more"
        return (
            f"no slot was free for {self._queue_seconds:g} s; use more slots or boxes, or raise "
            "queue_seconds"
        )
