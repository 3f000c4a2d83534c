"""The cases that came out of bug reports and attacks, where they lie beside the checkout."""

import json
from pathlib import Path

import pytest

from rewards import Sample, load_verifier

CASES = Path(__file__).parents[3] / "shared" / "cases"


@pytest.mark.parametrize("name", ["math", "hacks_math"])
def test_verdicts_are_as_expected(name: str) -> None:
    path = CASES / f"{name}.jsonl"
    if not path.is_file():
        pytest.skip("the cases are not beside the checkout")
    wrong = []
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        bare = "prediction" in row
        text = row["prediction"] if bare else row["response"]
        sample = Sample(row["id"], (), text, row["reference"])
        verdict = load_verifier("math-bare" if bare else "math").judge(sample)
        if str(verdict.outcome) != row["expected"]:
            wrong.append((row["id"], str(verdict.outcome), verdict.reason))
    assert wrong == []
