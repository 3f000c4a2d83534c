"""The sandbox for callers without an event loop.

Guarantees: every method may be called from any number of threads at once. It is closed at the end
of its `with` block, by `close`, or with the process.
"""

import asyncio
import atexit
import os
import threading
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from typing import Any, Final, Self, TypeVar

from sandbox.backends.settings import BoxSettings
from sandbox.errors import RequestError
from sandbox.sandbox import Sandbox
from sandbox.transport import DEFAULT_LIMITS, QUEUE, QUEUE_SECONDS, Transport
from sandbox.types import Health, Judgement, Limits, Program, RunResult, TestsLike

T = TypeVar("T")
CLOSE_SECONDS: Final = 15.0


class SyncSandbox:
    """`Sandbox`, blocking, on an event loop in a thread of its own; the errors are the same."""

    def __init__(self, box: Transport) -> None:
        self._box = box
        self._lock = threading.Lock()
        self._owner = os.getpid()
        self._is_closed = False
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="plumb-sandbox", daemon=True
        )
        self._thread.start()
        try:
            self._wait(box.start())
        except BaseException:
            self._stop_loop()
            raise
        atexit.register(self.close)

    @classmethod
    def open(
        cls,
        where: str | Sequence[str] = "auto",
        *,
        settings: BoxSettings | None = None,
        token: str | None = None,
        deadline: float | None = None,
        queue: int = QUEUE,
        queue_seconds: float = QUEUE_SECONDS,
    ) -> Self:
        """A started sandbox; the arguments are those of `Sandbox.open`.

        Raises:
            SandboxError: It does not start.
        """
        box = Sandbox.open(
            where,
            settings=settings,
            token=token,
            deadline=deadline,
            queue=queue,
            queue_seconds=queue_seconds,
        )
        return cls(box)

    def run(
        self,
        program: Program,
        *,
        stdin: str = "",
        limits: Limits = DEFAULT_LIMITS,
        deadline: float | None = None,
    ) -> RunResult:
        """As `Sandbox.run`."""
        return self._wait(self._box.run(program, stdin=stdin, limits=limits, deadline=deadline))

    def judge(
        self,
        program: Program,
        tests: TestsLike,
        *,
        limits: Limits = DEFAULT_LIMITS,
        stop_at_first_failure: bool = True,
        deadline: float | None = None,
    ) -> Judgement:
        """As `Sandbox.judge`."""
        return self._wait(
            self._box.judge(
                program,
                tests,
                limits=limits,
                stop_at_first_failure=stop_at_first_failure,
                deadline=deadline,
            )
        )

    def languages(self) -> dict[str, str]:
        """As `Sandbox.languages`."""
        return self._wait(self._box.languages())

    def health(self) -> Health:
        """As `Sandbox.health`."""
        return self._wait(self._box.health())

    def close(self) -> None:
        """End everything; harmless when it is done already."""
        with self._lock:
            # A forked process leaves what is its parent's alone.
            if self._is_closed or self._owner != os.getpid():
                return
            self._is_closed = True
        atexit.unregister(self.close)
        closing = asyncio.run_coroutine_threadsafe(self._end(), self._loop)
        with suppress(TimeoutError):
            closing.result(CLOSE_SECONDS)
        self._stop_loop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        if self._is_closed or self._owner != os.getpid():
            work.close()
            raise RequestError("the sandbox is closed, or another process's: open one here")
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except asyncio.CancelledError as error:
            raise RequestError("the sandbox was closed") from error
        except BaseException:
            future.cancel()
            raise

    async def _end(self) -> None:
        try:
            await self._box.aclose()
        finally:
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)

    def _stop_loop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(CLOSE_SECONDS)
        if not self._thread.is_alive():
            self._loop.close()
