"""After an update vLLM and the learner hold the same policy, also one that an engine died in.

Two measures: the canary, and `rollout_logprob_gap`, the mean |difference| of the learner's own
logprobs of what vLLM sampled, at the same policy version.
"""

import json
import os
import subprocess
import sys
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import torch

from rl.weights.layout import bucket_bytes, plan_buckets
from rl.weights.sender import WeightSender
from rl.weights.sources import model_sources

REPOSITORY = Path(__file__).parents[2]
SCRIPT = Path(__file__).with_name("sync_process.py")
SAME = 1e-5
DEADLINE = 240.0  # of the script's updates, seconds


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize(
    "arguments",
    # Both transports; ZeRO-3 with nothing left whole; all weights, and adapters alone. Engines that
    # are actors die in an update in tests/launch/test_train_killed.py.
    [
        ("broadcast", "2", "3", "core", "none"),
        ("ipc", "2", "3", "core", "adapter"),
    ],
    ids=lambda arguments: f"{arguments[0]}-{arguments[-1]}",
)
def test_engines_hold_the_learners_weights_also_after_one_was_killed_in_an_update(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    from rl.tiny import make_model, make_tokenizer, save

    tokenizer = make_tokenizer()
    model = make_model(tokenizer, seed=5)
    assert model.config.tie_word_embeddings
    save(model, tokenizer, tmp_path / "model")
    environment = {k: v for k, v in os.environ.items() if k != "RAY_ADDRESS"}
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(tmp_path / "model"), *arguments],
        env=environment | {"PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        timeout=1100,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    line = next(line for line in done.stdout.splitlines() if line.startswith("ROW "))
    row = json.loads(line.removeprefix("ROW "))
    assert row["start"] < SAME
    assert min(row["unsynced"]) > 0.05, "before an update the two policies must be seen to differ"
    assert row["lost"] == ["rollout engine 1"]
    assert row["seconds"] < DEADLINE / 2, "a dead engine is noticed, not waited for"
    assert row["survivor"] < SAME
    assert len(row["restarted"]) == 2 and max(row["restarted"]) < SAME
    assert row["lost again"] == [] and row["last"] < SAME
    assert max(row["learnt"]) < SAME and row["versions"] == [2, 2]
    assert any("rollout engine 1 is lost" in line for line in row["said"])


def small(kind: str) -> Any:
    """A model of which a checkpoint holds what transformers joins (experts), or not (dense)."""
    from transformers import Qwen3Config, Qwen3ForCausalLM, Qwen3MoeConfig, Qwen3MoeForCausalLM

    torch.manual_seed(1)
    common = {
        "vocab_size": 30,
        "hidden_size": 16,
        "intermediate_size": 24,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "head_dim": 8,
        "tie_word_embeddings": kind == "tied",
    }
    if kind == "experts":
        experts = {"num_experts": 3, "num_experts_per_tok": 2, "moe_intermediate_size": 12}
        return Qwen3MoeForCausalLM(Qwen3MoeConfig(**common, **experts))
    if kind == "routed":
        return routed(common)
    return Qwen3ForCausalLM(Qwen3Config(**common))


def routed(common: dict[str, Any]) -> Any:
    """A mixture of experts with a bias in its routing, which is no parameter."""
    from transformers import Glm4MoeConfig, Glm4MoeForCausalLM

    experts: dict[str, Any] = {
        "n_routed_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 12,
        "n_shared_experts": 1, "first_k_dense_replace": 1, "n_group": 1, "topk_group": 1,
    }  # fmt: skip
    network = Glm4MoeForCausalLM(Glm4MoeConfig(**common, **experts))
    for name, buffer in network.named_buffers():
        if "correction_bias" in name:
            buffer.uniform_(7, 8)
    return network


@pytest.mark.parametrize("kind", ["tied", "untied", "experts", "routed"])
@pytest.mark.parametrize("kib", [1, 4, 4096])
def test_buckets_hold_a_checkpoints_tensors_and_the_last_one_is_whole_while_the_next_is_filled(
    tmp_path: Path, kind: str, kib: int
) -> None:
    from safetensors.torch import load_file

    model = small(kind)
    model.save_pretrained(tmp_path)
    written = load_file(tmp_path / "model.safetensors")
    assert any(source.joined for source in model_sources(model)) == (kind in ("experts", "routed"))
    sender = WeightSender(
        model,
        dtype=torch.float32,
        device=torch.device("cpu"),
        bucket_mb=kib / 1024,  # type: ignore[arg-type]
        lead=True,
    )
    found: dict[str, torch.Tensor] = {}
    last = None
    for bucket in chain(sender.buckets(), [None]):
        if last is not None:  # read late: the bucket after it has been filled meanwhile
            found |= {entry.name: entry.view(last.data).clone() for entry in last.entries}
        last = bucket
    assert found.keys() == written.keys()
    assert all(torch.equal(found[name], written[name]) for name in written)


def test_what_routes_tokens_travels_in_its_own_type() -> None:
    """In bf16 biases of about 8 would be one of a few numbers."""
    model = small("routed").to(torch.bfloat16)
    biases = {name: one for name, one in small("routed").named_buffers() if "correction" in name}
    for name, bias in biases.items():
        module, _, own = name.rpartition(".")
        setattr(model.get_submodule(module), own, bias)
    sender = WeightSender(
        model, dtype=torch.bfloat16, device=torch.device("cpu"), bucket_mb=1, lead=True
    )
    found: dict[str, torch.Tensor] = {}
    for bucket in sender.buckets():
        assert bucket.data is not None
        found |= {entry.name: entry.view(bucket.data).clone() for entry in bucket.entries}
    assert biases
    assert all(torch.equal(found.pop(name), bias) for name, bias in biases.items())
    assert {one.dtype for one in found.values()} == {torch.bfloat16}


def test_buckets_hold_every_parameter_once_and_stay_within_their_size() -> None:
    shapes = [(f"p{i}", torch.Size([i % 7 + 1, 33])) for i in range(40)]
    shapes.append(("large", torch.Size([4000])))
    buckets = plan_buckets(shapes, torch.float32, 4096)
    assert [entry.name for bucket in buckets for entry in bucket] == [name for name, _ in shapes]
    for bucket in buckets:
        assert bucket_bytes(bucket) <= 4096 or len(bucket) == 1
        data = torch.zeros(bucket_bytes(bucket), dtype=torch.uint8)
        for i, entry in enumerate(bucket):
            entry.view(data).fill_(i + 1)
        for i, entry in enumerate(bucket):
            assert bool((entry.view(data) == i + 1).all())
