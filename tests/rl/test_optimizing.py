"""DeepSpeed does what the optimizer's settings say, on two ranks, at every ZeRO stage."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.rl.ranks import run_script

pytestmark = pytest.mark.timeout(1800)
SCRIPT = Path(__file__).with_name("optimizer_process.py")
STAGES = ["1", "2", "3", "1 offloaded", "2 offloaded", "3 offloaded", "1 offloaded fp32"]


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    said = run_script(SCRIPT, seconds=1700)
    line = next(line for line in said.splitlines() if line.startswith("FOUND "))
    values: dict[str, Any] = json.loads(line.removeprefix("FOUND "))
    return values


@pytest.mark.slow
@pytest.mark.parametrize("case", STAGES)
def test_gradients_are_added_up_in_float32_and_averaged(found: dict[str, Any], case: str) -> None:
    """In bfloat16 the sum of 1 and 32 times 2^-9 stays 1; here it is 1.0625 on one rank, and thrice
    that on the other. The second of two updates has nothing of the first."""
    assert found[f"sums {case}"] == pytest.approx([2.125, 2.125], rel=0.01)


@pytest.mark.slow
@pytest.mark.parametrize("case", ["1", "2", "bf16"])
def test_muons_update_is_orthogonal(found: dict[str, Any], case: str) -> None:
    """Its Newton-Schulz iteration brings singular values near 1 (kellerjordan.github.io)."""
    smallest, largest = found[f"muon {case}"]
    assert 0.5 < smallest <= largest < 1.5


@pytest.mark.slow
def test_updates_are_made_at_the_schedules_rates(found: dict[str, Any]) -> None:
    """Two steps of warm-up, the first of the fall, the last of it."""
    assert found["rates"] == pytest.approx([0.125, 0.25, 0.5, 0.125], rel=1e-3)
