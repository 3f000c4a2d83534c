"""A user's methods, plain or async, awaited in the same way and for a bounded time.

Plain ones run on threads of their own: a pool's threads would be used up by calls that never
return. Such a thread cannot be ended from without; it is left behind and counted, and holds nobody
up, not the end of the process either.
"""

import asyncio
import inspect
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from types import MappingProxyType
from typing import Any, Final

from rl.errors import ConfigError, InfrastructureError

ABANDONED: Final = 200
"""Threads that may be left behind at a time: more would take the run's memory."""


class LateError(Exception):
    """Something took longer than it may."""


class NoThreadError(InfrastructureError):
    """Something was not called at all: there is no thread for it."""


async def called(
    function: Callable[..., Any],
    seconds: float | None,
    arguments: Sequence[Any] = (),
    named: Mapping[str, Any] = MappingProxyType({}),
) -> Any:
    """What `function` returns.

    Args:
        function: plain, or `async def`.
        seconds: it may take; None: it keeps its time itself.
        arguments: its arguments.
        named: its arguments by name.

    Raises:
        LateError: It took longer.
        ConfigError: Too many calls before it have never come back.
        NoThreadError: The machine gives no thread now.
    """
    if inspect.iscoroutinefunction(function):
        return await _within(_on_loop(function(*arguments, **named)), seconds)
    _check(function)
    return await _within(_in_thread(function, arguments, named), seconds)


async def _within(work: Any, seconds: float | None) -> Any:
    limit = asyncio.timeout(seconds)
    try:
        async with limit:
            return await work
    except TimeoutError as error:
        if limit.expired():
            raise LateError(f"took longer than {seconds:g} s") from error
        raise  # its own


async def _on_loop(work: Any) -> Any:
    try:
        return await work
    except (SystemExit, KeyboardInterrupt) as error:  # these would end the loop
        raise _ordinary(error) from error
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        raise _ordinary(error) from error  # of what it awaited, and not of this call


def _ordinary(error: BaseException) -> Exception:
    """An error as one that a future takes, and that ends nothing but the call."""
    if isinstance(error, Exception) and not isinstance(error, StopIteration):
        return error
    return RuntimeError(f"{type(error).__name__}: {error}")


_abandoned: set[threading.Thread] = set()
"""Threads that nobody waits for any more; threads are the process's."""


def _check(function: Callable[..., Any]) -> None:
    _abandoned.difference_update([one for one in _abandoned if not one.is_alive()])
    if len(_abandoned) >= ABANDONED:
        raise ConfigError(
            f"{len(_abandoned)} calls of an environment's methods have never come back, the next "
            f"would be {function.__name__!r}: make what may hang `async`, or bound its time itself"
        )


async def _in_thread(
    function: Callable[..., Any], arguments: Sequence[Any], named: Mapping[str, Any]
) -> Any:
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Any] = loop.create_future()

    def tell(result: Any, error: BaseException | None) -> None:
        if done.done():
            return
        if error is None:
            done.set_result(result)
        else:
            done.set_exception(_ordinary(error))

    def run() -> None:
        result, error = None, None
        try:
            result = function(*arguments, **named)
        except BaseException as raised:  # also SystemExit, which would end nothing but the thread
            error = raised
        with suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(tell, result, error)

    thread = threading.Thread(target=run, name=f"environment {function.__name__}", daemon=True)
    try:
        thread.start()
    except RuntimeError as error:  # no affair of what was called
        raise NoThreadError(f"{function.__name__} cannot be run: {error}") from error
    try:
        return await done
    finally:
        if not done.done() or done.cancelled():
            _abandoned.add(thread)
