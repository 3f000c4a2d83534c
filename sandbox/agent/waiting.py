"""Waiting for an awaitable where somebody waits already.

Of a test and its program one runs at a time. So a coroutine of the program that the test awaits
comes to its end at once, in a loop of its own, while the loop that asked for it stands still. One
of the test that the program awaits goes on by a turn of its loop whenever the program asks how far
it is, so that several go on side by side and each may be given up.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from typing import Any, Final

from .errors import ApartError

STUCK_SECONDS: Final = 1.0  # nothing to do for so long, while the loop that stands still has
OTHER_LOOP: Final = ("attached to a different loop", "bound to a different event loop")


def waited(awaitable: Any, loop: asyncio.AbstractEventLoop | None = None) -> Any:
    """What an awaitable gives.

    Args:
        awaitable: What to wait for.
        loop: The loop for it, unless that is at work; None: one of its own.
    """
    own = asyncio.new_event_loop() if loop is None or loop.is_running() else None
    try:
        with _standing_still():
            return (own or loop).run_until_complete(_wait(awaitable))  # type: ignore[union-attr]
    finally:
        if own is not None:
            own.close()


class Turns:
    """Awaitables of the test that the program waits for.

    Args:
        is_theirs: Whether the program raised an error.
    """

    def __init__(self, is_theirs: Callable[[BaseException], bool]) -> None:
        self._is_theirs = is_theirs
        self._tasks: list[asyncio.Task[Any]] = []
        self._loops: list[asyncio.AbstractEventLoop] = []  # more than one where they wait in turn
        self._stuck_since: float | None = None

    def begin(self, awaitable: Any) -> list[Any]:
        """Begin with one: its number, and how far it is, as `go_on` gives it."""
        loop = next((one for one in self._loops if not one.is_running()), None)
        if loop is None:
            loop = asyncio.new_event_loop()
            self._loops.append(loop)
        self._tasks.append(loop.create_task(_wait(awaitable)))
        return self.go_on(len(self._tasks) - 1)

    def give_up(self, number: int) -> list[Any]:
        """Cancel one."""
        self._tasks[number].cancel()
        return self.go_on(number)

    def go_on(self, number: int) -> list[Any]:
        """The number, whether it is `waiting`, `cancelled` or `done`, and its value.

        Of one that waits the value is whether it has something to do at once.

        Raises:
            ApartError: It waits for what the test's own loop has to do, which stands still.
            Exception: Its own.
        """
        task = self._tasks[number]
        loop: Any = task.get_loop()
        if not task.done() and not loop.is_running():
            with _standing_still():
                loop.call_soon(loop.stop)
                loop.run_forever()
        if task.done():
            self._stuck_since = None
            state = [number, "cancelled", None] if task.cancelled() else None
            return state or [number, "done", self._result(task)]
        is_ready = bool(loop._ready)
        self._see_if_stuck(loop.time(), is_stuck=not is_ready and not loop._scheduled)
        return [number, "waiting", is_ready]

    def _result(self, task: asyncio.Task[Any]) -> Any:
        error = task.exception()
        is_own = isinstance(error, RuntimeError) and not self._is_theirs(error)
        if is_own and any(said in str(error) for said in OTHER_LOOP):
            raise ApartError(f"a coroutine that the program awaits: {error}") from error
        return task.result()

    def _see_if_stuck(self, now: float, *, is_stuck: bool) -> None:
        above = asyncio._get_running_loop()
        if not is_stuck or above is None or len(asyncio.all_tasks(above)) < 2:
            self._stuck_since = None
        elif self._stuck_since is None:
            self._stuck_since = now
        elif now - self._stuck_since > STUCK_SECONDS:
            raise ApartError("a coroutine that the program awaits waits for others of the test")


async def _wait(awaitable: Any) -> Any:
    return await awaitable


@contextlib.contextmanager
def _standing_still() -> Iterator[None]:
    """Let another loop run while the one that runs here does not."""
    above = asyncio._get_running_loop()
    asyncio._set_running_loop(None)
    try:
        yield
    finally:
        asyncio._set_running_loop(above)
