"""An asyncio loop in virtual time: where nothing is ready, the clock jumps to the next timer.

Hours of waiting take as long as the work in between, and what runs twice runs the same way.
"""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class StandstillError(Exception):
    """Nothing is ready and no timer runs: whoever waits would wait for ever."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop whose `time` is that of its timers alone, seconds from 0."""

    def __init__(self) -> None:
        self._now = 0.0
        super().__init__(_Jump(self))

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._now

    def run_in_executor(  # type: ignore[override]  # it is called with what it is given
        self, executor: Any, func: Callable[..., Any], *args: Any
    ) -> Any:
        """Call a function that would run in a thread: at once, in no time."""
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:
            future.set_exception(error)
        return future

    def advance(self, seconds: float) -> None:
        """Move the clock on."""
        self._now += seconds


class _Jump(selectors.DefaultSelector):
    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise StandstillError("nothing is ready and no timer runs")
        if timeout > 0:
            self._loop.advance(timeout)
        return []


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run to its end in virtual time; what is still in flight then is cancelled.

    Raises:
        StandstillError: `work` waits for something that nothing will bring about.
    """
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(work)
    finally:
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        loop.run_until_complete(_ended(left))
        loop.close()


async def _ended(tasks: set[asyncio.Task[Any]]) -> None:
    await asyncio.gather(*tasks, return_exceptions=True)
