"""A run knows its data files by their content, and does not resume over others."""

import json
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from data.errors import SourceError
from data.records import write_records
from data.schema import Record
from launch.train.files import NAME, record_files
from rl.config import RunConfig
from rl.config_file import load_config
from rl.errors import CheckpointError


def rows(path: Path, *answers: str) -> str:
    path.write_text("".join(json.dumps({"prompt": a, "answer": a}) + "\n" for a in answers))
    return str(path)


def part(folder: Path, number: int, answer: str) -> None:
    record = Record(messages=({"role": "user", "content": answer},), task="math", reference=answer)
    write_records(folder / f"part_{number:06d}.parquet", [record])


def config_of(folder: Path, settings: dict[str, Any]) -> RunConfig:
    path = folder / "run.yaml"
    path.write_text(yaml.safe_dump({"run_dir": str(folder / "run")} | settings))
    config = load_config(path)
    config.run_dir.mkdir(exist_ok=True)
    return config


def test_every_file_of_a_run_is_recorded_by_its_content(tmp_path: Path) -> None:
    parts = tmp_path / "curated"
    part(parts, 0, "1")
    part(parts, 1, "2")
    train, held = rows(tmp_path / "train.jsonl", "3"), rows(tmp_path / "held.jsonl", "4")
    named = rows(tmp_path / "named.jsonl", "5")
    config = config_of(
        tmp_path,
        {
            "data": {"sources": {"a": train, "b": str(parts), "c": "builtin:tools"}, "eval": held},
            "evaluation": {"named": {"file": named}},
        },
    )
    record_files(config, resume=False)
    said = json.loads((config.run_dir / NAME).read_text())["files"]
    assert {file: digest for files in said.values() for file, digest in files.items()} == {
        str(file): sha256(Path(file).read_bytes()).hexdigest()
        for file in (train, *sorted(parts.iterdir()), held, named)
    }
    record_files(config, resume=True)
    assert json.loads((config.run_dir / NAME).read_text())["files"] == said


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda folder: rows(folder / "train.jsonl", "3", "4"), "train.jsonl is not what it was"),
        (lambda folder: rows(folder / "held.jsonl", "5"), "held.jsonl is not what it was"),
        (lambda folder: part(folder / "curated", 1, "8"), "part_000001.parquet is not what"),
        (lambda folder: part(folder / "curated", 2, "3"), "part_000002.parquet is new, and its"),
        (
            lambda folder: (folder / "curated" / "part_000001.parquet").unlink(),
            "part_000001.parquet is gone, and its",
        ),
    ],
)
def test_a_file_that_changed_is_named_when_a_run_resumes(
    tmp_path: Path, change: Any, named: str
) -> None:
    part(tmp_path / "curated", 0, "1")
    part(tmp_path / "curated", 1, "2")
    train, held = rows(tmp_path / "train.jsonl", "3"), rows(tmp_path / "held.jsonl", "4")
    sources = {"a": train, "b": str(tmp_path / "curated")}
    config = config_of(tmp_path, {"data": {"sources": sources, "eval": held}})
    record_files(config, resume=False)
    change(tmp_path)
    with pytest.raises(CheckpointError) as caught:
        record_files(config, resume=True)
    message = str(caught.value)
    assert named in message and "restore it to continue, or start a new run" in message
    assert "\n" not in message
    record_files(config, resume=False)
    record_files(config, resume=True)


def test_another_file_in_the_settings_is_recorded_beside(tmp_path: Path) -> None:
    config = config_of(tmp_path, {"data": {"train": rows(tmp_path / "a.jsonl", "1")}})
    record_files(config, resume=False)
    other = config_of(tmp_path, {"data": {"train": rows(tmp_path / "b.jsonl", "1")}})
    record_files(other, resume=True)
    rows(tmp_path / "a.jsonl", "2")
    with pytest.raises(CheckpointError, match=r"a\.jsonl is not what it was"):
        record_files(config, resume=True)


def test_runs_from_before_go_on_and_a_damaged_record_is_one_line(tmp_path: Path) -> None:
    config = config_of(tmp_path, {"data": {"train": rows(tmp_path / "a.jsonl", "1")}})
    record_files(config, resume=True)
    (config.run_dir / NAME).write_text('{"version": 1, "files": [')
    with pytest.raises(CheckpointError, match=r"data\.json: cannot be read: JSONDecodeError"):
        record_files(config, resume=True)
    (tmp_path / "a.jsonl").unlink()
    with pytest.raises(SourceError, match=r"a\.jsonl: cannot be read: No such file"):
        record_files(config, resume=False)


@dataclass
class Training:
    """`plumb train` of a config in a folder, with a run that does nothing but fail."""

    folder: Path
    started: int = 0
    fails: BaseException | None = None

    async def run(self, *given: object, **options: object) -> None:
        self.started += 1
        if self.fails is not None:
            raise self.fails

    def opened(self, config: RunConfig, *, resume: bool, **options: object) -> object:
        config.run_dir.mkdir(exist_ok=True)
        return SimpleNamespace(step=1) if resume else None

    def train(self, *, resume: bool) -> None:
        from launch.train.run import train

        train(self.folder / "run.yaml", [], resume=resume, overwrite=False, say=lambda _: None)


@pytest.fixture
def training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Training:
    made = Training(tmp_path)
    monkeypatch.setattr("launch.train.run.run", made.run)
    monkeypatch.setattr("launch.train.run.open_run_dir", made.opened)
    monkeypatch.setattr("launch.train.run.prepare_tiny", lambda *_: tmp_path)
    monkeypatch.setattr("launch.train.closing.close", lambda *_: None)
    config_of(tmp_path, {"data": {"train": rows(tmp_path / "a.jsonl", "1", "2"), "eval_size": 0}})
    return made


def test_training_checks_them_before_anything_starts(training: Training) -> None:
    training.train(resume=False)
    training.train(resume=True)
    assert training.started == 2
    rows(training.folder / "a.jsonl", "1", "3")
    with pytest.raises(CheckpointError, match=r"a\.jsonl is not what it was"):
        training.train(resume=True)
    assert training.started == 2


@pytest.mark.parametrize(
    ("left", "error", "said"),
    [
        ("", KeyboardInterrupt(), []),
        ("metrics.jsonl", KeyboardInterrupt(), ["no step is saved: add --overwrite to begin anew"]),
        (
            "checkpoints/step_000004",
            KeyboardInterrupt(),
            ["step 4 is saved: add --resume to go on from there"],
        ),
        ("checkpoints/step_000004", CheckpointError("it is damaged: delete it"), []),
    ],
)
def test_a_run_that_ends_early_says_what_there_is_to_go_on_from(
    left: str, error: BaseException, said: list[str], training: Training
) -> None:
    if left:
        (training.folder / "run" / left).mkdir(parents=True)
    training.fails = error
    with pytest.raises(type(error)) as caught:
        training.train(resume=False)
    assert getattr(caught.value, "__notes__", []) == said
