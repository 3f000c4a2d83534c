"""The contexts of one episode: which of them a request goes on from.

Guarantees: a thread only grows, by what was read and what was sampled after all of it, so that
every context that the policy was given is the beginning of its thread. Two requests never grow the
same thread from the same place: the first has it, another begins anew.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from rl.endpoint.answers import Turn
from rl.endpoint.matching import Key
from rl.tokens import Ids, Segment, Trajectory


@dataclass(slots=True)
class Thread:
    """One unbroken context, to be one trajectory; its last segment is a turn of the policy."""

    tools: str
    """The key of the tools on offer."""
    keys: tuple[Key, ...]
    """Of its messages, the policy's last turn included."""
    segments: list[Segment]
    turn: Turn
    """The last one."""
    is_taken: bool = False
    """A request is going on from it."""

    def grow(self, keys: tuple[Key, ...], new: Sequence[Segment], turn: Turn) -> None:
        """Append what was read and what was sampled."""
        self.keys = keys
        self.segments += new
        self.turn = turn

    @property
    def ids(self) -> Ids:
        """Its context so far."""
        return np.concatenate([segment.ids for segment in self.segments])


@dataclass(slots=True)
class Threads:
    """All contexts of an episode, in the order in which they began."""

    all: list[Thread] = field(default_factory=list)

    def continued_by(self, keys: tuple[Key, ...], tools: str) -> Thread | None:
        """The longest thread that a request goes on from; None: it begins anew.

        A turn that was cut has no end, so that nothing follows it as the template would write it.
        """
        known = [
            thread
            for thread in self.all
            if not thread.is_taken
            and thread.tools == tools
            and thread.turn.stop == "stop"
            and len(thread.keys) < len(keys)
            and thread.keys == keys[: len(thread.keys)]
        ]
        return max(known, key=lambda thread: len(thread.keys), default=None)

    @property
    def trajectories(self) -> tuple[Trajectory, ...]:
        """One a thread."""
        return tuple(Trajectory(tuple(thread.segments)) for thread in self.all)
