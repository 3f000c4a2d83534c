"""A run serves its judge: one loss costs nothing, the next stops the run.

A stand-in takes the place of vLLM's server, which `tests/rewards/test_judge_served.py` starts, and
only there: the run's engine is vLLM's own.
"""

import json
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.judge_server import make_stand_in
from tests.launch.conftest import Plumb, wait_until
from tests.processes import descendants

PATIENCE = 240.0  # seconds; more than a server takes to come back on a busy machine
CHOOSE = """
import sys

if "vllm.entrypoints.openai.api_server" in sys.orig_argv:
    sys.path.insert(0, {folder!r})
"""


def steps(run: Path) -> list[dict[str, Any]]:
    """The training steps that a run has finished."""
    path = run / "metrics.jsonl"
    lines = path.read_text().splitlines(keepends=True) if path.exists() else []
    rows = [json.loads(line) for line in lines if line.endswith("\n")]
    return [row for row in rows if row["step"] > 0]


def server() -> psutil.Process:
    """The process that serves vLLM's API."""
    return descendants(f"{sys.executable} -m vllm.entrypoints")[0]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_judge_that_comes_back_costs_nothing_and_one_that_stays_away_stops_the_run(
    plumb: Plumb,
) -> None:
    run = plumb.folder / "run"
    stand_in = plumb.folder / "stand-in"
    make_stand_in(stand_in)
    (plumb.folder / "sitecustomize.py").write_text(CHOOSE.format(folder=str(stand_in)))
    plumb.environment["PYTHONPATH"] += f":{plumb.folder}"
    serve = {
        "model": "judge",
        "restarts": 1,
        "start_deadline": 240,
        "log": str(plumb.folder / "server.log"),
    }
    options = {"serve": serve, "patience": PATIENCE}
    config = plumb.write_config(
        reward={"verifier": "judge", "options": options}, train={"steps": 1000}
    )
    process = plumb.start(str(config))
    wait_until(lambda: steps(run), 240, "the first step")

    server().kill()
    count = len(steps(run))
    wait_until(lambda: len(steps(run)) >= count + 2, PATIENCE, "two steps after a restart")
    done = steps(run)
    assert all(row["ungradable"] == 0 for row in done)
    assert all(-1 <= row["reward_mean"] <= 1 for row in done)

    server().kill()
    _, errors = process.communicate(timeout=180)
    assert process.returncode == 1
    (message,) = [line for line in errors.splitlines() if line.startswith("plumb: ")]
    assert "answers could not be graded, more than reward.max_ungradable=0.1" in message
    assert "the judge's server was restarted 1 times and given up" in message
    assert "--resume" in message
    assert "Traceback" not in errors
