"""What a sampled token's gradient is multiplied by, because another policy sampled it.

rho = pi_old / pi_rollout, token by token, detached: the learner's policy before the update over the
one that sampled, which had older weights (lag) and other kernels (vLLM against the trainer). PPO's
own ratio, pi / pi_old, stays beside it: the decoupled objective of arXiv:2110.00641 and
arXiv:2505.24298.

    none      1
    tis       min(rho, cap)                     arXiv:1802.01561 (the truncation), for rollouts:
                                                fengyao.notion.site/off-policy-rl
    icepop    rho if low <= rho <= high, else 0                             arXiv:2510.18855
    sequence  rho if low <= exp(mean over the row of log rho) <= high, else 0
                                                OpenRLHF 0.11.2, `is_correction_level=seq`
    dppo      0 if A > 0 and p - q > threshold or A < 0 and p - q < -threshold, else min(rho, cap),
              with p = pi_old, q = pi_rollout                arXiv:2602.04879 (binary TV)
    bypass    1, and pi_rollout stands for pi_old in the ratio: plain PPO on what was recorded

Losses are divided by the trained tokens of the mini-batch before the correction, so that a token
which is dropped never raises the weight of another. Where learner and rollout agree, every kind
gives 1.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from rl.config import CorrectionConfig

LOG_BOUND = 20.0
"""log rho is kept within this, so that its exponential and that squared are finite."""


@dataclass(frozen=True, slots=True)
class Corrected:
    """Per token, (rows, positions); outside of the mask weights are 0 and nothing is marked."""

    weights: Tensor
    """float32, not negative."""
    masked: Tensor
    """bool: dropped, the weight is 0."""
    capped: Tensor
    """bool: kept, at the cap instead of at rho."""


@torch.no_grad()
def log_rho(learner: Tensor, rollout: Tensor, mask: Tensor) -> Tensor:
    """log(pi_old / pi_rollout) inside the mask, 0 outside, whatever stands there."""
    difference = (learner.float() - rollout.float()).clamp(-LOG_BOUND, LOG_BOUND)
    return torch.where(mask, difference, 0.0)


@torch.no_grad()
def correct(
    config: CorrectionConfig, learner: Tensor, rollout: Tensor, advantages: Tensor, mask: Tensor
) -> Corrected:
    """The weights by `config.kind`.

    Args:
        config: kind and bounds.
        learner: (rows, positions) logprobs of the learner's policy before the update, nats.
        rollout: (rows, positions) logprobs recorded when the tokens were sampled, nats.
        advantages: (rows, positions).
        mask: (rows, positions) bool, the trained tokens; a row is a sequence.
    """
    if config.kind in ("none", "bypass"):
        keep, capped = mask, torch.zeros_like(mask)
        return Corrected(mask.float(), mask & ~keep, capped)
    logs = log_rho(learner, rollout, mask)
    rho = logs.exp()
    keep, weights = mask, rho
    if config.kind == "icepop":
        keep = mask & (rho >= config.low) & (rho <= config.high)
    elif config.kind == "sequence":
        mean = (logs.sum(-1, keepdim=True) / mask.sum(-1, keepdim=True).clamp(min=1)).exp()
        keep = mask & (mean >= config.low) & (mean <= config.high)
    elif config.kind == "dppo":
        moved = torch.where(mask, learner.float().exp() - rollout.float().exp(), 0.0)
        too_far = ((advantages > 0) & (moved > config.threshold)) | (
            (advantages < 0) & (moved < -config.threshold)
        )
        keep = mask & ~too_far
    capped = torch.zeros_like(mask)
    if config.kind in ("tis", "dppo"):
        capped = keep & (rho > config.cap)
        weights = rho.clamp(max=config.cap)
    return Corrected(torch.where(keep, weights, 0.0), mask & ~keep, capped)
