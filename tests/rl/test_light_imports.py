"""What a laptop, a CI job or a grading node imports stays light, and a command starts at once."""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {"torch", "ray", "vllm", "deepspeed", "transformers", "openrlhf", "pyarrow", "tensorboard"}
ROOT = Path(__file__).parents[2]


def run(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=os.environ | {"COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    "module",
    [
        "rl", "rl.config", "rl.tokens", "rl.groups",
        "rl.dispatch.build", "rl.episodes.runner", "rl.learn.shares", "rl.errors", "rl.storage",
        "rl.checkpoint", "rl.placement", "rewards", "rewards.grading.pool", "sandbox", "data",
        "data.sources", "data.stream", "launch.cli", "launch.train.plan",
    ],
)  # fmt: skip
def test_importing_brings_in_nothing_heavy(module: str) -> None:
    loaded = json.loads(run(f"import {module}, json, sys; print(json.dumps(list(sys.modules)))"))
    assert HEAVY & {name.partition(".")[0] for name in loaded} == set()


def test_help_answers_at_once_and_without_anything_heavy() -> None:
    """Measured as processor time, of which heavy imports take more than 5 s."""
    code = (
        "import sys, atexit, json\n"
        "sys.argv = ['plumb', 'train', '--help']\n"
        "atexit.register(lambda: print('MODULES' + json.dumps(list(sys.modules))))\n"
        "import runpy; runpy.run_module('launch.cli', run_name='__main__')\n"
    )
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    shown, _, loaded = run(code).partition("MODULES")
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before < 4.0
    for word in ("--resume", "--overwrite", "REINFORCE++", "learner.lr=1e-6"):
        assert word in shown
    assert HEAVY & {name.partition(".")[0] for name in json.loads(loaded)} == set()


def test_a_wrong_config_is_refused_before_anything_heavy_is_loaded(tmp_path: Path) -> None:
    config = tmp_path / "run.yaml"
    config.write_text("learner: {lrr: 1}")
    started = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    done = subprocess.run(
        [sys.executable, "-m", "launch.cli", "train", str(config)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - started < 2.0
    assert done.returncode == 2
    assert done.stderr == f"plumb: {config}: unknown key learner.lrr; did you mean learner.lr?\n"
    assert done.stdout == ""
