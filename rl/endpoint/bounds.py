"""What a box that bubblewrap makes may take of this machine: memory and processes.

Guarantees: where this user may make control groups that bound both, the whole box is in one, from
its first process on, and the group is gone with it. Elsewhere each process of the box is bounded by
the kernel's limits: its own memory, and how many its user has in the box.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from sandbox.backends.bubblewrap import Groups

OWN: Final = 24
"""Processes and threads that are not the agent's: the box's first ones, and its connections'."""
_JOIN: Final = 'while [ "$1" != -- ]; do echo 0 > "$1" || exit 125; shift; done; shift; exec "$@"'


@dataclass(frozen=True, slots=True)
class Bounds:
    """How a box is bounded.

    Attributes:
        join: What its command is put behind.
        limits: Arguments of `forward.py`, which sets limits before it runs the agent.
    """

    join: list[str]
    limits: list[str]


@asynccontextmanager
async def bounded(memory_mb: int, processes: int) -> AsyncIterator[Bounds]:
    """Bounds for one box, until it has ended."""
    groups = await _made() if os.geteuid() == 0 else Groups([])
    try:
        files = groups.bound(memory_mb, processes + OWN)
        if files:
            yield Bounds(["/bin/sh", "-c", _JOIN, "sh", *map(str, files), "--"], [])
        else:
            yield Bounds([], [f"{memory_mb << 20},{processes}"])
    finally:
        await asyncio.shield(asyncio.to_thread(groups.remove))


async def _made() -> Groups:
    """Groups, made beside the loop: it waits for the end of those that were left behind."""
    making = asyncio.create_task(asyncio.to_thread(Groups.make))
    try:
        return await asyncio.shield(making)
    except asyncio.CancelledError:
        groups = await making
        await asyncio.to_thread(groups.remove)
        raise
