"""A group on its way: what is known of it, and what is called for it."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from data.schema import Prompt
from rl.groups import Group

Run = Callable[[int, Prompt, int], Coroutine[Any, Any, Group]]
"""Samples and grades one group: its index, its prompt, the policy version at its dispatch."""
Ended = Callable[[Group, str], None]
"""Told of each graded group with its ending, and of surplus, which ends as `returned`."""


@dataclass(slots=True)
class Flight:
    """A group that is being sampled or graded."""

    prompt: Prompt
    place: int
    losses: int = 0
    task: "asyncio.Task[Group] | None" = None
