"""The policy in the learner: a network that DeepSpeed trains."""

from dataclasses import dataclass
from typing import Any

from torch import nn

from rl.config import LearnerConfig, ModelConfig
from rl.learn.actor import PolicyActor
from rl.learn.loading import load_actor
from rl.learn.openrlhf_parts import DeepspeedStrategy
from rl.learn.optimizing import Rates, optimizer_settings
from rl.learn.slices import Slices


@dataclass(frozen=True, slots=True)
class Policy:
    """A trainable policy."""

    actor: PolicyActor
    """Its `model` is the DeepSpeed engine."""
    optimizer: Any
    scheduler: Any
    rates: Rates
    """Of each update."""

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
    steps: int,
) -> Policy:
    """Load the model for training; `steps` are the run's rollout steps."""
    ds_config = strategy.get_ds_train_config()
    actor = load_actor(strategy, model, config, temperature, ds_config, slices)
    if config.gradient_checkpointing:
        actor.gradient_checkpointing_enable()
    actor, optimizer, scheduler = strategy.prepare((actor, optimizer_settings(config)))
    return Policy(actor, optimizer, scheduler, Rates(config, steps, optimizer))


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
    actor._offload = config.param_offload  # OpenRLHF's switch for models that are not trained
    reference: PolicyActor = strategy.prepare(actor)
    reference.eval()
    return reference
