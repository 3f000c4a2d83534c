"""The agent of the endpoint's page, taken from the page, trains a model."""

import json
import os
import re
import sys
from pathlib import Path

import pytest

from tests.launch.conftest import REPOSITORY, Plumb, only_line

PAGE = (REPOSITORY / "rl" / "endpoint" / "README.md").read_text()


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


@pytest.mark.slow
@pytest.mark.timeout(1100)
def test_the_page_s_agent_trains_a_model(plumb: Plumb) -> None:
    plumb.environment["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    (plumb.folder / "agent.py").write_text(block("python"))
    (plumb.folder / "agent.yaml").write_text(block("yaml"))
    done = plumb.run("agent.yaml", timeout=1000)
    assert done.returncode == 0, done.stderr
    lines = (plumb.folder / "runs/agent/metrics.jsonl").read_text().splitlines()
    steps = [row for row in map(json.loads, lines) if row["step"] > 0]
    assert len(steps) == 2
    for row in steps:
        assert row["ungradable"] == 0
        assert row["turns_mean"] == 2
        assert row["trajectories_per_episode"] == 2  # it asks the same twice, from the start
        assert row["environment"]["requests_begun"] == 2
        assert row["environment"]["agent_failed"] == 0
        assert row["tokens"]["trained"] > 0


def test_an_agent_that_is_not_there_is_told_at_once(plumb: Plumb) -> None:
    (plumb.folder / "agent.yaml").write_text(block("yaml").replace("python,", "no-such-python,"))
    done = plumb.run("agent.yaml", timeout=120)
    assert done.returncode == 2
    assert "no program 'no-such-python'" in only_line(done.stderr)
