"""A verifier that crashes or hangs on some answers costs these answers, and nothing else."""

import json

import pytest
from conftest import Plumb

FLAKY = """
import hashlib
import os

from rewards import Sample, Verdict


def flaky(sample: Sample) -> Verdict:
    luck = hashlib.sha256(f"{sample.id}{sample.response}".encode()).digest()[0]
    if luck < 20:
        os._exit(1)
    while luck >= 236:
        pass
    return Verdict.correct(1.0) if luck % 2 else Verdict.incorrect(0.0)
"""


@pytest.mark.slow
def test_a_flaky_verifier_costs_only_what_it_did_not_measure(plumb: Plumb) -> None:
    (plumb.folder / "flaky.py").write_text(FLAKY)
    config = plumb.write_config(
        reward={"verifier": "flaky.py:flaky", "deadline": 0.5, "max_ungradable": 0.5},
        sampler={"prompts_per_step": 8, "samples_per_prompt": 8, "filter": "correctness"},
    )
    done = plumb.run(str(config))
    assert done.returncode == 0, done.stderr
    lines = (plumb.folder / "run" / "metrics.jsonl").read_text().splitlines()
    steps = [row for row in map(json.loads, lines) if row["step"] > 0]
    assert [row["step"] for row in steps] == [1, 2]
    lost = sum(row["ungradable"] for row in steps)
    assert lost > 0
    summary = next(line for line in done.stdout.splitlines() if line.startswith("ungradable"))
    assert " crash" in summary
    assert " deadline" in summary
    assert int(summary.split()[1]) >= lost, "the summary counts evaluations too"
    for row in steps:
        assert 0.3 < row["accuracy"] < 0.7, "the lost answers count as neither right nor wrong"
