"""Whether anything listens at an address."""

import asyncio
from typing import Final

KNOCK_SECONDS: Final = 2.0
"""For an answer to come."""


async def answers(host: str, port: int) -> bool:
    """Whether somebody takes a connection there."""
    try:
        async with asyncio.timeout(KNOCK_SECONDS):
            _, writer = await asyncio.open_connection(host, port)
    except OSError:  # TimeoutError is one
        return False
    here, there = (writer.get_extra_info(name) for name in ("sockname", "peername"))
    writer.close()
    return bool(here != there)  # where nobody listens on this host, a socket may meet itself
