"""`plumb data curate` on rows of programs, as a user runs it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from data.curate.code import FACTS
from data.records import read_records
from data.sources import load_prompts
from rewards.code.task import read_task

pytestmark = pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed")
START = 'def f(x):\n    """The next number."""\n'


def row(name: str, body: str, *claims: str) -> dict[str, str]:
    """A row as HumanEval has it."""
    asserts = "".join(f"    assert {claim}\n" for claim in claims)
    return {
        "task_id": name,
        "prompt": START,
        "entry_point": "f",
        "canonical_solution": body,
        "test": f"def check(candidate):\n{asserts}",
    }


ROWS = [
    row("good", "    return x + 1\n", "candidate(1) == 2", "candidate(4) == 5"),
    row("wrong", "    return x - 1\n", "candidate(1) == 2", "candidate(4) == 5"),
    row("constant", "    return x + 1\n", "candidate(0) == 1"),
]


def curate(folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """Run the command over rows.jsonl."""
    (folder / "rows.jsonl").write_text("".join(f"{json.dumps(one)}\n" for one in ROWS))
    command = ["data", "curate", "rows.jsonl", "--out", "out", "--workers", "1", *more]
    return subprocess.run(
        [sys.executable, "-m", "launch.cli", *command],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )


def test_rows_are_kept_by_what_their_programs_do(tmp_path: Path) -> None:
    done = curate(tmp_path, "--sandbox", "bubblewrap", "--runs", "2", "--mutants", "4")
    assert done.returncode == 0, done.stderr
    counts = json.loads((tmp_path / "out/manifest.json").read_text())["counts"]
    dropped = {"no reference passes": 1, "a constant program passes": 1}
    assert counts["dropped"] == {"code tests": dropped}
    (kept,) = read_records(tmp_path / "out")
    assert kept.source_id == "good"
    assert kept.metadata[FACTS]["references"] == 1
    (prompt,) = load_prompts(tmp_path / "out")
    assert read_task(prompt.reference, None, None).language == "python"
    # Which sandbox it was is no part of the work: nothing is left to do.
    before = (tmp_path / "out/manifest.json").read_bytes()
    assert curate(tmp_path, "--runs", "2", "--mutants", "4", "--sandbox", "no such").returncode == 0
    assert (tmp_path / "out/manifest.json").read_bytes() == before


def test_a_sandbox_that_is_away_is_one_line(tmp_path: Path) -> None:
    done = curate(tmp_path, "--sandbox", "http://127.0.0.1:1")
    assert done.returncode == 1
    assert "plumb: stage 'code tests': " in done.stderr and "127.0.0.1:1" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out/manifest.json").exists()
