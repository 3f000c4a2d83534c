"""From a run's settings to what the formulas of memory and time are given."""

from collections.abc import Sequence
from typing import Literal

from rl.config import RunConfig
from rl.plan.activations import Pass
from rl.plan.hardware import Gpu
from rl.plan.shape import Shape
from rl.plan.speed import Training
from rl.plan.states import BUCKET, States

NF4 = 0.53
"""Bytes a number of a base in 4 bits, its scales included."""
ALL_LINEAR = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
"""Layers that `all-linear` adapts."""


def width_of(config: RunConfig, gpu: Gpu) -> Literal[2, 4]:
    """Bytes of a weight, as `model.dtype` says."""
    choice = config.model.dtype
    if choice == "auto":
        return 2 if gpu.is_gpu else 4
    return 4 if choice == "fp32" else 2


def context_of(config: RunConfig) -> int:
    """Most tokens of a context."""
    rollout = config.rollout
    answers = [settings.max_tokens or 0 for settings in config.evaluation.values()]
    longest = rollout.max_prompt_tokens + max(rollout.max_response_tokens, *answers, 0)
    return max(longest, config.episode.tokens or 0)


def trained_context(config: RunConfig) -> int:
    """Most tokens of a row that is trained on."""
    rollout = config.rollout
    return config.episode.tokens or rollout.max_prompt_tokens + rollout.max_response_tokens


def adapter_parameters(shape: Shape, rank: int, targets: list[str]) -> float:
    """Of LoRA adapters: rank x (inputs + outputs) of each layer that has one."""
    sizes = {
        "q_proj": shape.hidden + shape.queries,
        "k_proj": shape.hidden + shape.keys,
        "v_proj": shape.hidden + shape.keys,
        "o_proj": shape.hidden + shape.queries,
    }
    dense = shape.layers - shape.sparse_layers
    inner = {
        "gate_proj": shape.hidden + shape.intermediate,
        "up_proj": shape.hidden + shape.intermediate,
        "down_proj": shape.hidden + shape.intermediate,
    }
    named = adapted(targets)
    of_attention = sum(sizes.get(name, 0) for name in named) * shape.layers
    return float(rank * (of_attention + sum(inner.get(name, 0) for name in named) * dense))


def adapted(targets: Sequence[str]) -> Sequence[str]:
    """The layers of a block that get an adapter."""
    return ALL_LINEAR if "all-linear" in targets else targets


def states_of(config: RunConfig, shape: Shape, gpu: Gpu, bucket: int = BUCKET) -> States:
    """What a learner rank holds."""
    learner, width = config.learner, width_of(config, gpu)
    trained, frozen, frozen_width = float(shape.parameters), 0.0, 0.0
    if learner.lora.on:
        trained = adapter_parameters(shape, learner.lora.rank, learner.lora.targets)
        frozen = float(shape.parameters)
        frozen_width = NF4 if learner.lora.quantize == "nf4" else float(width)
    return States(
        shape=shape,
        width=width,
        ranks=learner.ranks,
        stage=learner.zero_stage,
        trained=trained,
        frozen=frozen,
        frozen_width=frozen_width,
        moments=1 if learner.optimizer == "muon" else 2,
        offloads_optimizer=learner.optimizer_offload,
        offloads_weights=learner.param_offload,
        bucket=bucket,
        is_fused=gpu.is_gpu,
    )


def pass_of(config: RunConfig, shape: Shape, gpu: Gpu, rows: int = 2) -> Pass:
    """The largest micro-batch of a rank.

    Args:
        config: the run's.
        shape: of the model.
        gpu: of which kind.
        rows: samples in it; one alone needs no copies in torch's attention.
    """
    learner = config.learner
    shared = learner.sequence_parallel
    tokens = max(learner.micro_batch_tokens, -(-trained_context(config) // shared))
    choice = config.model.attention
    flash = choice == "flash_attention_2" or (choice == "auto" and gpu.is_gpu)
    return Pass(
        shape=shape,
        width=width_of(config, gpu),
        tokens=tokens,
        trained=tokens,
        head_rows=learner.head_chunk,
        checkpointing=learner.gradient_checkpointing,
        padded=0.0 if flash or not learner.packing or rows == 1 else PADDED,
        adapters=learner.lora.rank * len(adapted(learner.lora.targets)),
    )


PADDED = 1.1
"""Positions a token in blocks of like lengths, of at most 4/3 (rl/learn/packing.py)."""


def training_of(config: RunConfig) -> Training:
    """What is computed a token that is trained on."""
    learner = config.learner
    steps = -(-episodes(config) // learner.mini_batch_size) * learner.epochs
    reference = learner.kl.coef > 0
    in_reward = reference and learner.kl.placement == "reward"
    old = learner.correction.kind != "bypass" and (in_reward or steps > 1)
    return Training(
        checkpointing=learner.gradient_checkpointing,
        passes_before=int(reference) + int(old),
        epochs=learner.epochs,
        adapters=learner.lora.on,
    )


def merges(config: RunConfig, width: int) -> bool:
    """Whether adapters travel as whole weights, as `learner.lora.sync` says."""
    lora = config.learner.lora
    if lora.sync != "auto":
        return bool(lora.sync == "merge")
    return bool(width > 2 or lora.quantize != "none")


def episodes(config: RunConfig) -> int:
    """Answers that a step trains on."""
    return config.sampler.prompts_per_step * config.sampler.samples_per_prompt


def passes_of(config: RunConfig, tokens: float, micro: Pass) -> int:
    """Micro-batches of a rank in an optimizer step, of so many tokens a sample."""
    samples = min(config.learner.mini_batch_size, episodes(config))
    return max(1, round(samples * tokens / config.learner.ranks / micro.tokens))
