"""Policy losses, and how the losses of tokens become one of a batch.

With r = pi / pi_old of a token, A its advantage, w its correction (`rl.learn.correction`), e- and
e+ the settings `clip_low` and `clip_high`, sg a value without its gradient:

    ppo    -w min(r A, clip(r, 1 - e-, 1 + e+) A)   arXiv:1707.06347; e+ > e-: arXiv:2503.14476
           with dual_clip = c: at most -w c A where A < 0                   arXiv:1912.09729
    gspo   as ppo, with the row's s = exp(mean log r) for r                 arXiv:2507.18071
    cispo  -w sg(clip(r, 1 - e-, 1 + e+)) A log pi                          arXiv:2506.13585
    gmpo   -w s A with s = exp(mean over the row of min(log r, e+) where A >= 0, of
           max(log r, -e-) where A < 0)                                     arXiv:2507.20673

ppo is OpenRLHF's `PolicyLoss`. In gspo and gmpo each token has the row's s with its own gradient
(sg(s) r / sg(r): GSPO-token, section 4.3 of its paper), so that a token which the correction drops,
or whose advantage is another, is weighed by itself. Where w = 1 and A is the same in the whole row,
values and gradients are the papers'.

A loss is summed over tokens and divided by a number of the whole mini-batch (`Norm`): its trained
tokens (`token-mean`), its episodes after each one's own mean (`sequence-mean`, and gspo and gmpo
always), or its episodes x max_response_tokens (`constant`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from rl.config import LearnerConfig
from rl.learn.openrlhf_parts import PolicyLoss, aggregate_loss, compute_approx_kl

LOG_BOUND = 20.0
"""log r is kept within this, as OpenRLHF does."""


@dataclass(frozen=True, slots=True)
class Norm:
    """What turns a micro-batch's tokens into its part of the mini-batch's loss."""

    by_token: bool
    ranks: int
    """DeepSpeed averages gradients over them; losses are multiplied by it."""
    tokens: float
    """What token sums are divided by."""
    episodes: float
    """What sums of episodes' means are divided by."""
    weights: Tensor
    """(rows, 1): each row's share of its episode's trained tokens."""

    @property
    def arguments(self) -> Mapping[str, float]:
        """For OpenRLHF."""
        return {
            "dp_size": self.ranks,
            "batch_num_tokens": self.tokens,
            "global_batch_size": self.episodes,
        }

    def weigh(self, values: Tensor) -> Tensor:
        """Values of tokens, such that a mean over rows becomes one over episodes."""
        return values if self.by_token else values * self.weights

    def __call__(self, values: Tensor, mask: Tensor) -> Tensor:
        """The part of the loss that these (rows, positions) values are."""
        loss: Tensor = aggregate_loss(
            self.weigh(values), mask.float(), token_level_loss=self.by_token, **self.arguments
        )
        return loss


Loss = Callable[[Tensor, Tensor, Tensor, Tensor, Tensor, Norm], tuple[Tensor, Tensor]]
"""(logprobs, old logprobs, advantages, corrections, mask, norm) -> (loss, bool: clipped tokens).

Tensors are (rows, positions)."""


def is_by_token(config: LearnerConfig) -> bool:
    """Whether tokens weigh the same in whatever episode they are."""
    return config.loss in ("ppo", "cispo") and config.loss_aggregation != "sequence-mean"


def make_loss(config: LearnerConfig) -> Loss:
    """The loss of `learner.loss`."""
    low, high = config.clip_low, config.clip_high
    if config.loss == "ppo":
        return _ppo(low, high, config.dual_clip, by_token=is_by_token(config))
    of_tokens = {"gspo": _gspo, "cispo": _cispo, "gmpo": _gmpo}[config.loss]

    def loss(
        logprobs: Tensor, old: Tensor, advantages: Tensor, weights: Tensor, mask: Tensor, norm: Norm
    ) -> tuple[Tensor, Tensor]:
        values, clipped = of_tokens(logprobs, old, advantages, mask, low, high)
        return norm(weights * values, mask), clipped & mask

    return loss


def _ppo(low: float, high: float, dual: float | None, *, by_token: bool) -> Loss:
    openrlhf = PolicyLoss(low, high, dual_clip=dual, token_level_loss=by_token)

    def loss(
        logprobs: Tensor, old: Tensor, advantages: Tensor, weights: Tensor, mask: Tensor, norm: Norm
    ) -> tuple[Tensor, Tensor]:
        # The loss is homogeneous in the advantage, so that factors of one are factors of the other.
        pushes = norm.weigh(weights * advantages)
        found = openrlhf(logprobs, old, pushes, action_mask=mask.float(), **norm.arguments)
        total: Tensor = found[0]
        ratio = _log_ratio(logprobs.detach(), old, mask).exp()
        clipped = ratio.clamp(1 - low, 1 + high) * advantages < ratio * advantages
        if dual is not None:
            clipped = clipped | ((advantages < 0) & (ratio > dual))
        return total, clipped & mask

    return loss


def _gspo(
    logprobs: Tensor, old: Tensor, advantages: Tensor, mask: Tensor, low: float, high: float
) -> tuple[Tensor, Tensor]:
    ratio = _by_row(_log_ratio(logprobs, old, mask), mask)
    free, bound = ratio * advantages, ratio.clamp(1 - low, 1 + high) * advantages
    return -torch.min(free, bound), bound < free


def _cispo(
    logprobs: Tensor, old: Tensor, advantages: Tensor, mask: Tensor, low: float, high: float
) -> tuple[Tensor, Tensor]:
    ratio = _log_ratio(logprobs.detach(), old, mask).exp()
    bound = ratio.clamp(1 - low, 1 + high)
    return -bound * advantages * logprobs, bound != ratio


def _gmpo(
    logprobs: Tensor, old: Tensor, advantages: Tensor, mask: Tensor, low: float, high: float
) -> tuple[Tensor, Tensor]:
    logs = _log_ratio(logprobs, old, mask)
    bound = torch.where(advantages >= 0, logs.clamp(max=high), logs.clamp(min=-low))
    return -_by_row(bound, mask) * advantages, bound != logs


def _log_ratio(logprobs: Tensor, old: Tensor, mask: Tensor) -> Tensor:
    return torch.where(mask, (logprobs - old).clamp(-LOG_BOUND, LOG_BOUND), 0.0)


def _by_row(logs: Tensor, mask: Tensor) -> Tensor:
    """The row's geometric mean at each token, with the token's own gradient."""
    mean = logs.detach().sum(-1, keepdim=True) / mask.sum(-1, keepdim=True).clamp(min=1)
    return mean.exp() * (logs - logs.detach()).exp()


def kl_to_reference(logprobs: Tensor, reference: Tensor, sampled: Tensor, estimator: str) -> Tensor:
    """KL(pi || reference) of each token, nats, for the loss.

    The value is the estimator's (k1, k2 or k3, joschu.net/blog/kl-approx.html); the gradient is for
    all of them the unbiased one of the reverse KL, w log(pi / reference) grad log pi with
    w = pi / sampled, at most 10 (OpenRLHF's `unbiased_gradient`; arXiv:2512.02556, section 3.1).
    """
    kl: Tensor = compute_approx_kl(
        logprobs, reference, sampled, kl_estimator=estimator, unbiased_gradient=True
    )
    return kl
