"""Trackers show a run once, go on with it after a stop, and neither stop nor slow it."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from rl.config import RunConfig, TrackersConfig
from rl.errors import ConfigError
from rl.trackers.feed import Feed
from rl.trackers.ledger import Ledger, unsent
from rl.trackers.pythons import pythons_of
from tests.rl.tracked import ALL, FAKES, NAMES, Tracked

SECRET = "hunter2-hunter2"


@pytest.fixture
def tracked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tracked:
    return Tracked(tmp_path, monkeypatch)


def running() -> list[psutil.Process]:
    """The processes of trackers that this one has started."""
    found = []
    for child in psutil.Process().children():
        with suppress(psutil.NoSuchProcess):
            if "rl.trackers.process" in " ".join(child.cmdline()):
                found.append(child)
    return found


def expected(steps: range) -> dict[tuple[int, str], int]:
    """Every number once: a step's own, and its evaluation, which ends beside the next step."""
    loss = {(step, "loss"): 1 for step in steps}
    return loss | {(step, "evaluations/aime 24 é/accuracy"): 1 for step in steps[:-1]}


def test_each_shows_every_number_of_a_step_once_and_the_report(
    tracked: Tracked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SERVICE_API_KEY", SECRET)
    tracking = tracked.begin(**{**ALL, "wandb": {"tags": [f"with {SECRET}"]}})
    tracked.steps(range(4), tracking)
    (tracked.run_dir / "report.html").write_text(f"<p>{SECRET} &amp; more</p>")
    assert tracking.end("finished"), tracked.lines
    for name in NAMES:
        assert tracked.sent(name) == expected(range(4)), name
        assert [one["text"] for one in tracked.noted(name, "report")] == [
            "<p>(secret) &amp; more</p>"
        ]
        assert len(tracked.noted(name, "end")) == 1
        assert len([line for line in tracked.lines if line.startswith(f"{name}: ")]) == 1
        assert unsent(tracked.run_dir, name) == ""
    assert SECRET not in (tracked.run_dir.parent / "log.jsonl").read_text()
    (opened,) = tracked.noted("wandb", "open")
    assert opened["config"]["trackers"]["wandb"]["tags"] == ["with (secret)"]
    assert {"name": "*", "step_metric": "step"}.items() <= tracked.noted("wandb", "define")[
        1
    ].items()
    (settings,) = tracked.noted("wandb", "settings")
    assert settings["fields"]["console"] == "off" and settings["fields"]["x_disable_meta"]


def test_a_resumed_run_goes_on_as_the_same_and_no_step_is_there_twice(tracked: Tracked) -> None:
    assert tracked.whole(range(5), "failed")
    tracking = tracked.begin()
    tracked.steps(range(3, 7), tracking, last_step=2)  # the checkpoint was of step 2
    assert tracking.end("finished")
    for name in NAMES:
        assert tracked.sent(name) == expected(range(7)), name
        runs = {one["run"] for one in tracked.noted(name, "open")}
        assert len(runs) == 1 and Ledger(tracked.run_dir, name).run in runs
        assert tracked.noted(name, "again")[-1]["steps"] in ([3, 4], 4)
    assert [one["how"] for one in tracked.noted("wandb", "end")] == [1, 0]
    assert [one["how"] for one in tracked.noted("mlflow", "end")] == ["FAILED", "FINISHED"]


def test_steps_are_said_to_be_trained_again_where_no_new_one_follows(
    tracked: Tracked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(FAKES))
    from rl.trackers.mlflow_service import MlflowService

    section = TrackersConfig.model_validate({"mlflow": ALL["mlflow"]}).model_dump(mode="json")
    (tracked.run_dir / "trackers").mkdir()
    for times in ([1.0, 2.0, 3.0], [1.0, 2.0, 4.0]):  # a run of three steps, and its last again
        rows = [{"step": step, "time": at, "loss": 0.5} for step, at in enumerate(times)]
        (tracked.run_dir / "metrics.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n")
        feed = Feed(tracked.run_dir, "mlflow", section, {}, MlflowService, tracked.lines.append)
        feed.send(whole=True)
        feed.close("finished")
    assert [one["steps"] for one in tracked.noted("mlflow", "again")] == [[2]]


def test_a_run_that_goes_back_while_it_runs_is_not_doubled_either(tracked: Tracked) -> None:
    tracking = tracked.begin(trackio={})
    tracked.steps(range(4), tracking)
    tracked.steps(range(2, 6), tracking, last_step=1)  # the learner was lost
    assert tracking.end("finished")
    assert tracked.sent("trackio") == expected(range(6))


@pytest.mark.parametrize("where", ["open", "send", "close"])
def test_a_server_that_hangs_costs_the_run_a_bounded_wait_and_one_line(
    tracked: Tracked, where: str
) -> None:
    tracked.does(f"hang:{where}")
    tracking = tracked.begin(**ALL, wait=3.0)
    tracked.steps(range(3), tracking)
    (tracked.run_dir / "report.html").write_text("<p>report</p>")
    assert not tracking.end("finished")
    assert running() == []
    for name in NAMES:
        told = [line for line in tracked.lines if line.startswith(f"{name}: ") and "wait=" in line]
        assert len(told) == 1
        assert ("plumb track" in told[0]) or ("wandb sync" in told[0])
    tracked.well.touch()
    assert tracked.begin().end("finished"), "what was left is sent later"
    for name in NAMES:
        assert set(tracked.sent(name)) == set(expected(range(3)))
        assert unsent(tracked.run_dir, name) == ""


def test_a_server_that_refuses_is_tried_again_and_said_once(tracked: Tracked) -> None:
    tracked.does("refuse:open")
    assert not tracked.whole(range(3))
    for name in NAMES:
        lines = [line for line in tracked.lines if line.startswith(f"{name}: ")]
        assert "connection refused" in lines[0] and "hunter22" not in lines[0]
        assert lines[1].startswith(f"{name}: 3 of 3 steps (0-2) and the report not sent")
        assert len(lines) == 2
    tracked.well.touch()
    assert tracked.begin().end("finished")
    assert all(tracked.sent(name) == expected(range(3)) for name in NAMES)


def test_what_was_sent_before_a_failure_is_not_sent_again(tracked: Tracked) -> None:
    tracked.does("refuse:step2")
    assert not tracked.whole(range(4))
    for name in ("wandb", "trackio"):
        assert {step for step, _ in tracked.sent(name)} == {0, 1}
    tracked.well.touch()
    assert tracked.begin().end("finished")
    assert all(tracked.sent(name) == expected(range(4)) for name in NAMES)


@pytest.mark.parametrize("does", ["", "refuse:samples"])
def test_answers_are_shown_and_keep_no_number_back(tracked: Tracked, does: str) -> None:
    tracked.does(does)
    tracking = tracked.begin()
    tracked.steps(range(3), tracking, answers=True)
    assert tracking.end("finished")
    for name in NAMES:
        assert tracked.sent(name) == expected(range(3)), name
        tables = {one["step"]: one["table"] for one in tracked.noted(name, "row") if one["table"]}
        assert sorted(tables) == ([] if does else [1, 2])
        told = [line for line in tracked.lines if f"{name}: answers are not shown" in line]
        assert len(told) == bool(does)
        for step, table in tables.items():
            row = dict(zip(table["columns"], table["data"][0], strict=True))
            assert (row["prompt_id"], row["response"], row["reward"]) == (f"p/{step}", "7", 1.0)


def test_a_bell_that_nobody_hears_never_blocks(tracked: Tracked) -> None:
    tracking = tracked.begin(trackio={})
    (process,) = running()
    process.suspend()
    tracked.steps(range(2), tracking)
    for _ in range(100_000):  # a pipe holds 65,536 bytes
        tracking.close()
    process.resume()
    assert tracking.end("finished")
    assert tracked.sent("trackio") == expected(range(2))


def is_held(lock: Path) -> bool:
    """Whether some process has the lock of a tracker."""
    with lock.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
    return False


def test_the_process_of_a_killed_run_ends_by_itself_and_the_next_takes_over(
    tracked: Tracked,
) -> None:
    code = (
        "import os, sys; from rl.config import RunConfig; "
        "from rl.trackers.tracking import Tracking; "
        "config = RunConfig.model_validate_json(sys.argv[1]); Tracking(config, print); os._exit(9)"
    )
    tracked.begin(mlflow=ALL["mlflow"]).end("finished")
    section = {"python": sys.executable, "mlflow": ALL["mlflow"]}
    config = RunConfig.model_validate({"run_dir": tracked.run_dir, "trackers": section})
    root = Path(__file__).parents[2]
    path = os.pathsep.join([str(root), str(FAKES)])
    done = subprocess.run(
        [sys.executable, "-c", code, config.model_dump_json()],
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 9, done.stderr
    lock = tracked.run_dir / "trackers" / "mlflow.lock"
    deadline = time.monotonic() + 120
    while len(tracked.noted("mlflow", "end")) < 2 and not is_held(lock):
        assert time.monotonic() < deadline, "the tracker of the killed run did not begin"
        time.sleep(0.01)
    assert tracked.whole(range(2), mlflow=ALL["mlflow"])
    ends = [one["how"] for one in tracked.noted("mlflow", "end")]
    assert ends == ["FINISHED", "KILLED", "FINISHED"]
    assert tracked.sent("mlflow") == expected(range(2))


def test_a_tracker_that_dies_does_not_end_the_run(tracked: Tracked) -> None:
    tracking = tracked.begin(trackio={})
    (process,) = running()
    process.send_signal(signal.SIGKILL)
    process.wait(60)
    tracked.steps(range(2), tracking)
    assert not tracking.end("finished")
    assert [line for line in tracked.lines if "2 of 2 steps (0-1) not sent" in line]


def test_offline_runs_are_kept_and_the_line_says_what_sends_them(
    tracked: Tracked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    assert tracked.whole(range(2), wandb={}, trackio={"space": "team/runs"})
    assert [one["mode"] for one in tracked.noted("wandb", "open")] == ["offline"]
    (line,) = [one for one in tracked.lines if one.startswith("wandb: kept on this machine")]
    assert "-m wandb sync " in line
    (line,) = [one for one in tracked.lines if one.startswith("trackio: kept on this machine")]
    assert "trackio sync --project plumb --space-id team/runs" in line


def test_what_was_kept_offline_is_named_at_the_end_of_later_runs_too(
    tracked: Tracked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    assert tracked.whole(range(2), wandb={})
    (first,) = [one for one in tracked.lines if one.startswith("wandb: kept on this machine")]
    monkeypatch.delenv("WANDB_MODE")
    tracked.lines.clear()
    tracking = tracked.begin(wandb={})
    tracked.steps(range(2, 4), tracking, last_step=1)
    assert tracking.end("finished")
    assert [one["mode"] for one in tracked.noted("wandb", "open")] == ["offline", "online"]
    assert first in tracked.lines


def test_a_damaged_ledger_is_a_line_and_nothing_else(tracked: Tracked) -> None:
    (tracked.run_dir / "trackers").mkdir()
    (tracked.run_dir / "trackers" / "trackio.json").write_text('{"version": 1, "steps"')
    assert not tracked.whole(range(2), trackio={})
    assert all("remove it, and the whole run is sent anew" in line for line in tracked.lines)
    assert tracked.lines


def test_another_project_is_sent_the_whole_run(tracked: Tracked) -> None:
    assert tracked.whole(range(2), trackio={"project": "one"})
    assert tracked.begin(trackio={"project": "two"}).end("finished")
    assert set(tracked.sent("trackio").values()) == {2}
    assert len({one["run"] for one in tracked.noted("trackio", "open")}) == 2


def test_what_is_missing_is_said_before_anything_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)

    def fault(**section: object) -> str:
        with pytest.raises(ConfigError) as caught:
            pythons_of(TrackersConfig.model_validate({"python": sys.executable, **section}))
        return str(caught.value)

    said = fault(trackio={})
    assert said.startswith(f"trackers.trackio: {sys.executable} has no package trackio: `make")
    assert "trackers.mlflow.uri" in fault(mlflow={})
    assert "/nowhere cannot be started" in fault(wandb={}, python="/nowhere")
    with pytest.raises(ValueError, match="holds a password"):
        TrackersConfig.model_validate({"mlflow": {"uri": "https://me:secret@host"}})


def test_a_folder_that_is_called_like_a_package_is_none(
    tracked: Tracked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in (tmp_path / "here", tmp_path / "path"):  # as W&B leaves one where it runs
        (folder / "wandb").mkdir(parents=True)
        (folder / "wandb" / "run").write_text("")
    (tmp_path / "here" / "yaml.py").write_text("raise SystemError('of another project')")
    monkeypatch.chdir(tmp_path / "here")
    assert tracked.whole(range(1), trackio={}), tracked.lines
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "path"))
    with pytest.raises(ConfigError, match="has no package wandb"):
        pythons_of(TrackersConfig.model_validate({"python": sys.executable, "wandb": {}}))


def test_ledgers_stay_small(tmp_path: Path) -> None:
    (tmp_path / "trackers").mkdir()
    ledger = Ledger(tmp_path, "wandb")
    tags = [f"some/long/name/of/a/number/{n}" for n in range(200)]
    for step in range(1000):
        ledger.mark(step, step + 0.5, tags)
    ledger.save()
    assert ledger.path.stat().st_size < 100_000
    again = Ledger(tmp_path, "wandb")
    assert again.lacks(999, 999.5, tags) == [] and again.lacks(999, 999.5, ["new"]) == ["new"]
    assert again.lacks(1000, 1000.5, tags) == tags
    assert json.loads(again.path.read_text())["id"] == again.id == ledger.id
