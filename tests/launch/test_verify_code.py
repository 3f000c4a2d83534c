"""`plumb verify --task code` as a command: programs in, verdicts out, one line for a fault."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from data.errors import RowError
from data.sources import load_prompts
from launch.verify.rows import read_batches
from launch.verify.validate import validate
from tests.launch.conftest import REPOSITORY

pytestmark = pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed")

PLUMB = [sys.executable, "-m", "launch.cli"]
SEVEN = {"kind": "stdio", "cases": [{"stdin": "", "stdout": "7\n"}]}
NEXT = {"kind": "calls", "entry_point": "f", "cases": [{"args": [1], "returns": 2}]}
CHECK = {
    "kind": "check",
    "entry_point": "f",
    "source": "def check(candidate):\n    for i in range(3):\n        assert candidate(i) > i\n",
}
IN_PROCESS = {"kind": "harness", "source": "int main(void) { return f() != 2; }"}
BOTH = {"kind": "harness", "source": "x = f()\nassert(x == 2)"}  # Python, and JavaScript
ROWS: list[tuple[dict[str, Any], str, str]] = [
    ({"program": "print(7)", "tests": SEVEN}, "correct", "passed"),
    ({"program": "print(8)", "tests": SEVEN}, "incorrect", "wrong answer: "),
    ({"program": "f = lambda x: x + 1", "tests": NEXT}, "correct", "passed"),
    ({"program": "f = lambda x: x + 1", "tests": CHECK}, "correct", "passed (checker)"),
    ({"response": "So:\n```js\nconsole.log(7)\n```", "tests": SEVEN}, "correct", "passed"),
    ({"response": "print(7)", "tests": SEVEN}, "incorrect", "no code block"),
    ({"program": "```\nprint(7)\n```", "tests": SEVEN}, "incorrect", "runtime error: "),
    (
        {"program": "while 1: pass", "tests": SEVEN, "limits": {"wall_seconds": 0.5}},
        "incorrect",
        "time limit: ",
    ),
    ({"program": "print(7", "tests": SEVEN, "language": "c"}, "incorrect", "compile error: "),
    (
        {"program": "f = 1", "tests": {"kind": "harness", "source": "import ("}},
        "ungradable",
        "tests: ",
    ),
    ({"program": "int f;", "language": "c", "tests": IN_PROCESS}, "ungradable", "trust: "),
    # The fence of an answer does not choose what a test script is read as.
    ({"response": "```js\nfunction f() { return 2; }\n```", "tests": BOTH}, "incorrect", ""),
]


def verify(folder: Path, rows: list[dict[str, Any]], *options: str) -> tuple[Any, list[Any]]:
    """The finished command and its output."""
    (folder / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = subprocess.run(
        [*PLUMB, "verify", "in.jsonl", "out.jsonl", *options],
        cwd=folder,
        env={"PYTHONPATH": str(REPOSITORY), "PATH": "/usr/bin:/bin", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    out = folder / "out.jsonl"
    return done, [json.loads(line) for line in out.read_text().splitlines()] if out.exists() else []


def test_rows_are_graded_in_their_order(tmp_path: Path) -> None:
    rows = [{"id": number, **row} for number, (row, _, _) in enumerate(ROWS)]
    done, found = verify(tmp_path, rows, "--task", "code", "--sandbox", "bubblewrap")
    assert done.returncode == 0, done.stderr
    assert [row["id"] for row in found] == list(range(len(ROWS)))
    for got, (_, outcome, reason) in zip(found, ROWS, strict=True):
        assert got["outcome"] == outcome, got
        assert got["reason"].startswith(reason), got
        assert got["reward"] == {"correct": 1.0, "incorrect": 0.0}.get(outcome)
    assert "passed (checker)" in done.stdout


def test_a_command_ends_in_one_line_when_there_is_no_sandbox(tmp_path: Path) -> None:
    rows = [{"id": 1, "program": "print(7)", "tests": SEVEN}]
    done, found = verify(tmp_path, rows, "--task", "code", "--sandbox", "dokcer")
    assert (done.returncode, found) == (1, [])
    assert done.stderr.startswith("plumb: the verifier 'code' has no sandbox: ")
    assert done.stderr.count("\n") == 1


def test_the_sandbox_is_not_for_math(tmp_path: Path) -> None:
    rows = [{"id": 1, "prediction": "7", "reference": "7"}]
    done, _ = verify(tmp_path, rows, "--task", "math", "--sandbox", "docker")
    assert done.returncode == 2
    assert "--sandbox is for --task code" in done.stderr


def test_a_level_is_chosen_by_name(tmp_path: Path) -> None:
    rows = [{"id": 1, "program": "int f(void) { return 2; }", "language": "c", "tests": IN_PROCESS}]
    options = ("--task", "code", "--sandbox", "bubblewrap", "--trust")
    done, found = verify(tmp_path, rows, *options, "in-process")
    assert [row["reason"] for row in found] == ["passed (in process)"], done.stderr
    done, found = verify(tmp_path, rows, *options, "full")
    assert done.returncode == 2
    assert "--trust is 'full'; use in-process, checker or outside" in done.stderr


def test_tests_that_could_not_grade_any_program_are_misses(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "rows.jsonl"
    in_c = {"language": "c", **IN_PROCESS}
    rows = [{"prompt": "a", "reference": one} for one in (SEVEN, in_c, NEXT, "no JSON", CHECK)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    prompts = load_prompts(path)
    given = {"out": None, "workers": 1, "deadline": 3.0, "memory_mb": 512}
    assert validate(str(path), prompts, "code", **given) == 2
    shown = capsys.readouterr().out
    assert f"{path} line 2: ungradable: " in shown
    assert f"{path} line 4: ungradable: " in shown
    assert "3 of 5" in shown
    assert validate(str(path), prompts, "code", trust="in-process", **given) == 1


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"tests": SEVEN}, "neither response nor program"),
        ({"program": "x", "response": "y", "tests": SEVEN}, "both response and program"),
        ({"program": 7, "tests": SEVEN}, "the program is a number"),
        ({"program": "x"}, "has no tests"),
        ({"program": "x", "tests": []}, "the tests are an array"),
        ({"program": "x", "tests": {"kind": "magic"}}, "tests"),
        ({"program": "x", "tests": {"kind": "stdio", "cases": []}}, "tests.stdio.cases"),
        ({"program": "x", "tests": SEVEN, "language": "cobol"}, "there is no language 'cobol'"),
        ({"program": "x", "tests": SEVEN, "language": ["c"]}, "there is no language"),
        ({"program": "x", "tests": SEVEN, "limits": 3}, "the limits are a number"),
        ({"program": "x", "tests": SEVEN, "limits": {"wall": 3}}, "limits.wall"),
    ],
)
def test_a_row_that_cannot_be_used_is_named(
    tmp_path: Path, row: dict[str, Any], message: str
) -> None:
    path = tmp_path / "rows.jsonl"
    good = {"id": 1, "program": "print(7)", "tests": SEVEN}
    path.write_text(f"{json.dumps(good)}\n{json.dumps({'id': 2, **row})}\n")
    with pytest.raises(RowError) as raised:
        list(read_batches(str(path), "code"))
    assert str(raised.value).startswith(f"{path} line 2: ")
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)
