"""A base of 4 bits under adapters, where bitsandbytes is installed: CPU hosts are without it.

What the learner computes with is what it exports and sends, and what `plumb export` makes of a
checkpoint.
"""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from launch.models.export import export
from tests.rl.test_learner_adapters import ADAPTERS, LORA, OPTIONS, as_a_run
from tests.rl.test_learner_ranks import train, weights

pytest.importorskip("bitsandbytes", reason="bitsandbytes is installed on GPU hosts")
pytestmark = pytest.mark.timeout(900)
SETTINGS: dict[str, Any] = ADAPTERS | {"lora": LORA | {"quantize": "nf4"}}
VARIANTS: dict[str, dict[str, Any]] = {
    "fp32": {"zero_stage": 1} | SETTINGS,
    "bf16": {"zero_stage": 2, "gradient_checkpointing": True} | SETTINGS,
}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from rl.tiny import make_model, make_tokenizer, save

    folder = tmp_path_factory.mktemp("model")
    tokenizer = make_tokenizer()
    save(make_model(tokenizer, seed=3), tokenizer, folder)
    return folder


@pytest.fixture(scope="module")
def done(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What one rank made of each variant."""
    variants = {name: settings | {"dtype": name} for name, settings in VARIANTS.items()}
    return train(model, tmp_path_factory.mktemp("done"), variants)


@pytest.mark.slow
def test_what_is_exported_is_what_the_learner_computes_with(done: Path) -> None:
    from transformers import AutoModelForCausalLM

    exported = AutoModelForCausalLM.from_pretrained(done / "fp32" / "straight")
    assert "quant" not in (done / "fp32" / "straight" / "config.json").read_text()
    ids = torch.arange(7, 20)[None]
    with torch.no_grad():
        logprobs = exported(ids).logits[:, :-1].log_softmax(-1).gather(-1, ids[:, 1:, None])
    own = torch.tensor(json.loads((done / "fp32" / "canary.json").read_text()))
    torch.testing.assert_close(logprobs.flatten(), own[1], rtol=0, atol=1e-4)
    assert (own[1] - own[0]).abs().max() > 0.05


@pytest.mark.slow
@pytest.mark.parametrize("variant", VARIANTS)
def test_a_checkpoint_is_merged_with_the_base_as_it_is_rounded(
    variant: str, done: Path, model: Path, tmp_path: Path
) -> None:
    run = as_a_run(tmp_path / "run", done / variant / "checkpoint", model, VARIANTS[variant])
    start = weights(model)
    for mean, part in ((False, "before"), (True, "before_ema")):
        export(run, tmp_path / "out", mean=mean, **OPTIONS)
        wanted, got = weights(done / variant / part), weights(tmp_path / "out")
        assert got.keys() == wanted.keys()
        for name, tensor in wanted.items():
            close = {"rtol": 2e-2, "atol": 1e-3} if variant == "bf16" else {"rtol": 0, "atol": 1e-6}
            torch.testing.assert_close(got[name], tensor, msg=name, **close)
    key = "model.layers.0.mlp.up_proj.weight"
    factors = export_factors(run, tmp_path / "adapters", key)
    rounded = got[key].float() - factors
    assert (rounded - start[key]).abs().max() > 0.01 * start[key].abs().max()
    kept = got["model.embed_tokens.weight"]
    assert torch.equal(kept, start["model.embed_tokens.weight"].to(kept.dtype))


def export_factors(run: Path, target: Path, key: str) -> torch.Tensor:
    """The product of a layer's adapter in the mean of weights."""
    from safetensors.torch import load_file

    export(run, target, adapter=True, mean=True, **OPTIONS)
    held = load_file(target / "adapter_model.safetensors")
    layer = "base_model.model." + key.removesuffix(".weight")
    product = held[f"{layer}.lora_B.weight"] @ held[f"{layer}.lora_A.weight"]
    return LORA["alpha"] / LORA["rank"] * product


@pytest.mark.slow
@pytest.mark.parametrize("variant", VARIANTS)
def test_a_resume_is_exact(variant: str, done: Path) -> None:
    wanted = weights(done / variant / "straight")
    for name, tensor in weights(done / variant / "resumed").items():
        assert torch.equal(tensor, wanted[name]), name
