"""From rewards to per-token advantages: REINFORCE++ and its relatives.

Every estimator is a baseline over the group, a token-level return, and perhaps a normalisation over
the whole batch:

    reinforce++           r                     return-to-go, batch mean and std   arXiv:2501.03262
    reinforce++-baseline  r - mean(group)       return-to-go, batch mean and std   arXiv:2501.03262
    rloo                  r - mean(the others)  return-to-go                       arXiv:2402.14740
    grpo                  (r - mean) / std      return-to-go                       arXiv:2402.03300
    dr_grpo               r - mean(group)       return-to-go                       arXiv:2503.20783

A KL penalty in the reward enters token by token before the return is summed. What turns earn by
themselves has the same baselines, turn by turn: the return of a turn is compared with those of the
group's samples that had such a turn. A baseline of what is known before a turn leaves the expected
gradient as it is (Sutton and Barto, 2nd edition, section 13.4). Groups may have different sizes,
because ungradable answers are left out. Numbers agree with OpenRLHF 0.11.2's experience maker on
the same inputs.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

Reduce = Callable[[Tensor], Tensor]
"""Sums a tensor over all data-parallel ranks."""


def shape_rewards(rewards: Tensor, groups: Tensor, estimator: str) -> Tensor:
    """Subtract the estimator's baseline.

    Args:
        rewards: (samples,) float.
        groups: (samples,) int; samples of one prompt share a number.
        estimator: a name of the module's table.

    Returns:
        (samples,) float32. A group of one sample, which has nothing to be compared with, gets 0
        under every estimator with a baseline.
    """
    if estimator == "reinforce++":
        return rewards.float()
    # In double precision, so that the rounding of equal rewards is not divided by its own std.
    rewards = rewards.double()
    _, member = torch.unique(groups, return_inverse=True)
    count = torch.bincount(member).double()
    total = torch.zeros_like(count).index_add_(0, member, rewards)
    mean, size = (total / count)[member], count[member]
    centred = rewards - mean
    if estimator == "rloo":
        return (centred * size / (size - 1).clamp(min=1)).float()
    if estimator == "grpo":
        squares = torch.zeros_like(count).index_add_(0, member, centred**2)
        std = (squares / (count - 1).clamp(min=1)).sqrt()[member]
        return (centred / (std + 1e-9)).float()
    return centred.float()


def shape_turn_rewards(earned: Tensor, groups: Tensor, estimator: str) -> Tensor:
    """Subtract the estimator's baseline from what turns earn by themselves.

    Args:
        earned: (samples, turns) float; nan where a sample had no such turn.
        groups: (samples,) int; samples of one prompt share a number.
        estimator: a name of the module's table.

    Returns:
        (samples, turns) float32: rewards whose sum from a turn on is what `shape_rewards` makes of
        the return of that turn, among the samples of the group that had it; 0 where there was none.
    """
    had = ~earned.isnan()
    returns = earned.double().nan_to_num().flip(1).cumsum(1).flip(1)
    count = earned.shape[1]
    alike = groups.long()[:, None] * count + torch.arange(count)
    shaped = torch.zeros_like(returns)
    shaped[had] = shape_rewards(returns[had], alike[had], estimator).double()
    following = torch.cat([shaped[:, 1:], torch.zeros_like(shaped[:, :1])], dim=1)
    return (shaped - following).float()


def token_advantages(
    shaped: Tensor,
    lengths: Sequence[int],
    estimator: str,
    *,
    reduce: Reduce,
    token_kl: Sequence[Tensor] | None = None,
    kl_coef: float = 0.0,
    turn_rewards: Sequence[Tensor] | None = None,
) -> list[Tensor]:
    """Advantage of every response token.

    Args:
        shaped: (samples,) output of `shape_rewards` for this rank's samples.
        lengths: response tokens of each sample.
        reduce: sum over ranks, for the batch statistics.
        token_kl: KL of each response token to the reference model, (length,) a sample, nats.
        kl_coef: weight of that penalty.
        turn_rewards: what is earned at single response tokens, (length,) a sample, with its
            baseline subtracted.

    Returns:
        One float32 tensor (length,) a sample: the undiscounted return from that token on,
        normalised over every token of the batch where the estimator asks for it.
    """
    returns = []
    for i, length in enumerate(lengths):
        reward = torch.zeros(length)
        if token_kl is not None:
            reward -= kl_coef * token_kl[i].float()
        if turn_rewards is not None:
            reward += turn_rewards[i]
        reward[-1] += shaped[i]
        returns.append(reward.flip(0).cumsum(0).flip(0))
    if not estimator.startswith("reinforce++"):
        return returns
    return _normalise(returns, reduce)


def _normalise(values: list[Tensor], reduce: Reduce) -> list[Tensor]:
    """Subtract the mean and divide by the standard deviation over all tokens of all ranks."""
    flat = torch.cat(values) if values else torch.zeros(0)
    flat = flat.double()
    count, total = reduce(
        torch.tensor([float(flat.numel()), float(flat.sum())], dtype=torch.double)
    )
    mean = total / count
    variance = reduce(((flat - mean) ** 2).sum().reshape(1))[0] / count
    scale = variance.clamp(min=1e-8).rsqrt()
    return [((value.double() - mean) * scale).float() for value in values]
