"""Engines and learner in turns, on two Ray nodes of this machine: a whole run, with real parts."""

import json
from collections.abc import Iterator

import pytest
import torch
from safetensors.torch import load_file

from tests.launch.conftest import Plumb
from tests.ray_start import start_cluster


@pytest.fixture
def address(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Of a cluster of two nodes."""
    monkeypatch.setenv("RAY_worker_niceness", "0")  # as a cluster that a run starts has it
    cluster = start_cluster({"num_cpus": 1}, {"num_cpus": 1})
    try:
        yield cluster.address
    finally:
        cluster.shutdown()


@pytest.mark.slow
@pytest.mark.timeout(1600)
def test_a_run_in_turns_trains_evaluates_saves_and_exports(plumb: Plumb, address: str) -> None:
    """Engines forget their weights as they sleep: the canary would tell if one was not sent."""
    config = plumb.write_config(
        cluster={"address": address},
        placement={"layout": "colocated"},
        rollout={"engines": 2, "cpu_cache_gb": 1},
        learner={"ranks": 2, "zero_stage": 3},
        sync={"canary": {"warn": 1e-3, "stop": 1e-2}},
        train={
            "steps": 2,
            "eval_every": 1,
            "checkpoint_every": 1,
            "export_every": 2,
            "export": True,
        },
    )
    done = plumb.run(str(config), timeout=1500)
    assert done.returncode == 0, done.stderr
    assert "placed colocated, in turns: engines 1 on " in done.stdout
    assert "memory in use, GiB of " in done.stdout
    lines = (plumb.folder / "run" / "metrics.jsonl").read_text().splitlines()
    before, *steps = [json.loads(line) for line in lines]
    assert before["eval_accuracy"] is not None
    for row in steps:
        assert row["canary_gap"] < 1e-4
        assert row["rollout_logprob_gap"] < 1e-3
        assert row["evaluations"]["held_out"]["accuracy"] is not None
        assert row["memory"].keys() == {"asleep", "learning", "update", "sampling"}
        assert row["turn_seconds"] > 0
    saved = plumb.folder / "run" / "checkpoints"
    assert sorted(path.name for path in saved.iterdir()) == ["step_000001", "step_000002"]
    on_the_way = plumb.folder / "run" / "models"
    assert [path.name for path in on_the_way.iterdir()] == ["step_000002"]
    exported = [
        load_file(path / "model.safetensors")
        for path in (on_the_way / "step_000002", on_the_way.parent / "model")
    ]
    assert exported[0].keys() == exported[1].keys()
    assert all(torch.equal(tensor, exported[1][name]) for name, tensor in exported[0].items())
