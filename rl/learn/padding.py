"""How samples are laid out in padded tensors, and how values of tokens go there and back."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rl.tokens import TokenBatch


class MicroBatch:
    """Some rows, right-padded: R rows, L positions of the longest.

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
        layout = _lay_out(tokens, np.array(rows, np.int64)) if rows else _stand_in()
        self._places = torch.from_numpy(layout.places)
        self._trained = torch.from_numpy(layout.trained)
        self.is_spare = not rows
        """Whether nothing is learnt from it."""
        self.mask = self._trained.to(device)
        """(R, L - 1) bool: positions whose next token is trained on."""
        self.inputs = {
            "sequences": torch.from_numpy(layout.sequences).to(device),
            "attention_mask": torch.from_numpy(layout.attention).to(device),
            "action_mask": self.mask,
        }
        """Arguments of OpenRLHF's Actor."""
        self.weights = torch.from_numpy(layout.weights).to(device)
        """(R, 1): each row's share of its episode's sampled tokens."""

    def gather(self, flat: Tensor) -> Tensor:
        """(R, L - 1) values of the trained tokens out of (T,) ones of the share."""
        return torch.where(self._trained, flat[self._places], 0).to(self._device)

    def scatter(self, values: Tensor, flat: Tensor) -> None:
        """Write (R, L - 1) values of the trained tokens into (T,) ones of the share."""
        flat[self._places[self._trained]] = values[self.mask].to(flat)


@dataclass(frozen=True, slots=True)
class _Layout:
    sequences: NDArray[np.int64]
    attention: NDArray[np.int64]
    places: NDArray[np.int64]
    """(R, L - 1): where in the share each position's next token is."""
    trained: NDArray[np.bool_]
    weights: NDArray[np.float32]


def _lay_out(tokens: TokenBatch, rows: NDArray[np.int64]) -> _Layout:
    starts = tokens.starts[rows]
    lengths = tokens.starts[rows + 1] - starts
    places = np.arange(int(lengths.max())) + np.zeros((len(rows), 1), np.int64)
    inside = places < lengths[:, None]
    places = np.where(inside, places + starts[:, None], 0)
    trained = inside & tokens.mask[places]
    if trained[:, 0].any():
        raise ValueError("a row begins with a sampled token: nothing says what it follows")
    return _Layout(
        sequences=np.where(inside, tokens.ids[places], 0).astype(np.int64),
        attention=inside.astype(np.int64),
        places=places[:, 1:].copy(),
        trained=trained[:, 1:].copy(),
        weights=tokens.weights[rows][:, None],
    )


def _stand_in() -> _Layout:
    """A row of two tokens, none of them trained on."""
    none = np.zeros((1, 1), np.bool_)
    return _Layout(
        sequences=np.zeros((1, 2), np.int64),
        attention=np.ones((1, 2), np.int64),
        places=np.zeros((1, 1), np.int64),
        trained=none,
        weights=np.zeros((1, 1), np.float32),
    )


@torch.no_grad()
def entropy_of(output: Any) -> Tensor:
    """Entropy at each position, nats; rows one by one, since logits are large."""
    rows = []
    for logits in output["logits"][:, :-1]:
        log_probs = torch.log_softmax(logits, dim=-1)
        rows.append(-(log_probs.exp() * log_probs).sum(-1))
    return torch.stack(rows)
