"""Awaiting work that is not broken off, and work that another's error ends."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


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
