"""How samples are laid out in padded tensors, and what is read off them again."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from rl.learn.batching import TrainBatch


class Scatter:
    """Puts per-sample values of response tokens into the padded layout of a micro-batch."""

    def __init__(self, mask: Tensor, samples: Sequence[int]) -> None:
        self._mask = mask
        self._samples = samples

    def __call__(self, values: dict[int, Tensor]) -> Tensor:
        flat = torch.cat([values[sample] for sample in self._samples])
        padded = torch.zeros(self._mask.shape, device=self._mask.device)
        padded[self._mask] = flat.to(self._mask.device)
        return padded

    def gap(self, logprobs: Tensor, batch: TrainBatch) -> Tensor:
        """|learner - engine| of each response token of fresh samples, flat.

        `logprobs` must be those before the update: later ones differ because the policy moved.
        """
        engine = self({i: torch.tensor(batch.rollout_logprobs[i]) for i in self._samples})
        fresh = torch.tensor([batch.fresh[i] for i in self._samples], device=self._mask.device)
        return (logprobs - engine)[self._mask & fresh[:, None]].abs()


def pad(batch: TrainBatch, samples: Sequence[int], device: torch.device) -> dict[str, Tensor]:
    """Right-padded inputs of OpenRLHF's Actor: (rows, longest) tokens and masks.

    The action mask, (rows, longest - 1), marks the positions whose next token is a response token.
    """
    longest = max(batch.tokens(sample) for sample in samples)
    sequences = torch.zeros(len(samples), longest, dtype=torch.long)
    attention = torch.zeros(len(samples), longest, dtype=torch.long)
    action = torch.zeros(len(samples), longest - 1, dtype=torch.bool)
    for row, sample in enumerate(samples):
        prompt, response = batch.prompt_ids[sample], batch.response_ids[sample]
        end = len(prompt) + len(response)
        sequences[row, :end] = torch.tensor(prompt + response)
        attention[row, :end] = 1
        action[row, len(prompt) - 1 : end - 1] = True
    return {
        "sequences": sequences.to(device),
        "attention_mask": attention.to(device),
        "action_mask": action.to(device),
    }


@torch.no_grad()
def entropy_of(output: Any) -> Tensor:
    """Entropy at each position, nats; rows one by one, since logits are large."""
    rows = []
    for logits in output["logits"][:, :-1]:
        log_probs = torch.log_softmax(logits, dim=-1)
        rows.append(-(log_probs.exp() * log_probs).sum(-1))
    return torch.stack(rows)
