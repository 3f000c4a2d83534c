"""What a user can do wrong, and what can go wrong around a run: one clear line, no orphans."""

import json
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.launch.conftest import Plumb, only_line


def test_a_misspelt_key_names_the_right_one(plumb: Plumb) -> None:
    config = plumb.write_config(learner={"warmup_step": 3})
    done = plumb.run(str(config))
    assert done.returncode == 2
    assert "did you mean learner.warmup_steps?" in only_line(done.stderr)


def test_a_missing_config_is_named(plumb: Plumb) -> None:
    done = plumb.run("absent.yaml")
    assert done.returncode == 2
    assert "absent.yaml" in only_line(done.stderr)


def test_a_broken_line_of_the_data_is_named(plumb: Plumb) -> None:
    config = plumb.write_config()
    data = plumb.folder / "data.jsonl"
    lines = data.read_text().splitlines()
    lines[6] = '{"prompt": "digits'
    data.write_text("\n".join(lines))
    done = plumb.run(str(config))
    assert done.returncode == 1
    assert "data.jsonl line 7" in only_line(done.stderr)


def test_a_plugin_that_is_not_there_is_named(plumb: Plumb) -> None:
    config = plumb.write_config(reward={"verifier": "digits.py:few_digits"})
    done = plumb.run(str(config))
    assert done.returncode == 1
    assert "few_digits" in only_line(done.stderr)


def test_a_model_that_is_not_there_is_named(plumb: Plumb) -> None:
    plumb.environment["HF_HUB_OFFLINE"] = "1"  # else the hub is asked, again and again
    config = plumb.write_config(model={"path": "models/absent"})
    done = plumb.run(str(config))
    assert done.returncode == 1
    assert "models/absent" in only_line(done.stderr)


def test_a_model_folder_that_is_not_there_is_no_name_of_the_hub(plumb: Plumb) -> None:
    done = plumb.run(str(plumb.write_config(model={"path": "./models/trained/absent"})))
    assert done.returncode == 1
    assert "the model folder ./models/trained/absent does not exist" in only_line(done.stderr)


def test_what_can_be_known_is_told_before_a_warm_start(plumb: Plumb) -> None:
    """The model's folder is made by the warm start, the run's by nothing else before it."""
    faults = {
        "maths": {"reward": {"verifier": "maths"}},
        "max_wrds": {"reward": {"verifier": "constraints", "options": {"max_wrds": 5}}},
        "eval_temperature": {"train": {"eval_samples": 4}},
        "rollout.max_prompt_tokens": {"rollout": {"max_prompt_tokens": 4}},
    }
    for told, sections in faults.items():
        data = {"train": "builtin:arithmetic?count=400", "eval_size": 4}
        config = plumb.write_config(model={"path": "builtin:tiny"}, data=data, **sections)
        done = plumb.run(str(config))
        assert done.returncode in {1, 2}
        assert told in only_line(done.stderr)
        assert "warm start" not in done.stdout


@pytest.mark.slow
def test_an_occupied_port_is_named(plumb: Plumb) -> None:
    with socket.socket() as occupant:
        occupant.bind(("", 0))
        occupant.listen()
        port = occupant.getsockname()[1]
        config = plumb.write_config(learner={"port": port})
        done = plumb.run(str(config))
    assert done.returncode == 1
    message = only_line(done.stderr)
    assert f"port {port}" in message
    assert "learner.port" in message


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system with room for the start of a run, and for no checkpoint."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small file system needs root")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.slow
def test_a_full_disk_stops_the_run_and_leaves_what_was_saved(
    plumb: Plumb, small_disk: Path
) -> None:
    run_dir = small_disk / "run"
    done = plumb.run(str(plumb.write_config()), f"run_dir={run_dir}")
    assert done.returncode == 1
    message = only_line(done.stderr)
    assert "disk is full" in message
    assert "--resume" not in message, "nothing was saved that a run could go on from"
    assert not list((run_dir / "checkpoints").glob("*"))


@pytest.mark.slow
def test_a_guard_stops_a_run_with_its_last_step_saved(plumb: Plumb) -> None:
    config = plumb.write_config(
        train={"steps": 50, "checkpoint_every": 0},
        guards={"truncated": {"warn": 0.01, "stop": 0.02, "steps": 2}},
    )
    done = plumb.run(str(config))
    assert done.returncode == 1
    line = only_line(done.stderr)
    assert "guard truncated, step 2: " in line and "guards.truncated.stop=0.02" in line
    assert "step 2 is saved: add --resume" in line and "report.html" in line
    run = plumb.folder / "run"
    rows = [json.loads(row) for row in (run / "metrics.jsonl").read_text().splitlines()]
    assert [row["guards"].keys() for row in rows if row["step"]] == [set(), {"truncated"}]
    assert "stopped the run" in (run / "report.html").read_text()
