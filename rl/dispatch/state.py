"""What a checkpoint holds of dispatch: prompts that are sent again, and groups that wait.

Guarantees: it is made of references to what never changes, so that taking one between two batches
costs next to nothing; `to_json` and `from_json` are exact inverses. Groups that wait are saved
apart (`rl.groups.save_groups`), as tokens are no JSON.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from data.schema import Answered, Prompt
from rl.dispatch.telling import Untold
from rl.groups import Group, prompt_from_state, prompt_to_state


@dataclass(frozen=True, slots=True)
class DispatchState:
    """Where dispatch stands."""

    next_index: int
    """Of the next new prompt."""
    taken: int
    """Batches that were taken."""
    again: tuple[tuple[int, Prompt], ...]
    """Prompts in flight or returned, by index: they are dispatched first."""
    ready: tuple[Group, ...]
    """Groups that wait for their batch, in dispatch order."""
    pacing: Mapping[str, Any]
    """How many to have in flight."""
    source: Mapping[str, Any]
    """The position in the data."""
    untold: Untold = ()
    """Outcomes that the source is told of at the next batch."""

    def to_json(self) -> dict[str, Any]:
        """All but the groups that wait, as JSON values."""
        return {
            "next_index": self.next_index,
            "taken": self.taken,
            "again": [[index, prompt_to_state(prompt)] for index, prompt in self.again],
            "pacing": dict(self.pacing),
            "source": dict(self.source),
            "untold": [[index, *one] for index, one in self.untold],
        }

    @classmethod
    def from_json(cls, state: Mapping[str, Any], ready: Sequence[Group]) -> Self:
        """The state that `to_json` described, and the groups that were saved beside it."""
        return cls(
            next_index=state["next_index"],
            taken=state["taken"],
            again=tuple((index, prompt_from_state(prompt)) for index, prompt in state["again"]),
            ready=tuple(ready),
            pacing=state["pacing"],
            source=state["source"],
            untold=tuple((index, Answered(*one)) for index, *one in state.get("untold", ())),
        )
