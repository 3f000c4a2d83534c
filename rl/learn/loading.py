"""A network from its files, wrapped by OpenRLHF's Actor; DeepSpeed has not seen it yet."""

from pathlib import Path
from typing import Any

import torch

from rl.config import LearnerConfig, ModelConfig
from rl.errors import ModelError
from rl.learn.actor import PolicyActor
from rl.learn.attention import isolate, resolve, spread_heads
from rl.learn.head import fit_head
from rl.learn.lora import quantization, with_adapters
from rl.learn.openrlhf_parts import DeepspeedStrategy
from rl.learn.slices import Slices
from rl.model_path import check_seen_here


def load_actor(
    strategy: DeepspeedStrategy,
    model: ModelConfig,
    config: LearnerConfig,
    temperature: float,
    ds_config: dict[str, Any],
    slices: Slices,
) -> PolicyActor:
    """Load `model.path`, with the adapters of `config.lora`.

    Raises:
        ModelError: It is not there, cannot be loaded, or is of a kind that cannot be trained so.
    """
    from transformers import AutoModelForCausalLM
    from transformers.integrations.deepspeed import HfDeepSpeedConfig

    # Kept alive while loading: under ZeRO-3 transformers then creates the weights in shards.
    sharded_loading = HfDeepSpeedConfig(ds_config) if strategy.stage == 3 else None
    lora = config.lora
    dtype = torch.bfloat16 if strategy.param_dtype == "bf16" else torch.float32
    check_seen_here(model.path)
    try:
        network = AutoModelForCausalLM.from_pretrained(
            model.path,
            dtype=dtype,
            attn_implementation=resolve(model.attention),
            trust_remote_code=model.trust_remote_code,
            quantization_config=quantization(lora, dtype),
        )
    except (OSError, ValueError) as error:
        raise ModelError(_explain(model.path, error)) from error
    del sharded_loading
    network.config.use_cache = False
    fit_head(network, config.head_chunk)
    ring = slices.ranks > 1 and config.sequence_parallel_by == "ring"
    if config.packing:
        isolate(network)
    if slices.group is not None and not ring:
        spread_heads(network, slices.group)
    if lora.on:
        network = with_adapters(network, lora, seed=strategy.seed)
    return PolicyActor(
        network, temperature=temperature, packing=config.packing, slices=slices, ring=ring
    )


def _explain(path: str, error: Exception) -> str:
    reason = str(error).strip().splitlines()[0]
    if Path(path).exists():
        return f"the model in {path} cannot be loaded: {reason}"
    return (
        f"the model {path!r} is neither a local folder nor to be had from the Hugging Face hub "
        f"({reason}); check model.path"
    )
