"""The contexts of one episode: which of them a request goes on from.

Guarantees: a thread only grows, by what was read and what was sampled after all of it, so that
every context that the policy was given is the beginning of its thread. Two requests never grow the
same thread from the same place: the first has it, another begins anew.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from time import perf_counter

import numpy as np

from rl.endpoint.answers import Turn
from rl.endpoint.matching import Key
from rl.tokens import Ids, Message, Sampled, Segment, Trajectory
from rl.turn_records import TurnRecord


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
    records: list[TurnRecord]
    """Of its turns, for people."""
    is_taken: bool = False
    """A request is going on from it."""

    def grow(
        self, keys: tuple[Key, ...], new: Sequence[Segment], turn: Turn, record: TurnRecord
    ) -> None:
        """Append what was read and what was sampled."""
        self.keys = keys
        before = self.records[-1]
        answered = record.began - before.began - before.seconds
        self.records[-1] = replace(before, answer_seconds=max(0.0, answered))
        self.records.append(record)
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

    def records(self, spoken: tuple[Message, ...]) -> tuple[TurnRecord, ...]:
        """Of all turns, thread by thread; those that `spoken` does not hold with their text.

        Args:
            spoken: The conversation in which the policy spoke last.
        """
        holds = [bool(spoken) and thread.turn.followed is spoken[-1] for thread in self.all]
        return tuple(
            replace(one, trajectory=i, text=None)
            if held
            else replace(one, trajectory=i, message=None)
            for i, (thread, held) in enumerate(zip(self.all, holds, strict=True))
            for one in thread.records
        )

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


def record_of(
    turn: Turn, sampled: Sampled, allowed: int, message: int, began: float, clock: float
) -> TurnRecord:
    """What is kept of a turn that has just ended; of which trajectory is known at the end.

    Args:
        turn: As it was read.
        sampled: As it was sampled.
        allowed: Tokens that it might take.
        message: Its place in its conversation.
        began: When the policy was asked, of `perf_counter`.
        clock: When the episode began.
    """
    return TurnRecord(
        trajectory=0,
        message=message,
        text=sampled.text,
        prompt_tokens=turn.prompt_tokens,
        allowed=allowed,
        stop=turn.stop,
        began=began - clock,
        seconds=perf_counter() - began,
        cached_tokens=sampled.cached_tokens,
        engine=sampled.engine,
    )
