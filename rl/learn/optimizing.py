"""What OpenRLHF's strategy is told of the optimizer and the learning rate's schedule."""

from typing import Any

from rl.config import LearnerConfig


def optimizer_settings(
    config: LearnerConfig, *, steps: int, optimizer_steps_per_rollout: int
) -> dict[str, Any]:
    """The settings of `strategy.prepare`.

    Args:
        config: how the policy is updated.
        steps: rollout steps of the whole run.
        optimizer_steps_per_rollout: optimizer steps of each of them.
    """
    total = steps * optimizer_steps_per_rollout
    return {
        "optim": "adam",
        "adam": {
            "lr": config.lr,
            "betas": config.betas,
            "eps": 1e-8,
            "weight_decay": config.weight_decay,
        },
        "lr_scheduler": "constant_with_warmup",
        # The strategy rounds the product of these two up; half a step keeps it exact.
        "lr_warmup_ratio": max(0.0, warmup_steps(config, optimizer_steps_per_rollout) - 0.5)
        / total,
        "max_norm": config.max_grad_norm,
        "scheduler_steps": total,
    }


def warmup_steps(config: LearnerConfig, optimizer_steps_per_rollout: int) -> int:
    """Optimizer steps of the warm-up."""
    return config.warmup_steps * optimizer_steps_per_rollout
