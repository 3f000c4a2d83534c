"""Packed samples by every attention that is installed, beside the same samples padded."""

import importlib.util

import numpy as np
import torch

from rl.learn.actor import PolicyActor
from rl.learn.attention import isolate
from rl.learn.head import fit_head
from rl.learn.packing import Rows
from rl.learn.slices import Slices
from tests.gpu.row import Row, at_most, info, skipped

LENGTHS = [512, 3, 700, 64, 64, 1, 257]


def check(device: str) -> list[Row]:
    """Mean |difference| of logprobs, nats a token; flash-attn wants bfloat16 and a GPU."""
    rows: list[Row] = []
    for attention in ("sdpa", "flash_attention_2", "eager"):
        flash = attention.startswith("flash")
        spec = importlib.util.find_spec("flash_attn")
        if flash and (device == "cpu" or spec is None or not spec.origin):
            rows.append(skipped(f"packed {attention}", "flash-attn is not installed"))
            continue
        dtype = torch.bfloat16 if flash else torch.float32
        padded = _logprobs("sdpa", device, dtype, packing=False)
        packed = _logprobs(attention, device, dtype, packing=True)
        gap = float((packed - padded).abs().mean())
        rows.append(at_most(f"packed {attention} against padded", gap, 0.02 if flash else 1e-4))
    rows.append(info("samples of the pack", len(LENGTHS)))
    return rows


@torch.no_grad()
def _logprobs(attention: str, device: str, dtype: torch.dtype, *, packing: bool) -> torch.Tensor:
    from transformers import Qwen3Config, Qwen3ForCausalLM

    torch.manual_seed(0)
    config = Qwen3Config(
        vocab_size=512, hidden_size=128, intermediate_size=256, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, head_dim=64, initializer_range=0.1,
    )  # fmt: skip
    config._attn_implementation = attention
    network = Qwen3ForCausalLM(config).to(device, dtype)
    fit_head(network, 256)
    if packing:
        isolate(network)
    slices = Slices(device=torch.device(device))
    actor = PolicyActor(network, temperature=1.0, packing=packing, slices=slices)
    ids = np.random.default_rng(0).integers(0, 512, sum(LENGTHS), np.int64)
    trained = np.ones(len(ids), np.bool_)
    trained[np.cumsum([0, *LENGTHS[:-1]])] = False
    logprobs: torch.Tensor = actor(Rows(ids, np.array(LENGTHS, np.int64), trained)).logprobs
    return logprobs
