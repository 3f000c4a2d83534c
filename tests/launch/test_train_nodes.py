"""Clusters that lose a node, or their head, under a run."""

import subprocess
import time

import pytest
from conftest import Plumb, only_line, wait_until
from ray_nodes import head

from rl.checkpoint import CheckpointStore
from rl.sinks import read_metrics


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_run_whose_head_is_gone_saves_and_stops(plumb: Plumb) -> None:
    run_dir = plumb.folder / "run"
    config = plumb.write_config(
        train={"steps": 1000, "checkpoint_every": 0},
        sampler={"filter": "none"},
        data={"train": str(plumb.write_data(4000)), "eval_size": 0},
        cluster={"head_silence": 4.0},
    )
    with head(plumb.environment, "--num-cpus", "2") as first:
        plumb.environment["RAY_ADDRESS"] = first.address
        process = plumb.start(str(config))

        def steps() -> int:
            return len(read_metrics(run_dir / "metrics.jsonl"))

        wait_until(lambda: steps() >= 3, 240, "three steps")
        killed = time.monotonic()
        (server,) = first.running("gcs_server")
        server.kill()
        try:
            _, errors = process.communicate(timeout=90)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        print(f"ended after {time.monotonic() - killed:.1f} s")
    assert process.returncode == 1
    assert "has been away for cluster.head_silence=4 s" in only_line(errors)
    saved = CheckpointStore(run_dir, keep=1).steps()
    assert saved
    assert saved[-1] == read_metrics(run_dir / "metrics.jsonl")[-1]["step"]
