"""Long requests are rendered and encoded on a thread of their own, so that the loop goes on.

Guarantee: one at a time, in the order in which they come; encoding itself lets go of the
interpreter's lock.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Final, TypeVar

T = TypeVar("T")
AT_ONCE: Final = 16_384
"""Characters that are encoded where they are, in a few milliseconds."""


async def apart(work: Callable[[], T]) -> T:
    """What some work gives that is done beside the loop."""
    return await asyncio.get_running_loop().run_in_executor(_thread(), work)


async def at_once(work: Callable[[], T]) -> T:
    """What some work gives that is done here."""
    return work()


@cache
def _thread() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, "encoding")
