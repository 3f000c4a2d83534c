"""`plumb sandbox tests` as a user runs it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed")
PROBLEM = {
    "id": "sum",
    "tests": [
        {"category": "normal", "stdin": "1 2", "stdout": "3"},
        {"category": "boundary", "stdin": "", "stdout": "1"},
    ],
    "solutions": [
        {"source": "print(sum(map(int, input().split())))"},
        {"source": "import sys\nprint(sum(map(int, sys.stdin.read().split())))"},
    ],
}


def keep(folder: Path, *rows: object) -> subprocess.CompletedProcess[str]:
    """Run the command over `rows`, from in.jsonl to out.jsonl."""
    (folder / "in.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    command = ["sandbox", "tests", "in.jsonl", "out.jsonl", "--sandbox", "bubblewrap"]
    return subprocess.run(
        [sys.executable, "-m", "launch.cli", *command],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_it_keeps_what_solutions_agree_on(tmp_path: Path) -> None:
    done = keep(tmp_path, *[PROBLEM] * 3)
    assert done.returncode == 0, done.stderr
    assert "kept 3 of 6 tests (3 normal)" in done.stdout
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [row["kept"] for row in rows] == [{"normal": 1}] * 3
    assert rows[0]["tests"]["cases"] == [{"stdin": "1 2", "stdout": "3"}]


def test_a_bad_row_is_one_line(tmp_path: Path) -> None:
    done = keep(tmp_path, PROBLEM | {"solutions": []})
    assert done.returncode == 1
    assert "in.jsonl line 1: solutions:" in done.stderr
    assert not (tmp_path / "out.jsonl").exists()
