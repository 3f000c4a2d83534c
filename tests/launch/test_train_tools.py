"""A run of the tools config, cut short: calls and text in one run, each told apart, both better."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.launch.conftest import REPOSITORY, Plumb


def accuracies(rows: list[dict[str, Any]], task: str) -> list[float]:
    return [row["tasks"][task]["accuracy"] for row in rows]


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


@pytest.mark.slow
@pytest.mark.timeout(1600)
def test_accuracy_rises_on_calls_and_on_text(plumb: Plumb) -> None:
    done = plumb.run(
        str(REPOSITORY / "launch" / "configs" / "tools.yaml"),
        "data.train=builtin:tools?max=2&count=32",
        "data.eval_size=0",
        "train.steps=8",
        "train.eval_every=0",
        "train.checkpoint_every=8",
        "train.export=false",
        "run_dir=run",
        timeout=1500,
    )
    assert done.returncode == 0, done.stderr
    run = plumb.folder / "run"
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    steps = [row for row in rows if row["step"] > 0]
    assert len(steps) == 8
    assert sum(row["ungradable"] for row in steps) == 0
    for task in ("tool", "text"):
        found = accuracies(steps, task)
        assert mean(found[-2:]) > mean(found[:2]) + 0.1, (task, found)
    assert "Accuracy by task" in Path(run / "report.html").read_text()
    assert "tool" in done.stdout and "text" in done.stdout
