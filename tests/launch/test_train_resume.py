"""Killed in the middle of a step, a run goes on as if nothing had happened."""

import json
import os
import signal
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from conftest import Plumb, leftovers, wait_until


def trained_prompts(run_dir: Path) -> dict[str, list[tuple[str, str, float]]]:
    """Every sampled response of every step, in order."""
    steps = {}
    for path in sorted((run_dir / "rollouts").glob("step_*.parquet")):
        rows = pq.read_table(path).to_pylist()
        steps[path.stem] = [(row["prompt_id"], row["response"], row["reward"]) for row in rows]
    return steps


def metrics(run_dir: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (run_dir / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.slow
def test_a_killed_run_resumes_over_the_same_prompts(plumb: Plumb) -> None:
    train = {"steps": 6, "checkpoint_every": 2}
    sampler = {"filter": "reward", "prompts_per_step": 4, "samples_per_prompt": 4}
    config = str(plumb.write_config(train=train, sampler=sampler))
    whole, killed = plumb.folder / "whole", plumb.folder / "killed"
    done = plumb.run(config, f"run_dir={whole}")
    assert done.returncode == 0, done.stderr

    process = plumb.start(config, f"run_dir={killed}")
    reached = killed / "rollouts" / "step_000003.parquet"
    wait_until(reached.exists, 120, "step 3")
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    wait_until(lambda: not leftovers(), 30, "the end of the killed run's processes")

    refused = plumb.run(config, f"run_dir={killed}")
    assert refused.returncode == 2
    assert "--resume" in refused.stderr
    resumed = plumb.run(config, f"run_dir={killed}", "--resume")
    assert resumed.returncode == 0, resumed.stderr
    assert "resumed after step 2" in resumed.stdout

    assert trained_prompts(killed) == trained_prompts(whole)
    rows, expected = metrics(killed), metrics(whole)
    assert [row["step"] for row in rows] == [0, 1, 2, 3, 4, 5, 6]
    for row, wanted in zip(rows[1:], expected[1:], strict=True):
        assert row["grad_norm"] == pytest.approx(wanted["grad_norm"], rel=1e-3)
        assert row["lr"] == wanted["lr"]
