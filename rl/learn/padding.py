"""How values of a micro-batch's tokens are laid out by rows, and go there and back."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from rl.learn.packing import Rows
from rl.tokens import TokenBatch


class MicroBatch:
    """Some rows: R rows, L positions of the longest.

    What belongs to a token is found at the position before it, from whose logits it was drawn:
    values are (R, L - 1). Only trained tokens are ever read from flat values; the rest is 0.

    Args:
        tokens: the share's tokens.
        rows: which of its rows; none: a stand-in of two tokens that nothing is learnt from, for a
            rank that goes along while others work.
        device: where tensors are put.
    """

    def __init__(self, tokens: TokenBatch, rows: Sequence[int], device: torch.device) -> None:
        self._device = device
        self.is_spare = not rows
        """Whether nothing is learnt from it."""
        chosen = np.array(rows, np.int64)
        starts = tokens.starts[chosen]
        lengths = tokens.starts[chosen + 1] - starts
        columns = np.arange(max(2, int(lengths.max(initial=0))))
        inside = columns < lengths[:, None]
        places = np.where(inside, columns + starts[:, None], 0)
        trained = inside & (tokens.mask[places] if rows else False)
        self.rows = (
            SPARE
            if self.is_spare
            else Rows(tokens.ids[places[inside]].astype(np.int64), lengths, trained[inside])
        )
        """What the actor is given."""
        self._places = torch.from_numpy(places[:, 1:].copy())
        self._trained = torch.from_numpy(trained[:, 1:].copy())
        self.mask = self._trained.to(device)
        """(R, L - 1) bool: positions whose next token is trained on."""
        self.weights = torch.from_numpy(tokens.weights[chosen][:, None]).to(device)
        """(R, 1): each row's share of its episode's sampled tokens."""

    def gather(self, flat: Tensor) -> Tensor:
        """(R, L - 1) values of the trained tokens out of (T,) ones of the share."""
        return torch.where(self._trained, flat[self._places], 0).to(self._device)

    def scatter(self, values: Tensor, flat: Tensor) -> None:
        """Write (trained tokens,) values of this micro-batch into (T,) ones of the share."""
        flat[self._places[self._trained]] = values.to(flat)

    def spread(self, values: Tensor) -> Tensor:
        """(R, L - 1) values out of (trained tokens,) ones, differentiably."""
        found = torch.zeros(self.mask.shape, dtype=values.dtype, device=values.device)
        return found.masked_scatter(self.mask, values)


SPARE = Rows(np.zeros(2, np.int64), np.array([2], np.int64), np.zeros(2, np.bool_))
"""A row of two tokens, none of them trained on."""
