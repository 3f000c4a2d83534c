"""`plumb eval RUN_DIR` on vLLM: the run's own verifier, wording and limits, a public set beside."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pyarrow import parquet

from tests.launch.conftest import Plumb
from tests.launch.eval_world import ROWS, write_set

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1600)]

PROMPTS = 10


def evaluated(plumb: Plumb, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "launch.cli", "eval", *arguments],
        cwd=plumb.folder,
        env=plumb.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=1500,
    )


def test_a_run_is_evaluated_as_it_was_trained(plumb: Plumb, tiny_model: Path) -> None:
    config = plumb.write_config(data={"template": "{prompt}, please"})
    run_dir = plumb.folder / "run"
    run_dir.mkdir()
    shutil.copy(config, run_dir / "config.yaml")
    shutil.copytree(tiny_model, run_dir / "model")
    data = plumb.write_data(PROMPTS)
    with data.open("a") as file:
        file.write(json.dumps({"prompt": "far too long " * 9, "reference": ""}) + "\n")
    write_set(plumb.folder, "gsm8k", [{**ROWS["gsm8k"][0], "question": "7?"}])
    command = ("run", "--set", "digits=data.jsonl", "--set", "gsm8k=gsm8k.jsonl", "-k", "digits=3")
    command += ("--temperature", "1", "--out", "out", "--max-prompt-tokens", "60")
    done = evaluated(plumb, *command)
    assert done.returncode == 0, done.stderr
    assert "pass@k" in done.stdout
    out = plumb.folder / "out"
    rows = parquet.read_table(out / "answers.parquet").to_pylist()
    assert len(rows) == 3 * (PROMPTS + 1) + 1
    digits = [row for row in rows if row["set"] == "digits" and row["stop_reason"] != "refused"]
    assert len(digits) == 3 * PROMPTS
    for row in digits:
        assert row["prompt"].endswith(", please")
        assert 0 < row["tokens"] <= 12
        many = sum(c.isdigit() for c in row["response"]) >= 3
        assert row["outcome"] == ("correct" if many else "incorrect")
    assert len({row["response"] for row in digits}) > PROMPTS
    refused = [row for row in rows if row["stop_reason"] == "refused"]
    assert {row["outcome"] for row in refused} == {"ungradable"}
    assert {row["prompt_id"] for row in refused} == {refused[0]["prompt_id"]}
    assert "max_prompt_tokens=60" in refused[0]["reason"]
    results = json.loads((out / "results.json").read_text())
    right = [row["outcome"] == "correct" for row in digits]
    assert results["sets"]["digits"]["accuracy"] == pytest.approx(sum(right) / len(right))
    # The public set has its own verifier, not the run's.
    assert results["reward"]["routes"]["math"]["spec"] == "math"

    # All answers are on disk: the same numbers come without an engine.
    (plumb.folder / "ray.py").write_text("raise RuntimeError('no engine is needed')")
    plumb.environment["PYTHONPATH"] = f"{plumb.folder}:{plumb.environment['PYTHONPATH']}"
    again = evaluated(plumb, *command)
    assert again.returncode == 0, again.stderr
    assert json.loads((out / "results.json").read_text())["sets"] == results["sets"]
