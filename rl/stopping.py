"""Ending a run with an error that was found beside it, in another task or another thread."""

import asyncio
from types import TracebackType
from typing import Self

from rl.errors import PlumbError


class Stopper:
    """A block that `stop` ends: its task is cancelled, and the block raises the error.

    Guarantees: the first error wins; a cancellation from elsewhere stays one.
    """

    def __init__(self) -> None:
        self._task: asyncio.Task[object] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._error: PlumbError | None = None

    def __enter__(self) -> Self:
        self._task = asyncio.current_task()
        self._loop = asyncio.get_running_loop()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        task, self._task = self._task, None
        if self._error is None or task is None or not isinstance(error, asyncio.CancelledError):
            return
        if task.uncancel() == 0:
            for note in getattr(error, "__notes__", []):
                self._error.add_note(note)
            raise self._error from error

    def stop(self, error: PlumbError) -> None:
        """End the block; returns at once. May be called from any thread, and when it has ended."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stop, error)

    def _stop(self, error: PlumbError) -> None:
        if self._task is not None and self._error is None:
            self._error = error
            self._task.cancel()
