"""Clusters that lose a node, or their head, under a run."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from subprocess import Popen

import psutil
import pytest
from ray_nodes import Node, head, node

from rl.checkpoint import CheckpointStore
from rl.fault_log import read_faults
from rl.sinks import read_metrics
from tests.launch.conftest import Plumb, drained, last_step, only_line, wait_for_step, wait_until
from tests.processes import tree
from tests.run_files import faults


def told(run_dir: Path, words: str) -> list[float]:
    """When the run has noted what holds these words, seconds since 1970."""
    return [row["time"] for row in read_faults(run_dir) if words in row["line"]]


def running(process: "Popen[str]", mark: str) -> Iterator[psutil.Process]:
    """Processes of a run by what their command line holds."""
    for one in tree(process.pid):
        try:
            if mark in " ".join(one.cmdline()):
                yield one
        except psutil.Error:
            continue


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_run_whose_head_is_gone_saves_and_stops(plumb: Plumb) -> None:
    run_dir = plumb.folder / "run"
    config = plumb.write_config(
        train={"steps": 1000, "checkpoint_every": 0},
        data={"train": str(plumb.write_data(4000)), "eval_size": 0},
        cluster={"head_silence": 4.0},
    )
    process = plumb.start(str(config))
    wait_for_step(run_dir, 3)
    killed = time.monotonic()
    (server,) = running(process, "/gcs/gcs_server")
    server.kill()
    try:
        _, errors = process.communicate(timeout=180)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    print(f"ended after {time.monotonic() - killed:.1f} s")
    assert process.returncode == 1
    assert "has been away for cluster.head_silence=4 s" in only_line(errors)
    assert told(run_dir, "does not answer")
    assert CheckpointStore(run_dir, keep=1).steps() == [last_step(run_dir)]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_run_survives_the_loss_of_a_node_with_a_rank_and_an_engine(plumb: Plumb) -> None:
    run_dir = plumb.folder / "run"
    config = plumb.write_config(
        train={"steps": 1000, "checkpoint_every": 2, "keep_checkpoints": 2},
        sampler={"max_lag": 2},
        rollout={"engines": 2},
        learner={"ranks": 2},
        placement={"engines_per_node": 1, "ranks_per_node": 1},
        data={"train": str(plumb.write_data(4000)), "eval_size": 4},
    )
    with head(plumb.environment, "--num-cpus", "2") as first:
        plumb.environment["RAY_ADDRESS"] = first.address
        with node(plumb.environment, first, "--num-cpus", "2") as second:
            process = plumb.start(str(config))
            drained(process)
            wait_for_step(run_dir, 3)
            lose(second)
            killed = time.time()
            wait_until(lambda: told(run_dir, "the learner is back"), 300, "the learner's return")
            wait_until(lambda: told(run_dir, "is back, at policy"), 300, "the engine's return")
        for words in ("the learner is lost: ", "rollout engine ", "the learner is back"):
            print(f"{words!r} after {told(run_dir, words)[0] - killed:.1f} s")
        wait_for_step(run_dir, last_step(run_dir) + 3)
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(240) == 130
    assert len(told(run_dir, "the learner is lost")) == 1, "it is not started where nothing is"
    assert faults(run_dir) == []
    rows = read_metrics(run_dir / "metrics.jsonl")
    assert all(row["canary_gap"] < 0.05 for row in rows[1:]), "engines held the learner's weights"


def lose(lost: Node) -> None:
    """Kill a node on which a part of the run is."""
    assert lost.running("ray::LearnerActor") and lost.running("ray::EngineActor")
    lost.kill()
