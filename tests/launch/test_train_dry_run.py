"""`plumb train --dry-run` shows what a run would ask and what its verifier makes of answers."""

import json
from pathlib import Path

import huggingface_hub.constants
import pytest

from data.errors import DataError
from launch.train.dry_run import GOLD, NOISE, dry_run
from rewards.errors import RewardError
from rl.errors import PlumbError

ROWS = [{"prompt": f"sort {a} {b}", "reference": " ".join(sorted((a, b)))}
        for a, b in [("pear", "fig"), ("plum", "date"), ("lime", "kiwi")]]  # fmt: skip
PLUGIN = """
from rewards import Sample, Verdict, verifier

@verifier("sorted")
def sorts(sample: Sample) -> Verdict:
    return Verdict.correct() if sample.response == sample.reference else Verdict.incorrect()

@verifier("lenient")
def lenient(sample: Sample) -> Verdict:
    return Verdict.correct()

@verifier("strict")
def strict(sample: Sample) -> Verdict:
    return Verdict.incorrect()

@verifier("broken")
def broken(sample: Sample) -> Verdict:
    raise KeyError("score")
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A config with a verifier and data of a user's own; a process registers a verifier once."""
    path = tmp_path_factory.mktemp("own")
    (path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    (path / "plugin.py").write_text(PLUGIN)
    (path / "config.yaml").write_text(
        "data: {train: rows.jsonl, eval_size: 0}\n"
        "reward: {verifier: 'plugin.py:sorts', nodes: 2}\n"  # nodes would need a cluster
    )
    return path


@pytest.fixture
def config(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """That config, from its own folder."""
    monkeypatch.chdir(folder)
    return Path("config.yaml")


def row_of(text: str, answer: str) -> list[str]:
    """The table's row of an answer."""
    line = next(line for line in text.splitlines() if line.startswith(f"│ {answer} "))
    return [cell.strip() for cell in line.strip("│").split("│")]


def test_it_shows_a_prompt_its_tokens_and_what_answers_are_worth(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said: list[str] = []
    assert dry_run(config, [], said.append) == 0
    out = capsys.readouterr().out
    assert "<|user|>sort pear fig<|end|><|assistant|>" in out
    assert row_of(out, GOLD)[1:4] == ["3", "0", "0"]
    for wrong in ("another's reference", "nothing", NOISE):
        assert row_of(out, wrong)[1:4] == ["0", "3", "0"]
    assert "3 prompts to train on, 0 held out" in said
    assert any(line.startswith("prompts have ") for line in said)
    assert sorted(path.name for path in Path().iterdir() if path.name != "__pycache__") == [
        "config.yaml", "plugin.py", "rows.jsonl"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("verifier", "code", "told"),
    [
        ("plugin.py:lenient", 0, f"3 of 3 answers pass that should not: {NOISE}"),
        ("plugin.py:broken", 1, "no answer of one kind could be graded"),
        ("plugin.py:strict", 1, "no reference is right"),
    ],
)
def test_what_could_teach_nothing_is_told(
    config: Path, verifier: str, code: int, told: str
) -> None:
    said: list[str] = []
    assert dry_run(config, [f"reward.verifier={verifier}"], said.append) == code
    assert any(told in line for line in said), said


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ("rollout.max_prompt_tokens=5", "max_prompt_tokens"),
        ("model.path=nowhere/model", "nowhere"),
        ("reward.verifier=plugin.py:missing", "missing"),
        ("reward.verifier=code", "can never be graded"),
        ("data.train=missing.jsonl", "missing.jsonl"),
        ("trane.steps=1", "did you mean train"),
    ],
)
def test_what_a_run_would_refuse_is_refused(
    config: Path, change: str, complaint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Else the hub is asked for the model, again and again.
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises((PlumbError, DataError, RewardError), match=complaint):
        dry_run(config, [change], lambda line: None)
