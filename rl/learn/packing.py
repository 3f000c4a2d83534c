"""Rows of tokens as a network reads them: end to end in one, or padded at their right.

Guarantees: positions begin anew at each row; a token that is trained on is drawn at the position
before it; a pack's length divides by the ranks that share it, its filling being a row of its own;
every rank that shares a pack knows what all of them are asked for.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Ids = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of tokens, flat, T tokens in R rows."""

    ids: Ids
    """(T,)"""
    lengths: Ids
    """(R,), each at least 1."""
    trained: NDArray[np.bool_]
    """(T,): which tokens are asked for; never the first of a row."""


@dataclass(frozen=True, slots=True)
class LaidOut:
    """What one rank passes through the network, and what it asks of the head."""

    ids: Tensor
    """(rows, positions) int64; of a pack a single row, of which this is the rank's slice."""
    positions: Tensor
    """(rows, positions) int64, within each row of tokens."""
    attention_mask: Tensor | None
    """(rows, positions) int64, 1 where a token is; None: a pack."""
    lengths: Ids
    """Of the rows in the whole pack, its filling included."""
    places: Tensor
    """(tokens,): where this rank's tokens were drawn, among all positions of `ids`."""
    labels: Tensor
    """(tokens,): their ids."""
    counts: tuple[int, ...]
    """How many tokens each rank that shares the pack is asked for, in the order of its slices."""


def lay_out_packed(rows: Rows, *, share: int, ranks: int, device: torch.device) -> LaidOut:
    """All rows end to end.

    Args:
        rows: which.
        share: this rank's slice.
        ranks: how many ranks have one.
        device: where tensors are put.
    """
    filling = -len(rows.ids) % ranks
    lengths = np.append(rows.lengths, filling) if filling else rows.lengths
    ids = np.append(rows.ids, np.zeros(filling, np.int64))
    starts = np.repeat(np.cumsum(lengths) - lengths, lengths)
    places, labels = _drawn(rows)
    width = len(ids) // ranks
    slices = np.searchsorted(places, np.arange(ranks + 1) * width)
    own = slice(slices[share], slices[share + 1])
    part = slice(share * width, (share + 1) * width)
    return LaidOut(
        ids=_tensor(ids[None, part], device),
        positions=_tensor((np.arange(len(ids)) - starts)[None, part], device),
        attention_mask=None,
        lengths=lengths,
        places=_tensor(places[own] - share * width, device),
        labels=_tensor(labels[own], device),
        counts=tuple(np.diff(slices).tolist()),
    )


def lay_out_padded(rows: Rows, *, device: torch.device) -> LaidOut:
    """One below the other, padded to the longest."""
    width = int(rows.lengths.max())
    columns = np.broadcast_to(np.arange(width), (len(rows.lengths), width))
    inside = columns < rows.lengths[:, None]
    ids = np.zeros(inside.shape, np.int64)
    ids[inside] = rows.ids
    places, labels = _drawn(rows)
    return LaidOut(
        ids=_tensor(ids, device),
        positions=_tensor(columns, device),
        attention_mask=_tensor(inside.astype(np.int64), device),
        lengths=rows.lengths,
        places=_tensor(np.flatnonzero(inside)[places], device),
        labels=_tensor(labels, device),
        counts=(len(labels),),
    )


def _drawn(rows: Rows) -> tuple[Ids, Ids]:
    """Where the trained tokens were drawn, among all T, and what they are."""
    firsts = np.cumsum(rows.lengths) - rows.lengths
    if rows.trained[firsts].any():
        raise ValueError("a row begins with a sampled token: nothing says what it follows")
    trained = np.flatnonzero(rows.trained)
    return trained - 1, rows.ids[trained]


def _tensor(values: Ids, device: torch.device) -> Tensor:
    return torch.from_numpy(np.array(values)).to(device)


WASTE = 4 / 3
"""Most positions a token takes in a block of `Blocks`."""


@dataclass(frozen=True, slots=True, eq=False)
class Blocks:
    """Rows of a pack as they attend: those of like lengths padded to a block.

    A row's tokens see those before them in their row and no others, so that what attention costs is
    the sum of squares of rows' lengths and not the square of their sum.
    """

    shapes: tuple[tuple[int, int], ...]
    """(rows, positions) of each block; its positions follow those of the block before."""
    token: Tensor
    """(positions of all blocks,): the token at each; some token where it is padding."""
    filled: Tensor
    """(positions of all blocks,) bool: where a token is."""
    position: Tensor
    """(tokens,): where each is."""

    @property
    def is_whole(self) -> bool:
        """Whether the pack is a single row."""
        return len(self.shapes) == 1 and self.shapes[0][0] == 1


def plan_blocks(lengths: Ids, device: torch.device) -> Blocks:
    """The blocks of rows that are packed end to end, the longest first."""
    order = np.argsort(-lengths, kind="stable")
    starts = np.cumsum(lengths) - lengths
    shapes, tokens, filled = [], [], []
    for block in _alike(lengths, order):
        width = int(lengths[block[0]])
        inside = np.arange(width) < lengths[block][:, None]
        places = np.where(inside, starts[block][:, None] + np.arange(width), 0)
        shapes.append(places.shape)
        tokens.append(places.reshape(-1))
        filled.append(inside.reshape(-1))
    token, is_token = np.concatenate(tokens), np.concatenate(filled)
    position = np.empty(int(lengths.sum()), np.int64)
    position[token[is_token]] = np.flatnonzero(is_token)
    return Blocks(
        shapes=tuple(shapes),
        token=_tensor(token, device),
        filled=torch.from_numpy(is_token).to(device),
        position=_tensor(position, device),
    )


def _alike(lengths: Ids, order: Ids) -> Sequence[Ids]:
    """Cut rows in falling order of length where padding would exceed `WASTE`."""
    cuts = []
    longest = 0
    for i, row in enumerate(order):
        if lengths[row] * WASTE < longest or i == 0:
            longest = int(lengths[row])
            cuts.append(i)
    return np.split(order, cuts[1:])
