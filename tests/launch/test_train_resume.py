"""Interrupted or killed in the middle of a step, a run goes on as if nothing had happened."""

import json
import os
import random
import signal
import time
from pathlib import Path
from subprocess import Popen

import pytest

from rl.checkpoint import CheckpointStore
from tests.launch.conftest import Plumb, only_line, wait_until
from tests.processes import kill_tree
from tests.run_files import Ended, batches, ended_groups, faults

COMPARED = 6  # steps


def rollouts(run_dir: Path, step: int) -> Path:
    return run_dir / "rollouts" / f"step_{step:06d}.parquet"


def trained(run_dir: Path) -> dict[int, list[Ended]]:
    """What the compared steps were trained on: prompts, answers and rewards, in order."""
    return {step: own for step, own in batches(run_dir).items() if step <= COMPARED}


def left_out(run_dir: Path) -> list[tuple[int, int, str]]:
    """Step, group and ending of those that were not trained on in the compared steps."""
    return sorted(
        (one.step, one.index, one.ending)
        for one in ended_groups(run_dir)
        if one.ending != "trained" and one.step <= COMPARED
    )


def all_metrics(run_dir: Path) -> list[dict[str, float]]:
    lines = (run_dir / "metrics.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def metrics(run_dir: Path) -> list[dict[str, float]]:
    return all_metrics(run_dir)[: COMPARED + 1]


def saved_steps(run_dir: Path) -> list[int]:
    return CheckpointStore(run_dir, keep=1).steps()


def interrupt(process: Popen[str], number: signal.Signals) -> str:
    """End a run as Ctrl-C or as a scheduler does, and return what it printed."""
    if number is signal.SIGINT:
        os.killpg(process.pid, number)  # Ray's own processes ignore it
    else:
        process.send_signal(number)
    output, errors = process.communicate(timeout=180)
    assert process.returncode == 128 + number, errors
    assert "is saved: add --resume to go on from there" in only_line(errors)
    return output


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_stopped_run_says_so_and_resumes_over_the_same_prompts(plumb: Plumb) -> None:
    train = {"steps": 1000, "checkpoint_every": 2}
    sampler = {"filter": "reward", "prompts_per_step": 4, "samples_per_prompt": 4}
    config = str(plumb.write_config(train=train, sampler=sampler))
    whole, killed = plumb.folder / "whole", plumb.folder / "killed"

    process = plumb.start(config, f"run_dir={whole}")
    wait_until(rollouts(whole, COMPARED + 1).exists, 240, "the uninterrupted run's steps")
    interrupt(process, signal.SIGINT)
    assert saved_steps(whole)[-1] == all_metrics(whole)[-1]["step"], "the stop itself saves"

    process = plumb.start(config, f"run_dir={killed}")
    wait_until(rollouts(killed, 3).exists, 240, "step 3")
    wait_until(lambda: saved_steps(killed), 240, "a checkpoint")
    time.sleep(random.uniform(0, 1))
    kill_tree(process.pid)
    process.communicate()
    saved = saved_steps(killed)[-1]

    refused = plumb.run(config, f"run_dir={killed}")
    assert refused.returncode == 2
    assert "--resume" in refused.stderr
    again, began = rollouts(killed, max(COMPARED, saved) + 1), time.time()
    process = plumb.start(config, f"run_dir={killed}", "train.eval_every=500", "--resume")
    # The killed run may have come so far too.
    wait_until(
        lambda: again.exists() and again.stat().st_mtime > began, 240, "the resumed run's steps"
    )
    assert f"resumed after step {saved}" in interrupt(process, signal.SIGTERM)

    assert trained(killed) == trained(whole)
    assert left_out(killed) == left_out(whole)
    assert faults(killed) == faults(whole) == []
    rows, expected = metrics(killed), metrics(whole)
    assert [row["step"] for row in rows] == [0, 1, 2, 3, 4, 5, 6]
    for row, wanted in zip(rows[1:], expected[1:], strict=True):
        assert row["grad_norm"] == pytest.approx(wanted["grad_norm"], rel=1e-3)
        assert row["lr"] == wanted["lr"]
