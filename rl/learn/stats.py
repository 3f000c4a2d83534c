"""Sums over the micro-batches of a step, by lag, turned into means over all ranks."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from rl.errors import NotFiniteError

TOKEN_SUMS = (
    "tokens", "entropy", "policy_kl", "clipped", "kl", "kl_tokens",
    "compared", "gap", "k3", "weight", "weight_squared", "masked", "capped",
)  # fmt: skip
"""What is summed over trained tokens; `compared` and what follows it: of those whose logprobs from
before the update are known."""


class StepSums:
    """Collects one rank's numbers during a step; `summary` makes them global.

    Args:
        lags: how many lags there are: the largest, in policy versions, and one.
    """

    def __init__(self, lags: int) -> None:
        self._sums = torch.zeros(len(TOKEN_SUMS), lags, dtype=torch.double)
        self._loss = 0.0
        self._grad_norms: list[float] = []
        self._learning_rate = 0.0

    def add(self, loss: float, lags: Tensor, values: Mapping[str, Tensor]) -> None:
        """Add a micro-batch.

        Args:
            loss: its part of the mini-batch's loss.
            lags: (tokens,) int, of the trained tokens.
            values: (tokens,) of each, by the names of `TOKEN_SUMS`.
        """
        self._loss += loss
        names = [TOKEN_SUMS.index(name) for name in values]
        stacked = torch.stack([of_tokens.double() for of_tokens in values.values()])
        sums = stacked.new_zeros(len(names), self._sums.shape[1]).index_add_(1, lags, stacked)
        self._sums[names] += sums.cpu()

    def finish_update(self, grad_norm: float, learning_rate: float) -> None:
        """Note an optimizer step."""
        if not math.isfinite(grad_norm):
            raise NotFiniteError(
                f"the gradient norm is {grad_norm}: lower learner.lr, or look at "
                "rollout_logprob_gap and entropy in the steps before"
            )
        self._grad_norms.append(grad_norm)
        self._learning_rate = learning_rate

    def summary(self, reduce: Callable[[Tensor], Tensor], *, epochs: int) -> dict[str, Any]:
        """Means over every trained token of the step, on all ranks; a mean of nothing is None."""
        flat = torch.cat([self._sums.flatten(), torch.tensor([self._loss], dtype=torch.double)])
        flat = reduce(flat)
        sums = flat[:-1].view(self._sums.shape)
        updates = len(self._grad_norms)
        whole = _means(sums.sum(1))
        by_lag = {str(lag): _means(sums[:, lag]) for lag in range(sums.shape[1])}
        trained = sums[0] / epochs
        tokens = float(trained.sum())
        lags = [lag for lag in range(len(trained)) if trained[lag]]
        return {
            "loss": float(flat[-1]) / updates if updates else None,
            "entropy": whole["entropy"],
            "kl": whole["kl"],
            "policy_kl": whole["policy_kl"],
            "clip_fraction": whole["clip_fraction"],
            # Of fresh tokens alone: those of older versions differ because the policy has moved.
            "rollout_logprob_gap": by_lag["0"]["rollout_logprob_gap"],
            "grad_norm": sum(self._grad_norms) / updates if updates else None,
            "optimizer_steps": float(updates),
            "lr": self._learning_rate if updates else None,
            "lag_mean": sum(lag * float(trained[lag]) for lag in lags) / tokens if lags else None,
            "lag_max": max(lags, default=None),
            "correction": {name: whole[name] for name in CORRECTION}
            | {
                "by_lag": {
                    str(lag): {"tokens": round(float(trained[lag]))}
                    | {name: by_lag[str(lag)][name] for name in BY_LAG}
                    for lag in lags
                }
            },
            "tokens": {"trained": round(tokens)},
        }


CORRECTION = ("k3", "ess", "masked", "capped")
BY_LAG = (*CORRECTION, "clip_fraction", "rollout_logprob_gap")


def _means(sums: Tensor) -> dict[str, float | None]:
    of = dict(zip(TOKEN_SUMS, sums.tolist(), strict=True))

    def mean(name: str, count: str) -> float | None:
        return of[name] / of[count] if of[count] else None

    # Kish's effective sample size, as a share: 1 where the correction weighs all tokens the same.
    mean_weight = mean("weight", "compared")
    return {
        "entropy": mean("entropy", "tokens"),
        "policy_kl": mean("policy_kl", "tokens"),
        "clip_fraction": mean("clipped", "tokens"),
        "kl": mean("kl", "kl_tokens"),
        "rollout_logprob_gap": mean("gap", "compared"),
        "k3": mean("k3", "compared"),
        "ess": mean_weight and mean_weight * of["weight"] / of["weight_squared"],
        "masked": mean("masked", "compared"),
        "capped": mean("capped", "compared"),
    }
