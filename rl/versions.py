"""The one place that knows the number of the policy that is sampled from.

Guarantees: the number is that of weights which every engine in service has been sent; it rises by
one with each update, and falls only where a lost learner goes back to a checkpoint; while it is
held nothing is published, and who asks to hold it while an update waits gets the next one, so that
neither keeps the other out for good.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

from rl.weights.publisher import SyncStats


class Publisher(Protocol):
    """What brings weights to engines: `rl.weights.publisher.WeightPublisher`."""

    async def send(self, version: int) -> SyncStats:
        """Send the learner's weights to every engine, as `version`."""


class Versions:
    """The policy's number, which is also the number of training steps made.

    Args:
        current: of the weights that the learner holds at the start.
    """

    def __init__(self, current: int = 0) -> None:
        self.current = current
        self._holders = 0
        self._unheld = asyncio.Event()
        self._waiting = 0  # updates that wait or are under way
        self._settled = asyncio.Event()
        self._sending = asyncio.Lock()
        self._held_back = 0.0

    @property
    def waits(self) -> str:
        """What keeps an update back, in a few words; empty if nothing does."""
        held = self._waiting and self._holders
        return "the next weights wait for an evaluation of those before" if held else ""

    def held_back(self) -> float:
        """Seconds for which updates have waited for holders since this was asked before."""
        seconds, self._held_back = self._held_back, 0.0
        return seconds

    async def start(self, publisher: Publisher) -> SyncStats:
        """Bring the current version to the engines."""
        stats = await self._send(publisher, steps=0)
        self._held_back = 0.0
        return stats

    async def publish(self, publisher: Publisher) -> SyncStats:
        """Bring the learner's new weights to the engines, as the next version."""
        return await self._send(publisher, steps=1)

    @asynccontextmanager
    async def hold(self) -> AsyncIterator[int]:
        """Keep the version, which is given, until the block ends."""
        while self._waiting:
            await self._settled.wait()
        self._holders += 1
        self._unheld.clear()
        try:
            yield self.current
        finally:
            self._holders -= 1
            if not self._holders:
                self._unheld.set()

    @asynccontextmanager
    async def quiet(self) -> AsyncIterator[None]:
        """Wait until nobody holds a version; who asks to hold one meanwhile waits for the end.

        Versions are published inside.
        """
        self._waiting += 1
        self._settled.clear()
        try:
            await self._let_go()
            yield
        finally:
            self._settle()

    async def _let_go(self) -> None:
        """Wait until nobody holds a version."""
        started = time.perf_counter()
        try:
            while self._holders:
                await self._unheld.wait()
        finally:
            self._held_back += time.perf_counter() - started

    def _settle(self) -> None:
        self._waiting -= 1
        if not self._waiting:
            self._settled.set()

    async def _send(self, publisher: Publisher, *, steps: int) -> SyncStats:
        self._waiting += 1
        self._settled.clear()
        try:
            async with self._sending:
                await self._let_go()
                version = self.current + steps
                stats = await publisher.send(version)
                self.current = version
                return stats
        finally:
            self._settle()
