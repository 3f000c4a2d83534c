"""The cases of programs that came out of bug reports and attacks, where they lie beside the
checkout, judged as a run judges them."""

import json
from pathlib import Path

import pytest

from rewards import GradingPool, Rubric, Sample, Use
from rewards.types import TRUST
from tests.sandbox.conftest import BACKENDS, require

pytestmark = [pytest.mark.asyncio, pytest.mark.slow]

CASES = Path(__file__).parents[3] / "shared" / "cases"
COLUMNS = ("language", "limits")


async def outcomes(samples: list[Sample], backend: str, bare: bool) -> list[tuple[str, str]]:
    """What each sample comes to, and why."""
    use = Use("code", {"sandbox": backend, "bare": bare})
    async with GradingPool(Rubric(use), workers=1) as pool:
        verdicts = await pool.grade(samples)
    return [(str(one.outcome), one.reason) for one in verdicts]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", ["code", "hacks_code"])
async def test_verdicts_are_as_expected(name: str, backend: str) -> None:
    await require(backend)
    path = CASES / f"{name}.jsonl"
    if not path.is_file():
        pytest.skip("the cases are not beside the checkout")
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    text = "response" if name == "code" else "program"
    samples = [
        Sample(row["id"], (), row[text], row["tests"], "code",
               metadata={one: row[one] for one in COLUMNS if one in row})
        for row in rows
    ]  # fmt: skip
    found = await outcomes(samples, backend, bare=text == "program")
    wrong = []
    for row, (outcome, reason) in zip(rows, found, strict=True):
        is_distrusted = name == "hacks_code" and reason.startswith(f"{TRUST}: ")
        if outcome != row["expected"] and not is_distrusted:
            wrong.append((row["id"], outcome, reason))
    assert wrong == []
