"""Shapes of public models that need not be on disk, in the keys of their config.json.

Sources: the config.json of each model on the Hugging Face hub (Qwen/Qwen3-*, meta-llama). TeleChat:
the table of github.com/Tele-AI/TeleChat2 (layers, hidden, feed-forward, heads, no tying, grouped
queries in the 115B alone), which is table 1 of the report for TeleChat2, TeleChat2.5 and T1 alike,
and the tokenizer's 131,072 entries. Its 8 key heads are not in that
table: they are what makes 113 of the 115 billion parameters.
"""

from collections.abc import Mapping
from typing import Any, Final


def _qwen3(
    layers: int, hidden: int, intermediate: int, heads: int, tied: bool = False
) -> dict[str, Any]:
    return {
        "model_type": "qwen3",
        "num_hidden_layers": layers,
        "hidden_size": hidden,
        "intermediate_size": intermediate,
        "num_attention_heads": heads,
        "num_key_value_heads": 8,
        "head_dim": 128,
        "vocab_size": 151_936,
        "tie_word_embeddings": tied,
    }


def _qwen3_moe(
    layers: int, hidden: int, intermediate: int, heads: int, expert: int
) -> dict[str, Any]:
    return _qwen3(layers, hidden, intermediate, heads) | {
        "model_type": "qwen3_moe",
        "num_key_value_heads": 4,
        "num_experts": 128,
        "num_experts_per_tok": 8,
        "moe_intermediate_size": expert,
    }


def _llama(
    layers: int, hidden: int, intermediate: int, heads: int, kv_heads: int, vocabulary: int
) -> dict[str, Any]:
    return {
        "model_type": "llama",
        "num_hidden_layers": layers,
        "hidden_size": hidden,
        "intermediate_size": intermediate,
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
        "vocab_size": vocabulary,
        "tie_word_embeddings": False,
    }


_TELECHAT_35B: Final = _llama(64, 6144, 20_480, 48, 48, 131_072)
_TELECHAT_115B: Final = _llama(96, 8192, 40_960, 64, 8, 131_072)

KNOWN: Final[Mapping[str, Mapping[str, Any]]] = {
    "Qwen3-0.6B": _qwen3(28, 1024, 3072, 16, tied=True),
    "Qwen3-1.7B": _qwen3(28, 2048, 6144, 16, tied=True),
    "Qwen3-4B": _qwen3(36, 2560, 9728, 32, tied=True),
    "Qwen3-8B": _qwen3(36, 4096, 12_288, 32),
    "Qwen3-14B": _qwen3(40, 5120, 17_408, 40),
    "Qwen3-32B": _qwen3(64, 5120, 25_600, 64),
    "Qwen3-30B-A3B": _qwen3_moe(48, 2048, 6144, 32, 768),
    "Qwen3-235B-A22B": _qwen3_moe(94, 4096, 12_288, 64, 1536),
    "Llama-3.1-8B": _llama(32, 4096, 14_336, 32, 8, 128_256),
    "Llama-3.1-70B": _llama(80, 8192, 28_672, 64, 8, 128_256),
    "TeleChat2.5-35B": _TELECHAT_35B,
    "TeleChat2.5-115B": _TELECHAT_115B,
    "T1-35B": _TELECHAT_35B,
    "T1-115B": _TELECHAT_115B,
}
"""By name, without the owner."""
