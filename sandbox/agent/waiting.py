"""Waiting for an awaitable where somebody waits already.

Of a test and its program one runs at a time. So a coroutine of one side that the other awaits comes
to its end at once, in a loop of its own, while the loop that asked for it stands still.
"""

import asyncio
from typing import Any


def waited(awaitable: Any, loop: asyncio.AbstractEventLoop | None = None) -> Any:
    """What an awaitable gives.

    Args:
        awaitable: What to wait for.
        loop: The loop for it, unless that is at work; None: one of its own.
    """

    async def wait() -> Any:
        return await awaitable

    above = asyncio._get_running_loop()
    own = asyncio.new_event_loop() if loop is None or loop.is_running() else None
    asyncio._set_running_loop(None)
    try:
        return (own or loop).run_until_complete(wait())  # type: ignore[union-attr]
    finally:
        if own is not None:
            own.close()
        asyncio._set_running_loop(above)
