"""Disjoint sets of rows: what is joined, directly or by way of others, has one root."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray


class DisjointSets:
    """Sets over the integers below `size`; the root of a set is its smallest member."""

    def __init__(self, size: int) -> None:
        import numpy as np

        self._above = np.arange(size, dtype=np.int64)

    def root(self, member: int) -> int:
        """The smallest member of a member's set."""
        above = self._above
        top = member
        while above[top] != top:
            top = int(above[top])
        while above[member] != top:
            member, above[member] = int(above[member]), top
        return top

    def join(self, first: int, second: int) -> None:
        """Make one set of two members' sets."""
        low, high = sorted((self.root(first), self.root(second)))
        self._above[high] = low

    def roots(self) -> "NDArray[numpy.int64]":
        """The root of every member."""
        above = self._above
        while True:
            further = above[above]
            if (further == above).all():
                return above.copy()
            above[:] = further
