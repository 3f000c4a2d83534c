"""Two and four learner ranks over gloo compute what one computes with whole logits.

At every ZeRO stage, with samples of their own and with slices of the same ones; a resume is exact.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from tests.rl.ranks import run_script

pytestmark = pytest.mark.timeout(1800)
SCRIPT = Path(__file__).with_name("learner_process.py")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny policy with tied embeddings."""
    from rl.tiny import make_model, make_tokenizer, save

    folder = tmp_path_factory.mktemp("model")
    tokenizer = make_tokenizer()
    save(make_model(tokenizer, seed=3), tokenizer, folder)
    return folder


def train(model: Path, folder: Path, variants: Mapping[str, Mapping[str, Any]]) -> Path:
    """Run the ranks of each variant; returns the folder with its metrics and policies."""
    listed = [[name, {"ranks": 1, **settings}] for name, settings in variants.items()]
    run_script(SCRIPT, str(model), str(folder), json.dumps(listed), seconds=1700)
    return folder


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model.safetensors")


def assert_equal(got: dict[str, torch.Tensor], wanted: dict[str, torch.Tensor]) -> None:
    """Equal up to rounding: AdamW turns the rounding of a gradient near zero into a step of up to
    the learning rate, 1e-3, so single weights may differ by a part of it, and their mean may not.
    """
    assert got.keys() == wanted.keys()
    for name, tensor in wanted.items():
        difference = (got[name] - tensor).abs()
        assert difference.mean() < 1e-6, name
        assert difference.max() < 5e-4, name


KL = {"coef": 5.0, "estimator": "k2", "placement": "loss"}


@pytest.fixture(scope="module")
def untied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny policy whose head has a weight of its own."""
    from transformers import Qwen3ForCausalLM

    from rl.tiny import make_model, make_tokenizer, save

    tokenizer = make_tokenizer()
    config = make_model(tokenizer, seed=3).config
    config.tie_word_embeddings = False
    folder = tmp_path_factory.mktemp("untied")
    save(Qwen3ForCausalLM(config), tokenizer, folder)
    return folder


UNTIED = {"entropy_coef": 0.5}
ALONE: Mapping[str, Mapping[str, Any]] = {
    "whole": {"zero_stage": 0, "whole_logits": True, "packing": False},
    "whole-untied": {"zero_stage": 0, "whole_logits": True, "packing": False, **UNTIED},
    "plain": {"zero_stage": 0},
    "padded": {"zero_stage": 0, "packing": False, "gradient_checkpointing": True},
    "undecided": {"entropy_coef": 1.0},
    "narrow": {"epochs": 2, "clip_low": 1e-6, "clip_high": 1e-6},
    "wide": {"epochs": 2, "clip_low": 0.9, "clip_high": 50.0, "mask_truncated": True},
    "grpo": {"estimator": "grpo"},
    "grpo-kl": {"estimator": "grpo", "kl": KL},
}
"""Of one rank without ZeRO."""
TWO: Mapping[str, Mapping[str, Any]] = {
    **{str(stage): {"zero_stage": stage} for stage in range(4)},
    "0-sliced": {"zero_stage": 0, "sequence_parallel": 2},
    "2-sliced": {"zero_stage": 2, "sequence_parallel": 2},
    "3-untied": {"zero_stage": 3, "head_chunk": 7, "gradient_checkpointing": True, **UNTIED},
    "3-untied-sliced": {"zero_stage": 3, "head_chunk": 7, "sequence_parallel": 2, **UNTIED},
}
"""Of two ranks, each with samples of its own, or with slices of the same."""
FOUR: Mapping[str, Mapping[str, Any]] = {
    "pairs": {"zero_stage": 1, "sequence_parallel": 2},
    "all": {"zero_stage": 3, "sequence_parallel": 4, "gradient_checkpointing": True},
}
"""Of four: pairs that share samples, and all four, for which keys have too few heads."""
RESUMED = {"1-2": (1, 2, "3"), "2-3": (2, 3, "plain"), "1-1": (1, 1, "2-sliced")}
"""Ranks, stage, and whose checkpoint these go on from."""


@pytest.fixture(scope="module")
def done(model: Path, untied: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the results of every variant."""
    folder = tmp_path_factory.mktemp("done")
    variants: dict[str, dict[str, Any]] = {}
    for ranks, listed in ((1, ALONE), (2, TWO), (4, FOUR)):
        for name, settings in listed.items():
            own = {"model": str(untied)} if "untied" in name else {}
            variants[name] = {"ranks": ranks, **settings, **own}
    for name, (ranks, stage, other) in RESUMED.items():
        checkpoint = str(folder / other / "checkpoint")
        variants[name] = {"ranks": ranks, "zero_stage": stage, "resume": checkpoint}
    return train(model, folder, variants)


def metrics(folder: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads((folder / "metrics.json").read_text())
    return rows


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["plain", "padded"])
def test_the_chunked_head_learns_what_whole_logits_learn(done: Path, variant: str) -> None:
    assert_the_same(done / variant, done / "whole")


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["0", "1", "2", "3", "0-sliced", "2-sliced"])
def test_two_ranks_equal_one(done: Path, variant: str) -> None:
    assert_the_same(done / variant, done / "whole")


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["3-untied", "3-untied-sliced"])
def test_a_head_with_its_own_weight_is_sharded_too(done: Path, variant: str) -> None:
    assert_the_same(done / variant, done / "whole-untied")


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["pairs", "all"])
def test_four_ranks_equal_one(done: Path, variant: str) -> None:
    assert_the_same(done / variant, done / "whole")


def assert_the_same(folder: Path, one: Path) -> None:
    """Weights, and the numbers of every step: losses, the gradient's norm, tokens, corrections."""
    for part in ("before", "straight", "resumed"):
        assert_equal(weights(folder / part), weights(one / part))
    for row, other in zip(metrics(folder), metrics(one), strict=True):
        for name in (
            "loss",
            "entropy",
            "grad_norm",
            "rollout_logprob_gap",
            "policy_kl",
            "lag_mean",
        ):
            assert row[name] == pytest.approx(other[name], rel=1e-3, abs=1e-6), name
        assert row["tokens"] == other["tokens"]
        by_lag, wanted = row["correction"].pop("by_lag"), other["correction"].pop("by_lag")
        assert row["correction"] == pytest.approx(other["correction"], rel=1e-3, abs=1e-6)
        assert list(by_lag) == list(wanted) == ["0", "1", "2"]
        for lag, values in by_lag.items():
            assert values == pytest.approx(wanted[lag], rel=1e-3, abs=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("stage", [0, 3])
def test_ranks_together_know_every_episodes_advantage(done: Path, stage: int) -> None:
    def read(path: Path) -> list[dict[tuple[int, int], float]]:
        steps = json.loads(path.read_text())
        return [{(group, place): value for group, place, value in step} for step in steps]

    parts = [read(done / str(stage) / f"first_{rank}.json") for rank in range(2)]
    for one, left, right in zip(read(done / "plain" / "first_0.json"), *parts, strict=True):
        assert not left.keys() & right.keys()
        assert left | right == pytest.approx(one, abs=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("stage", [0, 3])
def test_the_canary_is_the_policys_own_logprobs_at_temperature_one(
    done: Path, model: Path, stage: int
) -> None:
    from transformers import AutoModelForCausalLM

    found = json.loads((done / str(stage) / "canary.json").read_text())
    for folder, logprobs in zip((model, done / str(stage) / "straight"), found, strict=True):
        tokens = torch.arange(7, 20)[None]
        network = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
        with torch.no_grad():
            wanted = network(tokens).logits[0, :-1].log_softmax(-1)
        assert logprobs == pytest.approx(wanted[range(12), tokens[0, 1:]].tolist(), abs=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("stage", [1, 2])
def test_what_left_the_device_is_what_came_back(model: Path, done: Path, stage: int) -> None:
    """The memory of each rank was freed, and the step after it was as if it had never been.

    On a CPU what was read from a file stays, as the moments of a checkpoint do.
    """
    parameters = sum(tensor.nbytes for tensor in weights(model).values())
    for rank in range(2):
        read = json.loads((done / str(stage) / f"moved_{rank}.json").read_text())
        optimizer, policy, came_back = read
        assert optimizer > 0.4 * parameters  # its share of the master weights at least
        assert policy > 0.9 * parameters
        assert came_back == optimizer + policy
    assert_equal(weights(done / str(stage) / "resumed"), weights(done / str(stage) / "straight"))


@pytest.mark.slow
def test_training_moved_the_weights(model: Path, done: Path) -> None:
    start, end = weights(model), weights(done / "plain" / "straight")
    assert any(not torch.equal(start[name], end[name]) for name in start)
    assert_equal(weights(done / "plain" / "resumed"), end)


@pytest.mark.slow
def test_an_entropy_bonus_keeps_the_policy_undecided(done: Path) -> None:
    def entropy(variant: str) -> float:
        return metrics(done / variant)[-1]["entropy"] or 0.0

    assert entropy("undecided") > entropy("plain") > 0


@pytest.mark.slow
def test_the_loss_clips_where_the_settings_say(done: Path) -> None:
    """In a second epoch the ratio has left 1: a narrow range clips about half, a wide one none."""
    narrow = metrics(done / "narrow")[0]["clip_fraction"]
    assert narrow is not None and narrow > 0.1
    wide = metrics(done / "wide")[0]
    assert wide["clip_fraction"] == 0
    # What was cut at its limit is masked there, and counted in no epoch.
    assert 0 < wide["tokens"]["trained"] < metrics(done / "narrow")[0]["tokens"]["trained"]


@pytest.mark.slow
def test_a_reference_model_pulls_back(model: Path, done: Path) -> None:
    """With a KL penalty in the loss the policy ends nearer to where it started."""
    assert metrics(done / "grpo-kl")[-1]["kl"] is not None
    start = weights(model)

    def distance(variant: str) -> float:
        end = weights(done / variant / "straight")
        return float(sum((end[name] - start[name]).square().sum() for name in start))

    assert distance("grpo-kl") < distance("grpo")


@pytest.mark.slow
@pytest.mark.parametrize("variant", RESUMED)
def test_a_run_goes_on_with_other_ranks_and_another_stage(done: Path, variant: str) -> None:
    assert_equal(weights(done / variant / "resumed"), weights(done / "plain" / "straight"))
