"""Awaiting work that is not broken off, and work that another's error ends."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

T = TypeVar("T")
S = TypeVar("S")


async def all_of(work: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
    """Await all; a first error ends the others, and is raised when they have ended."""
    tasks = [asyncio.create_task(one) for one in work]
    try:
        return list(await asyncio.gather(*tasks))
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise


async def both(one: Coroutine[Any, Any, S], other: Coroutine[Any, Any, T]) -> tuple[S, T]:
    """`all_of` of two that give different things."""
    work: list[Coroutine[Any, Any, Any]] = [one, other]
    first, second = await all_of(work)
    return first, second


async def unbroken(work: Coroutine[Any, Any, T]) -> T:
    """Await `work` to its end even if the caller is cancelled meanwhile; a second time ends it."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await task
        raise


async def unless_lost(lost: Coroutine[Any, Any, None], work: Coroutine[Any, Any, T]) -> T:
    """Await `work`, or the error of `lost`, which waits for a death, if that comes first."""
    watch, task = asyncio.ensure_future(lost), asyncio.ensure_future(work)
    try:
        await asyncio.wait({watch, task}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            watch.result()
        return await task
    finally:
        for one in (watch, task):
            one.cancel()
        await asyncio.gather(watch, task, return_exceptions=True)
