"""The optimizer: what OpenRLHF and DeepSpeed are told of it, and its learning rates.

Guarantees: every update is made at the rate that `rl.learn.schedule` gives; gradients of a bf16
model are added up in float32 from ZeRO stage 1 on, and its optimizer keeps float32 weights.
"""

from typing import Any

from rl.config import LearnerConfig
from rl.learn.schedule import lr_factor


def optimizer_settings(config: LearnerConfig) -> dict[str, Any]:
    """The settings of `strategy.prepare`.

    Rates are set before each update, so that OpenRLHF's schedule is the constant one.
    """
    muon = config.optimizer == "muon"
    return {
        "optim": "muon" if muon else "adam",
        "muon": {"lr": config.muon_lr, "momentum": config.muon_momentum},
        "adam": {
            "lr": config.lr,
            "betas": config.betas,
            "eps": 1e-8,
            "weight_decay": config.weight_decay,
        },
        "lr_scheduler": "constant",
        # DeepSpeed would clip what Muon has made of the gradient, whose norm is no gradient's.
        "max_norm": 0.0 if muon else config.max_grad_norm,
        "scheduler_steps": 1,
    }


class Rates:
    """Sets the learning rates of an optimizer.

    Args:
        config: peak rates and schedule.
        steps: rollout steps of the whole run.
        optimizer: DeepSpeed's; its parameter groups are looked up anew each time, since a
            checkpoint that is loaded replaces them.
    """

    def __init__(self, config: LearnerConfig, steps: int, optimizer: Any) -> None:
        self._config = config
        self._steps = steps
        self._optimizer = optimizer

    def set(self, *, step: int, update: int, updates: int) -> float:
        """Before an update: set its rates; returns AdamW's.

        Args:
            step: the rollout step, from 1.
            update: which of the step's optimizer steps, from 0.
            updates: how many it has.
        """
        config = self._config
        factor = lr_factor(config, self._steps, step=step, update=update, updates=updates)
        for group in self._optimizer.param_groups:
            group["lr"] = factor * (config.muon_lr if group.get("use_muon") else config.lr)
        return factor * config.lr


def gradient_type(config: LearnerConfig, dtype: str) -> str | None:
    """DeepSpeed's `grad_accum_dtype`; None leaves it at the model's."""
    return "fp32" if dtype == "bf16" and config.zero_stage > 0 else None


def adjust(ds_config: dict[str, Any], config: LearnerConfig, *, pin: bool) -> dict[str, Any]:
    """OpenRLHF's configuration of DeepSpeed, with what it has no option for.

    Args:
        ds_config: changed in place, and returned.
        config: how the policy is updated.
        pin: whether offloaded tensors lie in pinned memory.
    """
    zero = ds_config["zero_optimization"]
    if "offload_optimizer" in zero:
        zero["offload_optimizer"]["pin_memory"] = pin
    if config.param_offload:
        zero["offload_param"] = {"device": "cpu", "pin_memory": pin}
    return ds_config
