"""SIGKILL to an asynchronous run, or to single engines of one: no prompt is lost or doubled."""

import os
import random
import signal
import threading
import time
from pathlib import Path
from subprocess import Popen

import psutil
import pytest

from rl.checkpoint import CheckpointStore
from rl.rollout_files import episode_files, step_of
from rl.sinks import read_metrics
from tests.launch.conftest import Plumb, last_step, wait_for_step, wait_until
from tests.processes import kill_tree, tree
from tests.run_files import batches, faults

ASYNCHRONOUS = {
    "filter": "reward",
    "prompts_per_step": 4,
    "samples_per_prompt": 4,
    "max_lag": 2,
}
ENGINE = "ray::EngineActor"


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_an_asynchronous_run_killed_twice_goes_on(plumb: Plumb) -> None:
    seed = random.randrange(10**6)
    print(f"the instants are drawn from {seed}")
    draw = random.Random(seed)
    run_dir = plumb.folder / "run"
    train = {"steps": 1000, "checkpoint_every": 2}
    config = str(plumb.write_config(train=train, sampler=ASYNCHRONOUS))
    for again in ([], ["--resume"]):
        process = plumb.start(config, *again)
        wait_for_step(run_dir, last_step(run_dir) + 4)  # of its own, whatever was made before
        wait_until(CheckpointStore(run_dir, keep=2).steps, 300, "a checkpoint")  # written beside
        time.sleep(draw.uniform(0, 1.5))
        assert process.poll() is None
        kill_tree(process.pid)
        process.communicate()
    end = last_step(run_dir) + 4
    done = plumb.run(config, "--resume", f"train.steps={end}")
    assert done.returncode == 0, done.stderr
    assert "resumed after step" in done.stdout
    assert f"the process {process.pid} that had this run died without a word" in done.stdout
    assert faults(run_dir) == []
    assert {step: len(groups) for step, groups in batches(run_dir).items()} == dict.fromkeys(
        range(1, end + 1), 4
    )
    rows = read_metrics(run_dir / "metrics.jsonl")
    assert max(row["lag_max"] for row in rows[1:]) in {1, 2}


def engines(process: "Popen[str]") -> list[psutil.Process]:
    """The processes of a run's engines that are there now."""
    found = []
    for one in tree(process.pid):
        try:
            if " ".join(one.cmdline()).startswith(ENGINE):
                found.append(one)
        except psutil.Error:
            continue
    return found


def in_an_update(run_dir: Path) -> bool:
    """Whether a step is learnt, and its weights are not with the engines yet."""
    files = episode_files(run_dir / "rollouts")
    return bool(files) and (step_of(files[-1]) or 0) > last_step(run_dir)


def stopped_in_an_update(run_dir: Path, process: "Popen[str]") -> psutil.Process:
    """An engine that stands still while an update waits for it."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        engine = engines(process)[-1]
        engine.suspend()
        for _ in range(20):
            time.sleep(0.05)
            if in_an_update(run_dir):
                time.sleep(0.3)
                if in_an_update(run_dir):
                    return engine
        engine.resume()
        time.sleep(random.uniform(0, 0.3))
    raise AssertionError("no update was under way")


def listened(process: "Popen[str]") -> list[str]:
    """A list that grows by what the run says."""
    lines: list[str] = []

    def listen() -> None:
        for line in process.stdout or ():
            lines.append(line)
            print(line, end="")  # for whoever reads of a failure

    threading.Thread(target=listen, daemon=True).start()
    return lines


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_engines_killed_in_mid_generation_and_in_mid_update_cost_nothing(plumb: Plumb) -> None:
    run_dir = plumb.folder / "run"
    config = plumb.write_config(
        train={"steps": 1000, "checkpoint_every": 0},
        sampler=ASYNCHRONOUS | {"filter": "none"},
        rollout={"engines": 2, "max_response_tokens": 48},
        data={"train": str(plumb.write_data(4000)), "eval_size": 4},
    )
    process = plumb.start(str(config))
    lines = listened(process)

    def said(words: str) -> list[str]:
        return [line for line in lines if line.startswith("rollout engine ") and words in line]

    def wait_until_back(times: int) -> None:
        """Steps are made without the engine, and then with it."""
        wait_for_step(run_dir, last_step(run_dir) + 2)
        wait_until(lambda: len(said(" is back, at policy version ")) == times, 300, "its return")
        wait_for_step(run_dir, last_step(run_dir) + 2)

    wait_for_step(run_dir, 3)
    # At this lag the engines always have something to decode.
    engines(process)[0].kill()
    wait_until_back(1)
    stopped_in_an_update(run_dir, process).kill()
    wait_until_back(2)
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(240) == 130
    assert len(said(" is lost: ")) == 2, lines
    assert faults(run_dir) == []
    rows = read_metrics(run_dir / "metrics.jsonl")
    assert sum(row["tokens"]["lost"] for row in rows[1:]) > 0, "answers were cut short"
    assert all(row["canary_gap"] < 0.05 for row in rows[1:]), "the weights that came back are right"
