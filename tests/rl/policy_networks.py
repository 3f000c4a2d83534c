"""Tiny networks of several architectures, and rows for them."""

from typing import Any

import numpy as np
import torch
import transformers

from rl.learn.actor import PolicyActor
from rl.learn.attention import isolate
from rl.learn.head import fit_head
from rl.learn.packing import Rows

VOCABULARY = 41
SMALL = {
    "vocab_size": VOCABULARY, "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2,
    "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8, "pad_token_id": 0,
    "bos_token_id": None, "eos_token_id": None, "tie_word_embeddings": False,
    "initializer_range": 0.3,
}  # fmt: skip
FURTHER: dict[str, dict[str, Any]] = {
    "Mistral": {"sliding_window": 5},
    "Qwen3Moe": {
        "num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 8,
        "decoder_sparse_step": 1, "norm_topk_prob": True,
    },
    "Granite": {"logits_scaling": 2.0},
    "Gemma3": {"layer_types": ["sliding_attention", "full_attention"], "sliding_window": 6},
}  # fmt: skip


def make_network(family: str, attention: str = "sdpa", **settings: Any) -> Any:
    """A causal language model with random weights, float32, in training mode."""
    torch.manual_seed(3)
    config_class = getattr(
        transformers, f"{family}TextConfig" if family == "Gemma3" else f"{family}Config"
    )
    config = config_class(**(SMALL | FURTHER.get(family, {}) | settings))
    config._attn_implementation = attention
    network = getattr(transformers, f"{family}ForCausalLM")(config)
    for name, parameter in network.named_parameters():
        if name.endswith("bias"):
            torch.nn.init.normal_(parameter)
    return network.train()


def make_actor(network: Any, *, packing: bool = True, rows: int = 7) -> PolicyActor:
    """A policy of temperature 0.7, as `rl.learn.loading` makes it."""
    fit_head(network, rows)
    if packing:
        isolate(network)
    return PolicyActor(network, temperature=0.7, packing=packing)


def make_rows(lengths: list[int], seed: int = 4) -> Rows:
    """Rows of these lengths; half of their tokens are trained on."""
    draw = np.random.default_rng(seed)
    ids = draw.integers(1, VOCABULARY, sum(lengths), np.int64)
    trained = draw.random(len(ids)) < 0.5
    trained[np.cumsum([0, *lengths[:-1]])] = False
    return Rows(ids, np.array(lengths, np.int64), trained)
