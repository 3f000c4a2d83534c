"""The policy in the learner: loaded, wrapped by OpenRLHF's Actor, prepared by DeepSpeed."""

import importlib.util
from argparse import Namespace
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
from torch import nn

from rl.config import LearnerConfig, ModelConfig
from rl.cuda_strategy import CudaDeepspeedStrategy
from rl.errors import ModelError
from rl.hardware import Hardware
from rl.learn.openrlhf_parts import Actor, DeepspeedStrategy


@dataclass(frozen=True, slots=True)
class Policy:
    """A trainable policy."""

    actor: Actor
    """Its `model` is the DeepSpeed engine."""
    optimizer: Any
    scheduler: Any

    @property
    def engine(self) -> Any:
        """The DeepSpeed engine."""
        return self.actor.model

    @property
    def module(self) -> nn.Module:
        """The Hugging Face model."""
        module: nn.Module = self.actor.model.module
        return module


def make_strategy(
    hardware: Hardware, config: LearnerConfig, *, dtype: str, seed: int, world_size: int
) -> DeepspeedStrategy:
    """OpenRLHF's strategy for this hardware, with its process group formed."""
    args = Namespace(
        ds=Namespace(
            param_dtype=dtype,
            zero_stage=config.zero_stage,
            adam_offload=config.optimizer_offload,
            tensor_parallel_size=1,
        ),
        train=Namespace(dynamic_batch_enable=True),
        local_rank=-1 if hardware.is_cpu else 0,
    )
    strategy_class: type[DeepspeedStrategy] = CudaDeepspeedStrategy
    if hardware.is_cpu:
        from rl.cpu_strategy import CpuDeepspeedStrategy

        strategy_class = CpuDeepspeedStrategy
        # OpenRLHF compiles its entropy kernel; on a CPU the compiler costs more than it saves.
        torch.compiler.set_stance("force_eager")
    strategy = strategy_class(
        seed=seed,
        max_norm=config.max_grad_norm,
        micro_train_batch_size=1,
        train_batch_size=world_size,
        zero_stage=config.zero_stage,
        args=args,
    )
    strategy.setup_distributed(timeout=timedelta(seconds=config.deadline))
    return strategy


def load_policy(
    strategy: DeepspeedStrategy,
    model: ModelConfig,
    config: LearnerConfig,
    *,
    temperature: float,
    optimizer_steps_per_rollout: int,
    steps: int,
) -> Policy:
    """Load the model for training."""
    ds_config = strategy.get_ds_train_config()
    actor = _load_actor(strategy, model, config, temperature, ds_config)
    if config.gradient_checkpointing:
        actor.gradient_checkpointing_enable()
    total = steps * optimizer_steps_per_rollout
    warmup = config.warmup_steps * optimizer_steps_per_rollout
    settings = {
        "optim": "adam",
        "adam": {
            "lr": config.lr,
            "betas": config.betas,
            "eps": 1e-8,
            "weight_decay": config.weight_decay,
        },
        "lr_scheduler": "constant_with_warmup",
        # The strategy rounds the product of these two up; half a step keeps it exact.
        "lr_warmup_ratio": max(0.0, warmup - 0.5) / total,
        "max_norm": config.max_grad_norm,
        "scheduler_steps": total,
    }
    actor, optimizer, scheduler = strategy.prepare((actor, settings))
    if warmup:
        # Without this the first update would be made at a learning rate of zero.
        scheduler.step()
    return Policy(actor, optimizer, scheduler)


def load_reference(
    strategy: DeepspeedStrategy, model: ModelConfig, config: LearnerConfig, *, temperature: float
) -> Actor:
    """Load the same model for evaluation only."""
    ds_config = strategy.get_ds_eval_config()
    actor = _load_actor(strategy, model, config, temperature, ds_config)
    reference: Actor = strategy.prepare(actor)
    reference.eval()
    return reference


def _load_actor(
    strategy: DeepspeedStrategy,
    model: ModelConfig,
    config: LearnerConfig,
    temperature: float,
    ds_config: dict[str, Any],
) -> Actor:
    from transformers import AutoModelForCausalLM
    from transformers.integrations.deepspeed import HfDeepSpeedConfig

    # Kept alive while loading: under ZeRO-3 transformers then creates the weights in shards.
    sharded_loading = HfDeepSpeedConfig(ds_config) if strategy.stage == 3 else None
    dtype = torch.bfloat16 if strategy.param_dtype == "bf16" else torch.float32
    try:
        network = AutoModelForCausalLM.from_pretrained(
            model.path,
            dtype=dtype,
            attn_implementation=attention(model.attention),
            trust_remote_code=model.trust_remote_code,
        )
    except (OSError, ValueError) as error:
        raise ModelError(_explain(model.path, error)) from error
    del sharded_loading
    network.config.use_cache = False
    actor = Actor(network, temperature=temperature)
    actor.packing_samples = config.packing
    return actor


def attention(choice: str) -> str:
    """Resolve `model.attention`."""
    if choice != "auto":
        return choice
    # The fallback of rl/learn/flash_attn_fallback.py has no file; the real package has one.
    spec = importlib.util.find_spec("flash_attn")
    return "flash_attention_2" if spec is not None and spec.origin else "sdpa"


def _explain(path: str, error: Exception) -> str:
    reason = str(error).strip().splitlines()[0]
    if Path(path).exists():
        return f"the model in {path} cannot be loaded: {reason}"
    return (
        f"the model {path!r} is neither a local folder nor to be had from the Hugging Face hub "
        f"({reason}); check model.path"
    )
