"""What a laptop, a CI job or a grading node imports stays light, and a command starts at once."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {"torch", "ray", "vllm", "deepspeed", "transformers", "openrlhf", "pyarrow", "tensorboard"}
ROOT = Path(__file__).parents[2]


def run(code: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=os.environ | {"COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def plumb(*arguments: str) -> "tuple[subprocess.CompletedProcess[str], str, set[str]]":
    """A command, what it wrote, and the packages that it had loaded at its end."""
    done = run(
        "import sys, atexit, json, runpy\n"
        f"sys.argv = ['plumb', *{arguments!r}]\n"
        "atexit.register(lambda: print('MODULES' + json.dumps(list(sys.modules))))\n"
        "runpy.run_module('launch.cli', run_name='__main__')\n"
    )
    written, _, loaded = done.stdout.partition("MODULES")
    return done, written, packages(loaded)


def packages(modules: str) -> set[str]:
    return {name.partition(".")[0] for name in json.loads(modules)}


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
    done = run(f"import {module}, json, sys; print(json.dumps(list(sys.modules)))")
    assert done.returncode == 0, done.stderr
    assert HEAVY & packages(done.stdout) == set()


def test_help_needs_nothing_heavy() -> None:
    done, shown, loaded = plumb("train", "--help")
    assert done.returncode == 0, done.stderr
    for word in ("--resume", "--overwrite", "REINFORCE++", "learner.lr=1e-6"):
        assert word in shown
    assert HEAVY & loaded == set()


def test_a_wrong_config_is_refused_before_anything_heavy_is_loaded(tmp_path: Path) -> None:
    config = tmp_path / "run.yaml"
    config.write_text("learner: {lrr: 1}")
    done, shown, loaded = plumb("train", str(config))
    assert done.returncode == 2
    assert done.stderr == f"plumb: {config}: unknown key learner.lrr; did you mean learner.lr?\n"
    assert shown == ""
    assert HEAVY & loaded <= {"pyarrow"}, "which writes the rollouts"
