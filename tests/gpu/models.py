"""The models of the checks, random weights: a Qwen3 of 0.5B on a GPU, `builtin:tiny` on a CPU.

No network is needed. The tokenizer is that of `builtin:tiny`; on a GPU it has fillers up to Qwen3's
real vocabulary, so that head and logits have their real size.
"""

import json
from pathlib import Path
from typing import Any

VOCABULARY = 151_936


def make_model(device: str, folder: Path) -> Path:
    """Write the device's model into `folder`, which is returned."""
    from rl import tiny

    tokenizer = tiny.make_tokenizer()
    if device == "cpu":
        tiny.save(tiny.make_model(tokenizer, seed=0), tokenizer, folder)
        return folder
    tiny.save(_half_billion(tokenizer), tokenizer, folder)
    _fill(folder / "tokenizer.json")
    return folder


def _half_billion(tokenizer: Any) -> Any:
    """Qwen2.5-0.5B's sizes in Qwen3's architecture: 0.49B parameters, tied, bf16."""
    import torch
    from transformers import Qwen3Config, Qwen3ForCausalLM

    torch.manual_seed(0)
    config = Qwen3Config(
        vocab_size=VOCABULARY,
        hidden_size=896,
        intermediate_size=4864,
        num_hidden_layers=24,
        num_attention_heads=14,
        num_key_value_heads=2,
        head_dim=64,
        max_position_embeddings=32_768,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return Qwen3ForCausalLM(config).to(torch.bfloat16)


def _fill(path: Path) -> None:
    """Give every id of the vocabulary a token; no text is ever encoded as one of the fillers."""
    tokenizer = json.loads(path.read_text(encoding="utf-8"))
    vocabulary = tokenizer["model"]["vocab"]
    vocabulary |= {f"<{i}>": i for i in range(len(vocabulary), VOCABULARY)}
    path.write_text(json.dumps(tokenizer), encoding="utf-8")


def training_flops(folder: Path, context: float) -> float:
    """FLOPs of forward and backward for one trained token (arXiv:2204.02311, appendix B).

    6 a parameter that multiplies, the tied head once, and attention's 12 L H D T, of which causal
    masking leaves half: a token sees half of its context.

    Args:
        folder: of the model.
        context: mean tokens of a row, T.
    """
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    hidden, layers = config["hidden_size"], config["num_hidden_layers"]
    heads, key_values = config["num_attention_heads"], config["num_key_value_heads"]
    size = config["head_dim"]
    attention = hidden * size * (2 * heads + 2 * key_values)
    layer = attention + 3 * hidden * config["intermediate_size"]
    parameters = layers * layer + hidden * config["vocab_size"]
    return float(6 * parameters + 6 * layers * heads * size * context)
