"""Interrupted or killed in the middle of a step, a run goes on as if nothing had happened."""

import json
import os
import signal
from pathlib import Path
from subprocess import Popen

import pyarrow.parquet as pq
import pytest
from conftest import Plumb, leftovers, only_line, wait_until

from rl.checkpoint import CheckpointStore

COMPARED = 6  # steps


def rollouts(run_dir: Path, step: int) -> Path:
    return run_dir / "rollouts" / f"step_{step:06d}.parquet"


def trained_prompts(run_dir: Path) -> list[list[tuple[str, str, float]]]:
    """Every sampled response of every step, in order."""
    tables = [pq.read_table(rollouts(run_dir, step)) for step in range(1, COMPARED + 1)]
    return [
        [(row["prompt_id"], row["response"], row["reward"]) for row in table.to_pylist()]
        for table in tables
    ]


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
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + number, errors
    assert "is saved: add --resume to go on from there" in only_line(errors)
    return output


@pytest.mark.slow
def test_a_stopped_run_says_so_and_resumes_over_the_same_prompts(plumb: Plumb) -> None:
    train = {"steps": 1000, "checkpoint_every": 2}
    sampler = {"filter": "reward", "prompts_per_step": 4, "samples_per_prompt": 4}
    config = str(plumb.write_config(train=train, sampler=sampler))
    whole, killed = plumb.folder / "whole", plumb.folder / "killed"

    process = plumb.start(config, f"run_dir={whole}")
    wait_until(rollouts(whole, COMPARED + 1).exists, 120, "the uninterrupted run's steps")
    interrupt(process, signal.SIGINT)
    assert saved_steps(whole)[-1] == all_metrics(whole)[-1]["step"], "the stop itself saves"

    process = plumb.start(config, f"run_dir={killed}")
    wait_until(rollouts(killed, 3).exists, 120, "step 3")
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    wait_until(lambda: not leftovers(), 30, "the end of the killed run's processes")

    refused = plumb.run(config, f"run_dir={killed}")
    assert refused.returncode == 2
    assert "--resume" in refused.stderr
    process = plumb.start(config, f"run_dir={killed}", "train.eval_every=500", "--resume")
    wait_until(rollouts(killed, COMPARED + 1).exists, 120, "the resumed run's steps")
    assert "resumed after step 2" in interrupt(process, signal.SIGTERM)

    assert trained_prompts(killed) == trained_prompts(whole)
    rows, expected = metrics(killed), metrics(whole)
    assert [row["step"] for row in rows] == [0, 1, 2, 3, 4, 5, 6]
    for row, wanted in zip(rows[1:], expected[1:], strict=True):
        assert row["grad_norm"] == pytest.approx(wanted["grad_norm"], rel=1e-3)
        assert row["lr"] == wanted["lr"]
