"""The cases of calls that came out of bug reports, where they lie beside the checkout."""

import json
from pathlib import Path

import pytest

from rewards import Sample, load_verifier
from rewards.options import configure

CASES = Path(__file__).parents[3] / "shared" / "cases" / "tool.jsonl"
COLUMNS = ("mode", "turn", "language")


@pytest.mark.skipif(not CASES.is_file(), reason="the cases are not beside the checkout")
def test_verdicts_are_as_expected() -> None:
    judge = configure(load_verifier("tool"), {}).judge
    wrong = []
    for line in CASES.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        columns = {name: row[name] for name in COLUMNS if name in row}
        tools = tuple(row["tools"])
        verdict = judge(
            Sample(row["id"], (), row["response"], row["reference"], "tool", tools, columns)
        )
        if str(verdict.outcome) != row["expected"]:
            wrong.append((row["id"], str(verdict.outcome), verdict.reason))
    assert wrong == []
