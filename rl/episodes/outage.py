"""Holds episodes back while what they need is away.

Guarantees: after `limit` tries in a row that failed for want of infrastructure, one try goes on at
a time, each after a pause that doubles, and all others wait; the first that works lets all go on.
So a service that is away for an hour costs a few prompts, and no run. Nothing is ever dropped.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

IN_A_ROW: Final = 8
"""Failed tries without one that worked between them."""
LONGEST: Final = 60.0  # seconds between two tries


def _unsaid(line: str) -> None:
    """Where nobody reads it."""


class Outage:
    """Of what the environments of a run need.

    Args:
        pause: seconds before the first try that goes alone; doubled with each further one.
        limit: failures in a row after which episodes wait.
        say: prints a line.
    """

    def __init__(
        self, pause: float, *, limit: int = IN_A_ROW, say: Callable[[str], None] = _unsaid
    ) -> None:
        self._pause = pause
        self._limit = limit
        self._say = say
        self._failures = 0
        self._alone = asyncio.Lock()

    @property
    def is_on(self) -> bool:
        """Whether episodes wait."""
        return self._failures >= self._limit

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait until a try may be made, and make it; then `failed` or `worked` is to be told."""
        if not self.is_on:
            yield
            return
        async with self._alone:
            if self.is_on:
                doubled = self._pause * 2.0 ** min(self._failures - self._limit, 30)
                await asyncio.sleep(min(LONGEST, doubled))
                yield
                return
        yield

    def failed(self, reason: str) -> None:
        """A try failed for want of infrastructure."""
        self._failures += 1
        if self._failures == self._limit:
            self._say(
                f"{self._limit} episodes in a row have failed: {reason}; the others wait, and one "
                f"is tried after a while, at least every {LONGEST:.0f} s"
            )

    def worked(self) -> None:
        """A try came to its end."""
        if self.is_on:
            self._say("what episodes need is back: they go on")
        self._failures = 0
