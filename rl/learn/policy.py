"""The policy in the learner: a network that DeepSpeed trains."""

from dataclasses import dataclass
from typing import Any

from torch import nn

from rl.config import LearnerConfig, ModelConfig
from rl.learn.actor import PolicyActor
from rl.learn.loading import load_actor
from rl.learn.openrlhf_parts import DeepspeedStrategy
from rl.learn.optimizing import optimizer_settings, warmup_steps
from rl.learn.slices import Slices


@dataclass(frozen=True, slots=True)
class Policy:
    """A trainable policy."""

    actor: PolicyActor
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


def load_policy(
    strategy: DeepspeedStrategy,
    model: ModelConfig,
    config: LearnerConfig,
    *,
    temperature: float,
    slices: Slices,
    optimizer_steps_per_rollout: int,
    steps: int,
) -> Policy:
    """Load the model for training."""
    ds_config = strategy.get_ds_train_config()
    actor = load_actor(strategy, model, config, temperature, ds_config, slices)
    if config.gradient_checkpointing:
        actor.gradient_checkpointing_enable()
    settings = optimizer_settings(
        config, steps=steps, optimizer_steps_per_rollout=optimizer_steps_per_rollout
    )
    actor, optimizer, scheduler = strategy.prepare((actor, settings))
    if warmup_steps(config, optimizer_steps_per_rollout):
        # Without this the first update would be made at a learning rate of zero.
        scheduler.step()
    return Policy(actor, optimizer, scheduler)


def load_reference(
    strategy: DeepspeedStrategy,
    model: ModelConfig,
    config: LearnerConfig,
    *,
    temperature: float,
    slices: Slices,
) -> PolicyActor:
    """Load the same model for evaluation only."""
    ds_config = strategy.get_ds_eval_config()
    actor = load_actor(strategy, model, config, temperature, ds_config, slices)
    reference: PolicyActor = strategy.prepare(actor)
    reference.eval()
    return reference
