"""A run of the code config, cut short: programs run in a sandbox, and more of them are right."""

import json
import shutil

import pytest

from tests.launch.conftest import REPOSITORY, Plumb


@pytest.mark.slow
@pytest.mark.timeout(1600)
@pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed")
def test_accuracy_rises_on_programs(plumb: Plumb) -> None:
    done = plumb.run(
        str(REPOSITORY / "launch" / "configs" / "code.yaml"),
        "data.train=builtin:expressions?max=2&count=all",
        "model.warm_start_lr=3e-3",
        "data.eval_size=0",
        "reward.options.sandbox=bubblewrap",
        "train.steps=8",
        "train.eval_every=0",
        "train.checkpoint_every=8",
        "train.export=false",
        "run_dir=run",
        timeout=1500,
    )
    assert done.returncode == 0, done.stderr
    lines = (plumb.folder / "run" / "metrics.jsonl").read_text().splitlines()
    steps = [row for row in map(json.loads, lines) if row["step"] > 0]
    assert len(steps) == 8
    assert sum(row["ungradable"] for row in steps) == 0
    first, last = (sum(row["accuracy"] for row in part) / 2 for part in (steps[:2], steps[-2:]))
    assert last > first + 0.1
