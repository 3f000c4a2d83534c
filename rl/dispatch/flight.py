"""A group on its way: what is known of it, what is called for it, and what a batch waits for."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

from data.schema import Prompt
from rl.groups import Group

Run = Callable[[int, Prompt, int], Coroutine[Any, Any, Group]]
"""Samples and grades one group: its index, its prompt, the policy version at its dispatch."""
Ended = Callable[[Group, str], None]
"""Told of each graded group with its ending, and of surplus, which ends as `returned`."""
NAMED = 3
"""Slow groups that are named."""


@dataclass(slots=True)
class Flight:
    """A group that is being sampled or graded."""

    prompt: Prompt
    place: int
    losses: int = 0
    task: "asyncio.Task[Group] | None" = None
    since: float = field(default_factory=time.monotonic)
    """When it was first dispatched, seconds of the monotonic clock."""


def waiting(slow: Sequence[str], ready: int, size: int, in_flight: int) -> str:
    """What a batch lacks, in a few words.

    Args:
        slow: prompts for which alone it waits; none: it lacks groups.
        ready: groups that wait for it.
        size: groups that it has to have.
        in_flight: groups that are being sampled or graded.
    """
    if slow:
        names = ", ".join(map(repr, slow[:NAMED])) + (" ..." if len(slow) > NAMED else "")
        return f"waiting for {len(slow)} slow groups: {names}"
    return f"sampling: {min(ready, size)}/{size} groups, {in_flight} in flight"
