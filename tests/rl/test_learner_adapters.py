"""Adapters, means of weights, Muon and offloading are the same on two ranks as on one, and stay so
after a resume, also by other ranks; what is exported can be loaded by transformers and peft.
"""

import json
import math
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from launch.models.export import export
from rl.config import RunConfig
from rl.config_file import dump_config
from rl.errors import CheckpointError, ModelError
from rl.manifest import manifest_of, manifest_to_json
from tests.rl.test_learner_ranks import assert_equal, train, weights

pytestmark = pytest.mark.timeout(900)
KL = {"coef": 1.0, "placement": "loss"}
LORA = {"rank": 4, "alpha": 8.0}
ADAPTERS = {"lora": LORA, "lr": 1e-2, "kl": KL, "ema": 0.5}
FALL = {"ema": 0.5, "schedule": "cosine", "warmup_steps": 1, "min_lr_ratio": 0.0, "kl": KL}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny policy with tied embeddings."""
    from rl.tiny import make_model, make_tokenizer, save

    folder = tmp_path_factory.mktemp("model")
    tokenizer = make_tokenizer()
    save(make_model(tokenizer, seed=3), tokenizer, folder)
    return folder


@pytest.fixture(scope="module")
def done(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of one rank and of two; those of `moved` go on from where one rank saved."""
    folder = tmp_path_factory.mktemp("done")
    offloaded = {"optimizer_offload": True, "param_offload": True}
    resume = str(folder / "adapters" / "checkpoint")
    muon = {"optimizer": "muon", "muon_lr": 1e-2}
    alone: dict[str, dict[str, Any]] = {
        "adapters": {"zero_stage": 0} | ADAPTERS,
        "files": {"zero_stage": 1} | ADAPTERS | {"lora": LORA | {"export": "adapter"}},
        "muon": {"zero_stage": 2} | muon,
        "fall": {"zero_stage": 1} | FALL,
    }
    two: dict[str, dict[str, Any]] = {
        "moved": {"zero_stage": 3, "resume": resume} | ADAPTERS,
        "adapters 1": {"zero_stage": 1} | ADAPTERS,
        "adapters 3": {"zero_stage": 3, "gradient_checkpointing": True} | ADAPTERS,
        "muon 1": {"zero_stage": 1} | muon,
        "fall 1": {"zero_stage": 1, "optimizer_offload": True} | FALL,
        "fall 3": {"zero_stage": 3} | offloaded | FALL,
    }
    return train(model, folder, alone | {name: {"ranks": 2} | own for name, own in two.items()})


PARTS = ("before", "straight", "resumed")
MEANS = ("before_ema", "straight_ema", "resumed_ema")


@pytest.mark.slow
@pytest.mark.parametrize("stage", [1, 3])
def test_adapters_are_the_same_on_two_ranks(done: Path, stage: int) -> None:
    for part in PARTS + MEANS:
        assert_close(weights(done / f"adapters {stage}" / part), weights(done / "adapters" / part))
    rows = [metrics(folder) for folder in (done / f"adapters {stage}", done / "adapters")]
    for row, other in zip(*rows, strict=True):
        for name in ("loss", "grad_norm", "kl"):
            assert row[name] == pytest.approx(other[name], rel=1e-2, abs=1e-6), name


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["fall 1", "fall 3"])
def test_offloading_and_sharded_means_change_nothing(done: Path, variant: str) -> None:
    for part in PARTS + MEANS:
        assert_equal(weights(done / variant / part), weights(done / "fall" / part))


@pytest.mark.slow
def test_muon_is_the_same_on_two_ranks(model: Path, done: Path) -> None:
    """Up to the rounding of its iteration, which is in bfloat16."""
    start = weights(model)
    for part in PARTS:
        wanted, got = weights(done / "muon" / part), weights(done / "muon 1" / part)
        for name, tensor in wanted.items():
            moved, other = tensor - start[name], got[name] - start[name]
            assert torch.dist(moved, other) < 0.1 * moved.norm() + 1e-4, name


@pytest.mark.slow
def test_the_base_is_frozen_and_left_out_of_checkpoints(model: Path, done: Path) -> None:
    start, end = weights(model), weights(done / "adapters" / "straight")
    moved = {name for name in start if not torch.equal(start[name], end[name])}
    assert moved == {name for name in start if "_proj.weight" in name}
    sizes = {
        name: sum(f.stat().st_size for f in (done / name / "checkpoint").rglob("*.pt"))
        for name in ("adapters", "fall")
    }
    assert sizes["adapters"] < sizes["fall"] / 4


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["adapters", "fall"])
def test_a_resume_is_exact(done: Path, variant: str) -> None:
    for straight, resumed in (("straight", "resumed"), ("straight_ema", "resumed_ema")):
        wanted = weights(done / variant / straight)
        for name, tensor in weights(done / variant / resumed).items():
            assert torch.equal(tensor, wanted[name]), name


@pytest.mark.slow
def test_other_ranks_go_on_with_adapters_and_their_mean(done: Path) -> None:
    for resumed, straight in (("resumed", "straight"), ("resumed_ema", "straight_ema")):
        assert_close(weights(done / "moved" / resumed), weights(done / "adapters" / straight))


@pytest.mark.slow
def test_the_mean_is_of_every_version(model: Path, done: Path) -> None:
    """mean <- (mean + weights) / 2, since `ema` is 0.5."""
    before, end = weights(done / "fall" / "before_ema"), weights(done / "fall" / "straight")
    wanted = {name: (before[name] + end[name]) / 2 for name in end}
    for name, tensor in weights(done / "fall" / "straight_ema").items():
        torch.testing.assert_close(tensor, wanted[name], rtol=0, atol=1e-7)
    start = weights(model)
    assert not torch.equal(before["model.norm.weight"], start["model.norm.weight"])


@pytest.mark.slow
def test_rates_follow_the_rollout_steps(done: Path) -> None:
    """Warm-up in the first of four steps, then three of a cosine; each has two updates, the last of
    which is told: before it a sixth and a half of the fall have passed."""
    found = [row["lr"] for row in metrics(done / "fall")]
    wanted = [1.0, (1 + math.cos(math.pi / 6)) / 2, 0.5]
    assert found == pytest.approx([1e-3 * factor for factor in wanted], rel=1e-6)


@pytest.mark.slow
def test_exported_adapters_are_peft_s(model: Path, done: Path) -> None:
    from transformers import AutoTokenizer

    folder = done / "files" / "straight"
    assert_close(peft_merged(model, folder), weights(done / "adapters" / "straight"))
    assert len(AutoTokenizer.from_pretrained(folder)) > 0


OPTIONS: dict[str, Any] = {
    "step": None,
    "best_by": None,
    "dtype": "auto",
    "overwrite": True,
    "say": str,
}


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["adapters", "adapters 1", "adapters 3", "fall 3"])
def test_a_checkpoint_is_exported_as_the_learner_would(
    variant: str, model: Path, done: Path, tmp_path: Path
) -> None:
    """Merged, as peft's files, and the mean; whichever ranks and stage wrote it."""
    made = done / variant
    settings: dict[str, Any] = FALL if variant.startswith("fall") else ADAPTERS
    run = as_a_run(tmp_path / "run", made / "checkpoint", model, settings)
    for mean, part in ((False, "before"), (True, "before_ema")):
        export(run, tmp_path / "out", mean=mean, **OPTIONS)
        wanted, got = weights(made / part), weights(tmp_path / "out")
        assert got.keys() == wanted.keys()
        for name, tensor in wanted.items():
            torch.testing.assert_close(got[name], tensor, rtol=0, atol=1e-6, msg=name)
        if settings is FALL:
            with pytest.raises(ModelError, match=r"without adapters .* leave --adapter out"):
                export(run, tmp_path / "out", adapter=True, mean=mean, **OPTIONS)
            continue
        export(run, tmp_path / "out", adapter=True, mean=mean, **OPTIONS)
        for name, tensor in peft_merged(model, tmp_path / "out").items():
            torch.testing.assert_close(tensor, wanted[name], rtol=0, atol=1e-6, msg=name)


@pytest.mark.slow
def test_a_mean_that_was_not_kept_is_not_exported(model: Path, done: Path, tmp_path: Path) -> None:
    run = as_a_run(tmp_path / "run", done / "muon" / "checkpoint", model, {"zero_stage": 2})
    with pytest.raises(CheckpointError, match=r"no mean of the weights: .* learner\.ema"):
        export(run, tmp_path / "out", mean=True, **OPTIONS)
    assert not (tmp_path / "out").exists()


def as_a_run(run_dir: Path, learner: Path, model: Path, settings: dict[str, Any]) -> Path:
    """What a rank has saved, with what a run writes beside it."""
    folder = run_dir / "checkpoints" / "step_000002"
    shutil.copytree(learner, folder / "learner")
    tree = {"model": {"path": str(model)}, "learner": settings}
    (folder / "config.yaml").write_text(dump_config(RunConfig.model_validate(tree)))
    said = {"files": manifest_to_json(manifest_of(folder))}
    (folder / "manifest.json").write_text(json.dumps(said))
    (folder / "state.json").write_text("{}")
    return run_dir


def peft_merged(model: Path, folder: Path) -> dict[str, Tensor]:
    """A base with the adapters of a folder, as peft merges them."""
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    base = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32)
    policy = PeftModel.from_pretrained(base, str(folder))
    assert policy.peft_config["default"].base_model_name_or_path == str(model)
    return dict(policy.merge_and_unload().named_parameters())


def metrics(folder: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads((folder / "metrics.json").read_text())
    return rows


def assert_close(got: dict[str, Tensor], wanted: dict[str, Tensor]) -> None:
    """Equal up to AdamW's steps on gradients near zero, which go into a product of factors."""
    assert got.keys() == wanted.keys()
    for name, tensor in wanted.items():
        difference = (got[name] - tensor).abs()
        assert difference.mean() < 1e-5, name
        assert difference.max() < 5e-3, name
