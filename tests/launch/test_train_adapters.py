"""A run with adapters from its first step to exports: checkpoints, other ranks, the canary."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from tests.launch.conftest import Plumb
from tests.run_files import faults

QUIET = {"canary": {"warn": 1e-4, "stop": 1e-3}}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_adapters_are_trained_saved_resumed_by_other_ranks_and_exported(
    plumb: Plumb, tiny_model: Path
) -> None:
    """Two ranks whose engine applies adapters itself; then one, whose engine gets them merged."""
    lora: dict[str, Any] = {"rank": 4, "alpha": 8.0}
    learner = {"lr": 1e-2, "ranks": 2, "ema": 0.5, "lora": lora | {"sync": "adapter"}}
    train = {"steps": 2, "checkpoint_every": 1, "export": True}
    config = str(plumb.write_config(learner=learner, train=train, sync=QUIET))
    run = plumb.folder / "run"
    done = plumb.run(config)
    assert done.returncode == 0, done.stderr
    base, saved = load_file(tiny_model / "model.safetensors"), run / "checkpoints" / "step_000002"
    whole = sum(tensor.nbytes for tensor in base.values())
    assert sum(file.stat().st_size for file in (saved / "learner").rglob("*.pt")) < whole / 2

    changed = str(
        plumb.write_config(learner=learner | {"lora": lora | {"alpha": 16.0}}, train=train)
    )
    refused = plumb.run(changed, "--resume")
    assert refused.returncode == 1
    assert "learner.lora.alpha was 8.0, is 16.0" in refused.stderr

    merged = learner | {"ranks": 1, "lora": lora | {"sync": "merge"}}
    config = str(plumb.write_config(learner=merged, train=train | {"steps": 3}, sync=QUIET))
    done = plumb.run(config, "--resume")
    assert done.returncode == 0, done.stderr
    assert "resumed after step 2" in done.stdout
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [0, 1, 2, 3]
    for row in rows[1:]:
        assert row["canary_gap"] < 1e-4
        assert row["rollout_logprob_gap"] < 1e-3
        assert row["grad_norm"] > 0
    assert faults(run) == []

    policy = exported(plumb, "policy", "--merged")
    moved = {name for name, tensor in policy.items() if not torch.equal(tensor, base[name])}
    assert moved == {name for name in base if "_proj" in name}
    for name, tensor in load_file(run / "model" / "model.safetensors").items():
        torch.testing.assert_close(policy[name], tensor, rtol=0, atol=1e-6, msg=name)
    mean = exported(plumb, "mean", "--ema")
    for name, tensor in load_file(run / "model_ema" / "model.safetensors").items():
        torch.testing.assert_close(mean[name], tensor, rtol=0, atol=1e-6, msg=name)
    factors = exported(plumb, "adapters", "--adapter", file="adapter_model.safetensors")
    assert {tensor.shape[0] == 4 for name, tensor in factors.items() if "lora_A" in name} == {True}
    settings = json.loads((plumb.folder / "adapters" / "adapter_config.json").read_text())
    assert (settings["r"], settings["lora_alpha"]) == (4, 8.0)


def exported(
    plumb: Plumb, target: str, *options: str, file: str = "model.safetensors"
) -> dict[str, torch.Tensor]:
    """What `plumb export` makes of the newest checkpoint."""
    done = subprocess.run(
        [sys.executable, "-m", "launch.cli", "export", "run", target, *options],
        cwd=plumb.folder,
        env=plumb.environment,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{target}: ")
    return load_file(plumb.folder / target / file)
