"""What the chunked head is compared with: OpenRLHF's own Actor, with all logits at once."""

from typing import Any

import torch
from torch import Tensor, nn

from rl.learn.head import Scores
from rl.learn.openrlhf_parts import Actor
from rl.learn.packing import Rows


class WholeLogits(Actor):
    """Takes the place of `rl.learn.actor.PolicyActor`; rows are padded, whatever is asked."""

    def __init__(self, network: nn.Module, *, temperature: float, **_: Any) -> None:
        super().__init__(network, temperature=temperature)
        self.packing_samples = False

    def forward(self, rows: Rows, *, entropy_gradient: bool = False) -> Scores:
        """As the other's."""
        lengths = rows.lengths.tolist()
        ids, trained = (pad(torch.from_numpy(part), lengths) for part in (rows.ids, rows.trained))
        attention = pad(torch.ones(len(rows.ids), dtype=torch.long), lengths)
        mask = trained[:, 1:]
        with torch.compiler.set_stance("force_eager"):
            logprobs, output = super().forward(
                ids, mask, attention, return_output=True, return_entropy=True
            )
        return Scores(logprobs[mask], output.entropy[mask])


def pad(values: Tensor, lengths: list[int]) -> Tensor:
    """Rows of these lengths, padded at their right."""
    return nn.utils.rnn.pad_sequence(list(values.split(lengths)), batch_first=True)
