"""The one place that knows the number of the policy that is sampled from.

Guarantees: the number is that of weights which every engine in service has been sent; it rises by
one with each update, and falls only where a lost learner goes back to a checkpoint; while it is
held nothing is published, and who asks to hold it while an update waits gets the next one, so that
neither keeps the other out for good.
"""

import asyncio
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

    @property
    def waits(self) -> str:
        """What keeps an update back, in a few words; empty if nothing does."""
        held = self._waiting and self._holders
        return "the next weights wait for an evaluation of those before" if held else ""

    async def start(self, publisher: Publisher) -> SyncStats:
        """Bring the current version to the engines."""
        return await self._send(publisher, steps=0)

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
            while self._holders:
                await self._unheld.wait()
            yield
        finally:
            self._settle()

    def _settle(self) -> None:
        self._waiting -= 1
        if not self._waiting:
            self._settled.set()

    async def _send(self, publisher: Publisher, *, steps: int) -> SyncStats:
        self._waiting += 1
        self._settled.clear()
        try:
            async with self._sending:
                while self._holders:
                    await self._unheld.wait()
                version = self.current + steps
                stats = await publisher.send(version)
                self.current = version
                return stats
        finally:
            self._settle()
