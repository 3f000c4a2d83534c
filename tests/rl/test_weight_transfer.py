"""After an update vLLM computes what the learner does; where it does not, the canary tells."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rl.config.learning import CanaryConfig
from rl.hardware import Hardware

REPOSITORY = Path(__file__).parents[2]
KINDS = ["untied", "experts", "adapter"]
SCRIPT = Path(__file__).with_name("transfer_process.py")


@pytest.fixture(scope="module")
def gaps(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[float, float]]:
    """Of each case, the gap between engine and learner before an update and after it."""
    environment = Hardware(device="cpu", cores=2).engine_env(cache_gb=1)
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(tmp_path_factory.mktemp("models")), *KINDS],
        env=os.environ | environment | {"PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        timeout=800,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    lines = [line for line in done.stdout.splitlines() if line.startswith("CASE ")]
    found = [json.loads(line.removeprefix("CASE ")) for line in lines]
    return {name: (before, after) for name, before, after in found}


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "case",
    [
        "untied: whole",
        "experts: whole",
        "experts: broken off",
        "adapter: first",
        "adapter: second",
        "adapter: attention",
    ],
)
def test_an_update_arrives(gaps: dict[str, tuple[float, float]], case: str) -> None:
    before, after = gaps[case]
    assert before > CanaryConfig().warn, "other weights must be seen to differ"
    assert after < 1e-4


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_canary_catches_experts_that_were_loaded_raw(
    gaps: dict[str, tuple[float, float]],
) -> None:
    before, after = gaps["experts: raw"]
    assert before > CanaryConfig().warn
    assert after > CanaryConfig().warn
