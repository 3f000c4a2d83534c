"""Sums over the micro-batches of a step, turned into means over all ranks."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from rl.errors import LearnerError


class StepStats:
    """Collects one rank's numbers during a step; `summary` makes them global."""

    def __init__(self) -> None:
        self._sums: dict[str, float] = dict.fromkeys(
            ("loss", "tokens", "clipped", "policy_kl", "entropy", "kl", "kl_tokens", "gap",
             "gap_tokens"), 0.0
        )  # fmt: skip
        self._grad_norms: list[float] = []
        self._learning_rate = 0.0

    def add_micro_batch(
        self,
        mask: Tensor,
        *,
        loss: Tensor,
        clip_ratio: Tensor,
        policy_kl: Tensor,
        entropy: Tensor,
        kl: Tensor | None,
        gap: Tensor,
    ) -> None:
        """Add a micro-batch; `entropy` and `kl` are (rows, positions), `gap` is flat."""
        tokens = float(mask.sum())
        sums = self._sums
        sums["loss"] += float(loss)
        sums["tokens"] += tokens
        sums["clipped"] += float(clip_ratio) * tokens
        sums["policy_kl"] += float(policy_kl) * tokens
        sums["entropy"] += float(entropy[mask].sum())
        sums["gap"] += float(gap.sum())
        sums["gap_tokens"] += gap.numel()
        if kl is not None:
            sums["kl"] += float(kl[mask].sum())
            sums["kl_tokens"] += tokens

    def finish_update(self, grad_norm: float, learning_rate: float) -> None:
        """Note an optimizer step."""
        if not math.isfinite(grad_norm):
            raise LearnerError(
                f"the gradient norm is {grad_norm}: lower learner.lr, or look at "
                "rollout_logprob_gap and entropy in the steps before"
            )
        self._grad_norms.append(grad_norm)
        self._learning_rate = learning_rate

    def summary(self, reduce: Callable[[Tensor], Tensor]) -> dict[str, float | None]:
        """Means over every response token of the step, on all ranks; a mean of nothing is None."""
        names = list(self._sums)
        totals = reduce(torch.tensor([self._sums[name] for name in names], dtype=torch.double))
        sums = dict(zip(names, totals.tolist(), strict=True))

        def mean(name: str, count: str) -> float | None:
            return sums[name] / sums[count] if sums[count] else None

        updates = len(self._grad_norms)
        return {
            "loss": sums["loss"] / updates,
            "entropy": mean("entropy", "tokens"),
            "kl": mean("kl", "kl_tokens"),
            "policy_kl": mean("policy_kl", "tokens"),
            "clip_fraction": mean("clipped", "tokens"),
            "rollout_logprob_gap": mean("gap", "gap_tokens"),
            "grad_norm": sum(self._grad_norms) / updates,
            "optimizer_steps": float(updates),
            "lr": self._learning_rate,
        }
