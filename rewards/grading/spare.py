"""A worker that is ready before it is needed.

Guarantees: at most one spare exists, taking it never waits, and it is closed when its keeper is
cancelled. A spare that does not start is nobody's error: whoever needs a worker then starts one.
"""

import asyncio
from collections.abc import Awaitable, Callable

from rewards.errors import PoolError
from rewards.grading.lane import Lane


class Spare:
    """Keeps one lane open, ahead of its use."""

    def __init__(self, open_lane: Callable[[], Awaitable[Lane]]) -> None:
        self._open = open_lane
        self._lane: Lane | None = None
        self._taken = asyncio.Event()

    async def keep(self) -> None:
        """Open a spare, and another whenever one was taken or asked for in vain."""
        try:
            while True:
                if self._lane is None:
                    try:
                        self._lane = await self._open()
                    except PoolError:
                        self._lane = None
                await self._taken.wait()
                self._taken.clear()
        finally:
            if self._lane is not None:
                self._lane.close()

    def take(self) -> Lane | None:
        """The spare, if one is ready and alive; the next one is then opened."""
        lane, self._lane = self._lane, None
        self._taken.set()
        if lane is not None and lane.exit_code is not None:
            lane.close()
            return None
        return lane

    def drop_dead(self) -> bool:
        """Let another be opened where the spare has died; whether it had."""
        if self._lane is None or self._lane.exit_code is None:
            return False
        self.take()
        return True
