"""Adapters leave the learner merged, as peft merges them, or alone, as peft's files name them."""

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import Qwen3MoeConfig, Qwen3MoeForCausalLM

from rl.config import LoraConfig
from rl.errors import ModelError
from rl.learn.lora import save_adapters, with_adapters, without_adapters
from rl.weights.packing import Packing
from rl.weights.sources import Source, adapter_sources, model_sources
from tests.rl.test_weight_sync import small

LORA = LoraConfig(rank=3, alpha=4.5)
IDS = torch.arange(20)[None]


def adapted(kind: str, *, size: float = 0.2) -> Any:
    """A small model with adapters that change it."""
    policy = with_adapters(small(kind), LORA, seed=1)
    torch.manual_seed(2)
    with torch.no_grad():
        for name, parameter in policy.named_parameters():
            if "lora_B" in name:
                parameter.normal_(std=size)
    return policy


def packed(policy: Any, sources: Sequence[Source], dtype: torch.dtype) -> dict[str, Tensor]:
    packing = Packing(
        policy, sources, dtype=dtype, device=torch.device("cpu"), size=4096, lead=True
    )
    found: dict[str, Tensor] = {}
    for bucket in packing.buckets():
        assert bucket.data is not None
        found |= {entry.name: entry.view(bucket.data).clone() for entry in bucket.entries}
    return found


@pytest.mark.parametrize("kind", ["tied", "untied", "experts"])
def test_what_travels_merged_is_what_peft_merges(kind: str, tmp_path: Path) -> None:
    from safetensors.torch import load_file

    policy = adapted(kind)
    names = {name for name, _ in small(kind).named_parameters()}
    assert {source.name for source in model_sources(policy)} == names
    found = packed(policy, model_sources(policy), torch.float32)
    copy.deepcopy(policy).merge_and_unload().save_pretrained(tmp_path)
    wanted = load_file(tmp_path / "model.safetensors")
    assert found.keys() == wanted.keys()
    for name, tensor in wanted.items():
        torch.testing.assert_close(found[name], tensor, rtol=0, atol=1e-6)
    moved = [
        name for name, tensor in load_base(kind).items() if not torch.equal(found[name], tensor)
    ]
    assert moved and all("_proj" in name for name in moved)


def load_base(kind: str) -> dict[str, Tensor]:
    base = small(kind)
    return packed(base, model_sources(base), torch.float32)


def test_sums_are_made_in_float32_and_in_bf16_lose_what_adapters_alone_do_not() -> None:
    policy = adapted("untied", size=1e-4).to(torch.bfloat16)
    base = {n: p for n, p in small("untied").to(torch.bfloat16).named_parameters() if "_proj" in n}
    exact = packed(policy, model_sources(policy), torch.float32)
    rounded = packed(policy, model_sources(policy), torch.bfloat16)
    lost = sum(int(torch.equal(rounded[n], p) or (rounded[n] == p).sum()) for n, p in base.items())
    assert lost > 0.5 * sum(p.numel() for p in base.values())
    assert all((exact[n] != p.float()).double().mean() > 0.9 for n, p in base.items())
    factors = dict(policy.named_parameters())
    for name, factor in packed(policy, adapter_sources(policy), torch.bfloat16).items():
        assert torch.equal(factor, factors[name.replace(".weight", ".default.weight")])


@pytest.mark.parametrize(
    ("targets", "bad"),
    [
        (["q_prj"], "q_prj"),
        (["q_proj", "lm_head"], "lm_head"),
        (["embed_tokens"], "embed_tokens"),
        (["input_layernorm"], "input_layernorm"),
        (["self_attn"], "self_attn"),
    ],
)
def test_a_target_that_is_no_layer_of_a_block_is_named(targets: list[str], bad: str) -> None:
    lora = LORA.model_copy(update={"targets": targets})
    with pytest.raises(ModelError, match=f"'{bad}' is no linear layer .* down_proj, gate_proj"):
        with_adapters(small("untied"), lora, seed=1)


@pytest.mark.parametrize("targets", [["all-linear"], ["down_proj"]])
def test_names_that_mean_experts_too_are_refused(targets: list[str]) -> None:
    """Of layers some have experts here, and some a feed-forward part of the same names."""
    settings = small("experts").config.to_dict() | {"mlp_only_layers": [0]}
    network = Qwen3MoeForCausalLM(Qwen3MoeConfig(**settings))
    lora = LORA.model_copy(update={"targets": targets})
    with pytest.raises(ModelError, match=r"the experts in .*layers\.1\.mlp\.experts.* q_proj"):
        with_adapters(network, lora, seed=1)
    attention = LORA.model_copy(update={"targets": ["q_proj", "v_proj"]})
    policy = with_adapters(Qwen3MoeForCausalLM(Qwen3MoeConfig(**settings)), attention, seed=1)
    assert len(adapter_sources(policy)) == 2 * 2 * 2


def test_every_rank_draws_the_same_and_leaves_the_random_state_alone() -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    one, other = (with_adapters(small("tied"), LORA, seed=1) for _ in range(2))
    torch.manual_seed(5)
    assert torch.equal(torch.get_rng_state(), before)
    for (name, left), (_, right) in zip(
        one.named_parameters(), other.named_parameters(), strict=True
    ):
        assert torch.equal(left, right), name
    with torch.no_grad():
        assert torch.equal(one(IDS).logits, small("tied")(IDS).logits)


def test_without_its_adapters_the_policy_is_its_base() -> None:
    policy, base = adapted("tied").eval(), small("tied")
    with torch.no_grad():
        with without_adapters(policy):
            assert torch.equal(policy(IDS).logits, base(IDS).logits)
        assert not torch.equal(policy(IDS).logits, base(IDS).logits)


def test_adapters_in_files_are_peft_s(tmp_path: Path) -> None:
    from peft import PeftModel

    policy = adapted("experts")
    factors = packed(policy, adapter_sources(policy), torch.float32)
    save_adapters(policy.peft_config["default"], factors, tmp_path)
    loaded = PeftModel.from_pretrained(small("experts"), str(tmp_path))
    with torch.no_grad():
        assert torch.equal(loaded(IDS).logits, policy.eval()(IDS).logits)
