"""`plumb init` writes a project that works as it is."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from launch.project.making import KINDS, make_project
from rl.errors import ConfigError


def run(folder: Path, *command: str) -> str:
    """What a command prints there; it has to succeed."""
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=folder, capture_output=True, text=True, timeout=280,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("kind", KINDS)
def test_its_tests_pass_and_its_config_goes_through(kind: str, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    names = make_project(folder, kind, "some/model")
    assert sorted(path.name for path in folder.iterdir()) == names
    assert "path: some/model" in (folder / "config.yaml").read_text()
    assert "runs/mine" in (folder / "README.md").read_text()
    run(folder, "pytest", "-q", "-p", "no:cacheprovider")
    said = run(folder, "launch.cli", "train", "config.yaml", "--dry-run", "model.path=builtin:tiny")
    assert "│ the reference       │ 16    │ 0" in said
    assert "│ nothing             │ 0     │ 16" in said
    if kind == "environment":
        assert "the chat template: " in said


def test_its_answers_are_graded_by_its_verifier(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    make_project(folder, "verifier", "some/model")
    run(folder, "launch.cli", "verify", "--plugin", "verifier.py:in_order", "answers.jsonl", "out")
    verdicts = [json.loads(line) for line in (folder / "out").read_text().splitlines()]
    assert [one["outcome"] for one in verdicts] == ["correct", "incorrect", "incorrect"]
    assert [one["reward"] for one in verdicts] == pytest.approx([1.0, 0.0, 0.5 / 3])


def test_nothing_that_is_there_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full/a").touch()
    (tmp_path / "file").touch()
    (tmp_path / "empty").mkdir()
    for name, complaint in (("full", "is not empty"), ("file", "is a file"), ("file/x", "made")):
        with pytest.raises(ConfigError, match=complaint):
            make_project(tmp_path / name, "verifier", "m")
    make_project(tmp_path / "empty", "verifier", "m")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "file", "full"]


def test_it_can_be_made_where_one_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names = make_project(Path(), "verifier", "m")
    assert sorted(path.name for path in Path().iterdir()) == names
    assert tmp_path.name in Path("README.md").read_text("utf-8")


def test_a_verifier_reads_the_other_columns_of_a_row(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(
        "from rewards import Sample, Verdict, verifier\n\n"
        "@verifier('own-of-test')\n"
        "def own(sample: Sample, *, least: int) -> Verdict:\n"
        "    return Verdict.correct(len(sample.response)) if len(sample.response) >= least "
        "else Verdict.incorrect(reason=f'below {least}')\n"
    )
    rows = [{"id": i, "response": "word" * i, "least": 5} for i in (1, 2)]
    (tmp_path / "in").write_text("".join(json.dumps(row) + "\n" for row in rows))
    run(tmp_path, "launch.cli", "verify", "--plugin", "own.py:own", "in", "out")
    verdicts = [json.loads(line) for line in (tmp_path / "out").read_text().splitlines()]
    assert [(one["reward"], one["reason"]) for one in verdicts] == [(0.0, "below 5"), (8.0, "")]
