"""Processes of a run die under it: it names each, goes on within a bound, and loses no prompt."""

import os
import re
import signal
import time
from pathlib import Path
from subprocess import Popen

import psutil
import pytest

from launch.train.status import status_of
from rl.checkpoint import CheckpointStore
from rl.errors import ConfigError
from rl.fault_log import read_faults
from rl.sinks import read_metrics
from tests.launch.conftest import Plumb, drained, last_step, wait_for_step, wait_until
from tests.processes import tree
from tests.run_files import faults

LEARNER_SECONDS = 60.0


def of_run(process: "Popen[str]", name: str) -> list[psutil.Process]:
    """Processes of a run by what their command line holds."""
    found = []
    for one in tree(process.pid):
        try:
            if name in " ".join(one.cmdline()):
                found.append(one)
        except psutil.Error:
            continue
    return found


def told(run_dir: Path, pattern: str) -> list[tuple[float, str]]:
    """When and what the run has noted of its faults, of lines that hold a pattern."""
    lines = [(row["time"], row["line"]) for row in read_faults(run_dir)]
    return [(when, line) for when, line in lines if re.search(pattern, line)]


def starts(run_dir: Path, what: str) -> bool:
    """Whether `plumb status` shows that a run starts this."""
    try:
        seen = status_of(run_dir)
    except ConfigError:  # it shows nothing yet
        return False
    return seen.state == "starting" and what in seen.waits_for


def is_prepared(spare: psutil.Process) -> bool:
    """Whether a process has what vLLM computes with on a CPU."""
    return any("vllm/_C" in one.path for one in spare.memory_maps())


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_run_survives_the_death_of_a_rank_an_engine_and_a_grading_worker(plumb: Plumb) -> None:
    run_dir = plumb.folder / "run"
    config = plumb.write_config(
        train={"steps": 1000, "checkpoint_every": 2, "keep_checkpoints": 2},
        sampler={"filter": "none", "max_lag": 2},
        rollout={"engines": 2, "max_response_tokens": 48, "spare_after": 0.0},
        learner={"ranks": 2},
        data={"train": str(plumb.write_data(4000)), "eval_size": 4},
    )
    process = plumb.start(str(config))
    drained(process)
    wait_until(lambda: starts(run_dir, "rollout engine 1: being started"), 300, "what is started")
    wait_for_step(run_dir, 3)
    wait_until(CheckpointStore(run_dir, keep=2).steps, 300, "a checkpoint")

    killed = time.time()
    of_run(process, "ray::LearnerActor")[-1].kill()
    wait_until(lambda: told(run_dir, "the learner is back"), 300, "the learner's return")
    ((noticed, line),) = told(run_dir, "the learner is lost: learner rank [01] died while ")
    ((back, _),) = told(run_dir, r"the learner is back after .* from the checkpoint of step \d+$")
    print(f"learner: noticed after {noticed - killed:.1f} s, back {back - noticed:.1f} s later")
    assert "died" in line
    assert noticed - killed < LEARNER_SECONDS / 2
    seen = status_of(run_dir)
    assert (seen.state, seen.pid) == ("running", process.pid)
    wait_for_step(run_dir, last_step(run_dir) + 2)

    # The first two are engines, which have made tokens by now; another is, or was, prepared.
    engine, _, spare = sorted(of_run(process, "ray::EngineActor"), key=lambda p: p.create_time())
    wait_until(lambda: is_prepared(spare), 300, "a process that is ready to be an engine")
    killed = time.time()
    engine.kill()
    wait_until(lambda: told(run_dir, "rollout engine . is back"), 300, "the engine's return")
    ((noticed, _),) = told(run_dir, r"rollout engine \d is lost: ")
    ((back, _),) = told(run_dir, r"rollout engine \d is back, at policy version \d+$")
    print(f"engine: noticed after {noticed - killed:.1f} s, back {back - noticed:.1f} s later")
    assert spare.is_running()

    of_run(process, "rewards.grading.worker")[0].kill()
    wait_until(lambda: told(run_dir, "grading worker"), 60, "the grading worker's replacement")
    wait_for_step(run_dir, last_step(run_dir) + 2)

    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(240) == 130
    assert faults(run_dir) == []
    rows = read_metrics(run_dir / "metrics.jsonl")
    assert all(row["canary_gap"] < 0.05 for row in rows[1:]), "engines held the learner's weights"
    assert status_of(run_dir).state.startswith("stopped: ")
