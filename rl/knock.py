"""Whether anything listens at an address."""

import asyncio
from typing import Final

KNOCK_SECONDS: Final = 2.0
"""For an answer to come."""


async def answers(host: str, port: int) -> bool:
    """Whether somebody takes a connection there."""
    for _ in range(2):  # where this process itself stood still, nobody was late
        try:
            async with asyncio.timeout(KNOCK_SECONDS):
                _, writer = await asyncio.open_connection(host, port)
        except TimeoutError:
            continue
        except OSError:
            return False
        break
    else:
        return False
    here, there = (writer.get_extra_info(name) for name in ("sockname", "peername"))
    writer.close()
    return bool(here != there)  # where nobody listens on this host, a socket may meet itself
