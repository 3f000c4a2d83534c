"""From rows in a public format to a training run, by the commands that a user types."""

import json
import subprocess
import sys

import pytest

from data.records import read_records
from rl.sinks import read_metrics
from tests.launch.conftest import Plumb

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1600)]

ROWS = 60
STEPS = 6


def run_data(plumb: Plumb, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "launch.cli", "data", *arguments],
        cwd=plumb.folder,
        env=plumb.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=400,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def raw_rows() -> list[dict[str, str]]:
    """GSM8K's columns: sums that are fine, and a row of each kind that is not."""
    fine = [
        {"question": f"add {n} to {n + 1}", "answer": f"{n} + {n + 1} is it.\n#### {2 * n + 1}"}
        for n in range(ROWS)
    ]
    return [
        *fine,
        {"question": "Prove that 1 + 1 = 2.", "answer": "By definition.\n#### 2"},
        {"question": "add 7 to 8", "answer": "7 + 8 is it.\n#### 15"},  # again
        {"question": "add 90 to 2", "answer": "It is \\boxed{92}.\n#### 93"},
        {"question": "add 500 to 2", "answer": "500 + 2 is it.\n#### 502"},  # in the evaluation
    ]


def test_raw_rows_become_a_mix_whose_cost_is_foretold(plumb: Plumb) -> None:
    raw = plumb.folder / "raw.jsonl"
    raw.write_text("".join(json.dumps(row) + "\n" for row in raw_rows()))
    evaluation = plumb.folder / "evaluation.jsonl"
    evaluation.write_text(json.dumps({"question": "Add 500 to 2", "answer": "#### 502"}) + "\n")

    run_data(plumb, "curate", "raw.jsonl", "--out", "curated", "--against", "mine=evaluation.jsonl")
    kept = list(read_records(plumb.folder / "curated"))
    assert len(kept) == ROWS
    assert [record.reference for record in kept[:3]] == ["1", "3", "5"]
    manifest = json.loads((plumb.folder / "curated" / "manifest.json").read_text())
    lost = [reason for reasons in manifest["counts"]["dropped"].values() for reason in reasons]
    assert len(lost) == 4, lost

    # The policy is frozen, so that what was measured stays true; a digit more or less is the task.
    config = str(
        plumb.write_config(
            data={"train": "mix", "eval_size": 0, "reference_column": "auto"},
            learner={"lr": 1e-12},
            sampler={"filter": "correctness"},
            train={"steps": STEPS, "eval_every": 0, "checkpoint_every": 0, "export": False},
        )
    )
    run_data(plumb, "difficulty", "curated", "--out", "measured", "--config", config, "--full")
    measured = list(read_records(plumb.folder / "measured"))
    assert [record.id for record in measured] == [record.id for record in kept]
    assert all(record.pass_rate and record.pass_rate.k == 5 for record in measured)

    run_data(plumb, "mix", "measured", "--out", "mix", "--ratio", "all")
    mixed = list(read_records(plumb.folder / "mix"))
    rates = [record.pass_rate.rate for record in mixed if record.pass_rate]
    assert sorted(r.id for r in mixed) == sorted(r.id for r in kept)
    assert rates == sorted(rates, reverse=True)

    run_data(plumb, "forecast", "mix", "--config", config, "--json", "forecast.json")
    foretold = json.loads((plumb.folder / "forecast.json").read_text())["steps"]
    assert len(foretold) == STEPS

    done = plumb.run(config)
    assert done.returncode == 0, done.stderr
    rows = read_metrics(plumb.folder / "run" / "metrics.jsonl")[1:]
    accepted = sum(row["groups_accepted"] for row in rows)
    sampled = sum(row["groups_sampled"] for row in rows)
    expected = sum(step["acceptance"] for step in foretold) / STEPS
    assert accepted / sampled == pytest.approx(expected, abs=0.25)

    run_data(plumb, "report", "measured")
    assert "Pass rates" in (plumb.folder / "measured" / "report.html").read_text()
