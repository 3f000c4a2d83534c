"""Two learner ranks over gloo compute what one computes, at every ZeRO stage; a resume is exact."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

REPOSITORY = Path(__file__).parents[2]
SCRIPT = Path(__file__).with_name("learner_process.py")


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny policy with tied embeddings."""
    from rl.tiny import make_model, make_tokenizer, save

    folder = tmp_path_factory.mktemp("model")
    tokenizer = make_tokenizer()
    save(make_model(tokenizer, seed=3), tokenizer, folder)
    return folder


def train(model: Path, folder: Path, *, ranks: int, stage: int, **settings: object) -> Path:
    """Run every rank to its end; returns the folder with metrics and exported policies."""
    folder.mkdir()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {
        "PYTHONPATH": str(REPOSITORY),
        "DS_ACCELERATOR": "cpu",
        "OMP_NUM_THREADS": "1",
    }
    arguments = [str(ranks), str(stage), str(port), str(model), str(folder), json.dumps(settings)]
    processes = [
        subprocess.Popen(
            [sys.executable, str(SCRIPT), str(rank), *arguments],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in range(ranks)
    ]
    try:
        outputs = [process.communicate(timeout=150)[0] for process in processes]
    finally:
        for process in processes:
            process.kill()
    for process, output in zip(processes, outputs, strict=True):
        assert process.returncode == 0, output[-3000:]
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


@pytest.fixture(scope="session")
def alone(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The result of one rank without ZeRO."""
    return train(model, tmp_path_factory.mktemp("alone") / "run", ranks=1, stage=0)


@pytest.mark.slow
@pytest.mark.parametrize("stage", [0, 1, 2, 3])
def test_two_ranks_equal_one(model: Path, alone: Path, tmp_path: Path, stage: int) -> None:
    folder = train(model, tmp_path / "run", ranks=2, stage=stage)
    for part in ("before", "straight", "resumed"):
        assert_equal(weights(folder / part), weights(alone / part))
    expected = json.loads((alone / "metrics.json").read_text())
    for row, other in zip(json.loads((folder / "metrics.json").read_text()), expected, strict=True):
        for name in ("loss", "entropy", "grad_norm", "rollout_logprob_gap", "policy_kl"):
            assert row[name] == pytest.approx(other[name], rel=1e-3, abs=1e-6), name


@pytest.mark.slow
def test_training_moved_the_weights(model: Path, alone: Path) -> None:
    start, end = weights(model), weights(alone / "straight")
    assert any(not torch.equal(start[name], end[name]) for name in start)
    assert_equal(weights(alone / "resumed"), end)


@pytest.mark.slow
def test_an_entropy_bonus_keeps_the_policy_undecided(model: Path, tmp_path: Path) -> None:
    held = train(model, tmp_path / "held", ranks=1, stage=0, entropy_coef=1.0)
    free = train(model, tmp_path / "free", ranks=1, stage=0)

    def entropy(folder: Path) -> float:
        return float(json.loads((folder / "metrics.json").read_text())[-1]["entropy"])

    assert entropy(held) > entropy(free)


@pytest.mark.slow
def test_the_loss_clips_where_the_settings_say(model: Path, tmp_path: Path) -> None:
    """In a second epoch the ratio has left 1: a narrow range clips about half, a wide one none."""
    narrow = train(model, tmp_path / "a", ranks=1, stage=0, epochs=2, clip_low=1e-6, clip_high=1e-6)
    wide = train(model, tmp_path / "b", ranks=1, stage=0, epochs=2, clip_low=0.9, clip_high=50.0)

    def clipped(folder: Path) -> float:
        return float(json.loads((folder / "metrics.json").read_text())[0]["clip_fraction"])

    assert clipped(narrow) > 0.1
    assert clipped(wide) == 0


@pytest.mark.slow
def test_a_reference_model_pulls_back(model: Path, tmp_path: Path) -> None:
    """With a KL penalty in the loss the policy ends nearer to where it started."""
    settings = {"kl": {"coef": 5.0, "estimator": "k2", "placement": "loss"}, "estimator": "grpo"}
    held = train(model, tmp_path / "held", ranks=1, stage=0, **settings)
    free = train(model, tmp_path / "free", ranks=1, stage=0, estimator="grpo")
    last_kl = json.loads((held / "metrics.json").read_text())[-1]["kl"]
    assert last_kl is not None
    start = weights(model)

    def distance(folder: Path) -> float:
        end = weights(folder / "straight")
        return float(sum((end[name] - start[name]).square().sum() for name in start))

    assert distance(held) < distance(free)
