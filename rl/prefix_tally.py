"""How much of what engines read was in their prefix caches, by vLLM's own count of each request.

A later turn of a trajectory reads all that was before it: where it goes to the engine that has
that, nearly all is there. Numbers are of the groups that ended in a step; answers whose turns say
nothing count nowhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from rl.turn_records import TurnRecord


@dataclass(slots=True)
class Read:
    """Tokens of contexts, and those of them that a cache held."""

    tokens: int = 0
    cached: int = 0

    @property
    def share(self) -> float | None:
        """That was cached; None if nothing was read."""
        return self.cached / self.tokens if self.tokens else None


@dataclass(slots=True)
class PrefixTally:
    """Sums over turns."""

    first: Read = field(default_factory=Read)
    """Of trajectories' first turns: answers to one prompt share it."""
    later: Read = field(default_factory=Read)
    stayed: int = 0
    """Later turns that went to the engine of the turn before."""
    routed: int = 0
    """Later turns of which both engines are known."""

    def add(self, records: Sequence[TurnRecord]) -> None:
        """Add an episode's turns, trajectory by trajectory."""
        before: TurnRecord | None = None
        for turn in records:
            if before is not None and before.trajectory != turn.trajectory:
                before = None
            if turn.cached_tokens is not None:
                read = self.first if before is None else self.later
                read.tokens += turn.prompt_tokens
                read.cached += turn.cached_tokens
            if before is not None and None not in (before.engine, turn.engine):
                self.routed += 1
                self.stayed += before.engine == turn.engine
            before = turn

    def row(self) -> dict[str, float | None]:
        """Shares, under the names of metrics.jsonl."""
        return {
            "first": self.first.share,
            "later": self.later.share,
            "same_engine": self.stayed / self.routed if self.routed else None,
        }
