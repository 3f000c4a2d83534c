"""`plumb track` sends what is left, and shows a run elsewhere that had no tracker."""

import fcntl
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from launch.cli import app
from rl.status import Status, write_status
from tests.rl.tracked import Tracked


@pytest.fixture
def tracked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tracked:
    return Tracked(tmp_path, monkeypatch)


def track(*arguments: str | Path) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["track", *map(str, arguments)])
    return done.exit_code, done.output


def test_it_sends_what_is_left_and_then_nothing(tracked: Tracked) -> None:
    tracked.does("refuse:open")
    assert not tracked.whole(range(3), mlflow={"uri": "http://mlflow.example"})
    tracked.well.touch()
    code, output = track(tracked.run_dir, "--wait", "240")
    assert code == 0 and "mlflow: everything is sent" in output
    assert set(tracked.sent("mlflow").values()) == {1}
    assert [one["how"] for one in tracked.noted("mlflow", "end")] == ["FAILED"]  # it has no status
    assert track(tracked.run_dir, "--wait", "240")[0] == 0
    assert set(tracked.sent("mlflow").values()) == {1}
    assert track(tracked.run_dir, "--anew", "--wait", "240")[0] == 0
    assert set(tracked.sent("mlflow").values()) == {2}


def test_a_run_without_a_tracker_can_be_shown_in_one(tracked: Tracked) -> None:
    tracked.begin(samples=0).end("finished")
    python = f"trackers.python={sys.executable}"
    tracked.steps(range(2), tracked.begin(samples=0))
    code, output = track(tracked.run_dir, "trackers.trackio.project=mine", python)
    assert code == 0, output
    assert [one["project"] for one in tracked.noted("trackio", "open")] == ["mine"]
    assert {step for step, _ in tracked.sent("trackio")} == {0, 1}


def test_a_run_that_goes_on_is_not_shown_as_failed(tracked: Tracked) -> None:
    tracked.steps(range(2), tracked.begin(samples=0))
    given = ["trackers.trackio.project=mine", f"trackers.python={sys.executable}"]
    status = Status.of("running", step=2, steps=9, doing="", waits_for=(), quiet=0.0)
    write_status(tracked.run_dir, status)
    code, output = track(tracked.run_dir, *given)
    assert code == 2 and "the run goes on without trackio: send it when it has ended" in output
    write_status(tracked.run_dir, replace(status, time=status.time - 100, host="elsewhere"))
    assert track(tracked.run_dir, *given)[0] == 0
    assert {step for step, _ in tracked.sent("trackio")} == {0, 1}


def test_what_is_kept_on_this_machine_is_not_called_sent(
    tracked: Tracked, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracked.steps(range(1), tracked.begin(samples=0))
    monkeypatch.setenv("WANDB_MODE", "offline")
    given = ["trackers.wandb={}", f"trackers.python={sys.executable}", "--wait", "240"]
    code, output = track(tracked.run_dir, *given)
    assert code == 0 and "wandb: kept on this machine" in output
    assert "everything is sent" not in output


def test_what_was_sent_is_not_forgotten_where_nothing_can_be_sent(
    tracked: Tracked, tmp_path: Path
) -> None:
    tracked.begin(samples=0)
    ledger = tracked.run_dir / "trackers" / "trackio.json"
    ledger.parent.mkdir()
    ledger.write_text("what was sent")
    python = f"trackers.python={tmp_path / 'nowhere'}"
    code, output = track(tracked.run_dir, "--anew", "trackers.trackio={}", python)
    assert code == 2 and "cannot be started" in output
    assert ledger.read_text() == "what was sent"


def test_wrong_uses_are_a_line(tracked: Tracked, tmp_path: Path) -> None:
    assert track(tmp_path / "none")[0] == 2
    tracked.begin(samples=0)
    code, output = track(tracked.run_dir)
    assert code == 2 and "names no tracker: name one, such as trackers.wandb" in output
    folder = tracked.run_dir / "trackers"
    folder.mkdir()
    with (folder / "trackio.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        code, output = track(tracked.run_dir, "trackers.trackio={}")
    assert code == 2 and "the run goes on, and sends to trackio by itself" in output
    assert track(tracked.run_dir, "--wait", "0")[0] == 2
