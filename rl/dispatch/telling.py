"""What the prompt source is told of outcomes, and when.

Guarantees: a source that listens is told, as a batch is taken, of every group that has ended since
the batch before, in dispatch order, once for each time that it ended; what it was not told of yet
is in the state. Where nothing is in flight as batches are taken, all of it follows from outcomes.
"""

from collections.abc import Sequence

from data.schema import Answered, ListeningSource, PromptSource
from rl.groups import Group

Untold = tuple[tuple[int, Answered], ...]
"""By index of the group, in dispatch order."""


class Telling:
    """Collects outcomes for a source.

    Args:
        source: is told if it listens.
    """

    def __init__(self, source: PromptSource) -> None:
        self._listener = source if isinstance(source, ListeningSource) else None
        self._untold: list[tuple[int, Answered]] = []

    def ended(self, group: Group) -> None:
        """A group was graded."""
        if self._listener is not None:
            right = sum(verdict.is_correct for verdict in group.verdicts)
            one = Answered(group.prompt.id, len(group.gradable), right)
            self._untold.append((group.index, one))

    def taken(self) -> None:
        """A batch was taken."""
        if self._listener is not None:
            self._listener.note([one for _, one in self.untold])
            self._untold.clear()

    @property
    def untold(self) -> Untold:
        """What the source is told of at the next batch."""
        return tuple(sorted(self._untold))

    def restore(self, untold: Sequence[tuple[int, Answered]]) -> None:
        """Go on from what another had to tell."""
        self._untold = list(untold) if self._listener is not None else []
