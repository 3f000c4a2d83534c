"""A network from its files, wrapped by OpenRLHF's Actor; DeepSpeed has not seen it yet."""

import importlib.util
from pathlib import Path
from typing import Any

import torch

from rl.config import LearnerConfig, ModelConfig
from rl.errors import ModelError
from rl.learn.openrlhf_parts import Actor, DeepspeedStrategy


def load_actor(
    strategy: DeepspeedStrategy,
    model: ModelConfig,
    config: LearnerConfig,
    temperature: float,
    ds_config: dict[str, Any],
) -> Actor:
    """Load `model.path`.

    Raises:
        ModelError: It is not there, or cannot be loaded.
    """
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
