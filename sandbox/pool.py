"""Boxes that are kept alive, and whose turn it is.

Guarantees: as many runs are in the boxes as there are slots, the rest waits here in order; a box
that dies is replaced; whoever waits while there is none hears why after `patience`.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    asynccontextmanager,
    nullcontext,
)
from typing import Final, Protocol

from sandbox.backends import Backend
from sandbox.box import Box, BoxLostError
from sandbox.errors import BusyError, RequestError, SandboxError, UnavailableError
from sandbox.reader import Reader

FIRST_PAUSE, LONGEST_PAUSE = 0.2, 5.0  # seconds between tries to replace a box


class Pool(Protocol):
    """Where runs get a box from, and a reader for what comes out of it."""

    @property
    def slots(self) -> int:
        """Runs at a time."""

    @property
    def reader(self) -> Reader:
        """Reads and compares what programs answered, in a process of its own."""

    def seat(self, key: str | None = None) -> AbstractAsyncContextManager[Box]:
        """A box with a free slot for as long as the block goes on; one that has `key`, if possible.

        Raises:
            UnavailableError: No box could be had.
        """

    def aside(self) -> AbstractContextManager[None]:
        """A block in which whoever has a seat waits for something that others have."""


class BoxPool:
    """Boxes of one backend.

    Args:
        backend: Makes them.
        boxes: How many are kept.
        queue: Runs that may wait for a slot.
        patience: Seconds that a run waits while no box can be had.
    """

    def __init__(self, backend: Backend, *, boxes: int, queue: int, patience: float) -> None:
        self.backend = backend
        self.replaced = 0
        self.reader: Final = Reader()
        self._most_waiting = queue
        self._patience: Final = patience
        self._boxes: list[Box | None] = [None] * boxes
        self._tenders: list[asyncio.Task[None]] = []
        self._waiting: deque[asyncio.Future[Box]] = deque()
        self._wants: dict[asyncio.Future[Box], str | None] = {}
        self._fault = "no box has started yet"
        self._seconds = 0.05  # of a request in a slot, a running mean
        self._is_open = False

    @property
    def slots(self) -> int:
        """Requests that all boxes together work on at a time."""
        return sum(box.slots for box in self._boxes if box is not None)

    @property
    def waiting(self) -> int:
        """Requests that wait for a slot."""
        return len(self._waiting)

    @property
    def live(self) -> list[Box]:
        """The boxes that are up."""
        return [box for box in self._boxes if box is not None and not box.is_lost]

    @property
    def fault(self) -> str:
        """Why the last box could not be started, or was lost; empty while all are up."""
        return "" if len(self.live) == len(self._boxes) else self._fault

    async def start(self) -> None:
        """Start all boxes.

        Raises:
            SandboxError: The first box does not start.
        """
        self._is_open = True
        first, *others = range(len(self._boxes))
        try:
            self._boxes[first] = await self.backend.open()
        except BoxLostError as error:
            raise UnavailableError(f"the sandbox does not start: {error}") from error
        for number in (first, *others):
            self._tenders.append(asyncio.get_running_loop().create_task(self._tend(number)))

    async def close(self) -> None:
        """End all boxes; what is still waited for fails."""
        self._is_open = False
        for task in self._tenders:
            task.cancel()
        await asyncio.gather(*self._tenders, return_exceptions=True)
        self._fail_waiting(RequestError("the sandbox was closed"))
        boxes = [box for box in self._boxes if box is not None]
        self._boxes = [None] * len(self._boxes)
        await asyncio.gather(
            self.reader.aclose(), *(box.close() for box in boxes), return_exceptions=True
        )

    @asynccontextmanager
    async def seat(self, key: str | None = None) -> AsyncIterator[Box]:
        """A box with a free slot for as long as the block goes on; one that has `key`, if possible.

        Raises:
            BusyError: Too many wait already.
            UnavailableError: No box could be had within the patience.
            SandboxError: None ever can.
        """
        box = await self._take(key)
        began = time.monotonic()
        try:
            yield box
        finally:
            box.load -= 1
            self._seconds += 0.05 * (time.monotonic() - began - self._seconds)
            self._dispatch()

    def aside(self) -> AbstractContextManager[None]:
        """Nothing: here no time is counted."""
        return nullcontext()

    async def _take(self, key: str | None) -> Box:
        if not self._is_open:
            raise RequestError("the sandbox is not open: use `async with Sandbox.open(...)`")
        if not self._waiting and (box := self._free(key)) is not None:
            box.load += 1
            return box
        if len(self._waiting) >= self._most_waiting:
            wait = self._seconds * len(self._waiting) / max(1, self.slots)
            raise BusyError(
                f"{len(self._waiting)} requests wait already; try again in {wait:.1f} s", wait
            )
        future: asyncio.Future[Box] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        self._wants[future] = key
        try:
            while not future.done():
                await asyncio.wait([future], timeout=self._patience)
                if not future.done() and not self.live:
                    raise UnavailableError(f"no sandbox within {self._patience:g} s: {self._fault}")
            return future.result()
        except BaseException:
            if future.done() and not future.cancelled() and future.exception() is None:
                future.result().load -= 1  # it was given in the moment of giving up
                self._dispatch()
            raise
        finally:
            del self._wants[future]
            if not future.done():
                self._waiting.remove(future)

    def _free(self, key: str | None) -> Box | None:
        free = [box for box in self.live if box.load < box.slots]
        return min(free, key=lambda box: (key not in box.built, box.load), default=None)

    def _dispatch(self) -> None:
        while self._waiting:
            future = self._waiting[0]
            box = self._free(self._wants.get(future))
            if box is None:
                return
            self._waiting.popleft()
            if not future.done():
                box.load += 1
                future.set_result(box)

    def _fail_waiting(self, error: SandboxError) -> None:
        while self._waiting:
            future = self._waiting.popleft()
            if not future.done():
                future.set_exception(error)

    async def _tend(self, number: int) -> None:
        """Keep one box alive."""
        pause = FIRST_PAUSE
        while True:
            box = self._boxes[number]
            if box is None:
                try:
                    box = self._boxes[number] = await self.backend.open()
                except BoxLostError as error:
                    self._fault = str(error)
                    await asyncio.sleep(pause)
                    pause = min(2 * pause, LONGEST_PAUSE)
                    continue
                except SandboxError as error:
                    # Other boxes may still serve; without any, waiting would be in vain.
                    self._fault = str(error)
                    if not self.live:
                        self._fail_waiting(error)
                    await asyncio.sleep(LONGEST_PAUSE)
                    continue
                pause = FIRST_PAUSE
            self._dispatch()
            self._fault = await box.lost()
            self._boxes[number] = None
            self.replaced += 1
            await box.close()
