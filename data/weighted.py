"""Drawing by weight: whole numbers, so that a draw is the same on every machine.

Guarantee: what a draw gives is a function of the weights and of the number drawn; a draw of a
million positions costs as much as one of a few thousand.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

BLOCK: Final = 1024


class WeightedDraw:
    """Positions with weights, each taken out as it is drawn.

    Args:
        weights: at least 0, int64; their sum is below 2**63.
    """

    def __init__(self, weights: NDArray[np.int64]) -> None:
        room = -len(weights) % BLOCK
        self._weights = np.concatenate([weights, np.zeros(room, np.int64)]).reshape(-1, BLOCK)
        self._sums = self._weights.sum(axis=1)

    @property
    def total(self) -> int:
        """The weight of all positions that are left."""
        return int(self._sums.sum())

    def take(self, at: int) -> int:
        """The position at `at` of `total`, counted along the weights; it is taken out."""
        block, rest = _place(self._sums, at)
        row, _ = _place(self._weights[block], rest)
        position = block * BLOCK + row
        self.remove(position)
        return position

    def remove(self, position: int) -> None:
        """Take a position out."""
        block, row = divmod(position, BLOCK)
        self._sums[block] -= self._weights[block, row]
        self._weights[block, row] = 0


def _place(weights: NDArray[np.int64], at: int) -> tuple[int, int]:
    """Where `at` lies along the weights, and how far within that place."""
    ends = np.cumsum(weights)
    place = int(np.searchsorted(ends, at, side="right"))
    return place, at - (int(ends[place - 1]) if place else 0)
