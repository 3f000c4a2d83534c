"""How many groups to have in flight: the seam between `Waves` and `Flow`."""

from collections.abc import Mapping
from typing import Any, Protocol


class Pacing(Protocol):
    """Says when another group may be dispatched, from what became of those before.

    A group's place is its position in the order of dispatches: one that is sent again gets a new
    one, but one whose engine was lost goes on under its old one.
    """

    def room(self, version: int, free_groups: float) -> bool:
        """Whether another group may be dispatched now.

        Args:
            version: the newest policy version.
            free_groups: groups that the engines could start at once.
        """

    def dispatched(self) -> int:
        """A group is dispatched; returns its place."""

    def note(self, place: int, accepted: bool) -> None:
        """The outcome of the group of this place."""

    def taken(self) -> None:
        """A batch was taken."""

    def state_dict(self) -> dict[str, Any]:
        """JSON-able state; what is open is to be dispatched anew by whoever loads it."""

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from `state_dict`'s value."""
