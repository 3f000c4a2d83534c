"""What a run says of itself, and what is made of that once it says nothing more."""

import json
import os
import socket
import subprocess
import time
from dataclasses import asdict, replace
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from typer.testing import CliRunner

from launch.cli import app
from launch.train.status import STALE, death, status_of
from rl.fault_log import FaultLog, read_faults
from rl.status import NAME, Status, StatusFile, moved
from tests.rl.trainer_world import World
from tests.virtual_time import run

NOW = 1_800_000_000.0
RUNNING = Status(
    "running", 7, 20, "learning step 8", ("the learner is learning, 9 s so far",), 9.0, NOW,
    socket.gethostname(), os.getpid(),
)  # fmt: skip


def written(folder: Path, **changes: object) -> Path:
    status = replace(RUNNING, **changes)  # type: ignore[arg-type]
    (folder / NAME).write_text(json.dumps(asdict(status)))
    return folder


def test_a_run_that_tells_is_taken_at_its_word(tmp_path: Path) -> None:
    assert status_of(written(tmp_path), now=NOW + STALE) == RUNNING


@pytest.mark.parametrize("state", ["finished", "stopped: the disk is full"])
def test_a_run_that_has_ended_stays_so(state: str, tmp_path: Path) -> None:
    assert status_of(written(tmp_path, state=state, pid=2**22 + 1), now=NOW + 1e6).state == state


def test_a_process_that_nobody_has_waited_for_is_gone(tmp_path: Path) -> None:
    with subprocess.Popen(["true"]) as ended:
        os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
        seen = status_of(written(tmp_path, pid=ended.pid), now=NOW + STALE + 1)
    assert seen.state.startswith(f"gone: its process {ended.pid} died without a word")


def test_one_that_tells_nothing_is_gone_or_stands_still(tmp_path: Path) -> None:
    later = NOW + STALE + 1
    starting = written(tmp_path, state="starting", pid=2**22 + 1)
    assert status_of(starting, now=later).state.endswith(" died without a word; no step is saved")
    assert status_of(written(tmp_path), now=later).state == (
        f"standing still: process {os.getpid()} has told nothing for 11 s"
    )
    assert status_of(written(tmp_path, pid=2**22 + 1), now=later).state == (
        f"gone: its process {2**22 + 1} died without a word; no step is saved"
    )
    (tmp_path / "checkpoints" / "step_000004").mkdir(parents=True)
    assert status_of(tmp_path, now=later).state.endswith("; step 4 is saved: add --resume")
    assert status_of(written(tmp_path, host="node-7"), now=later).state == (
        f"standing still: process {os.getpid()} on node-7 has told nothing for 11 s"
    )


def test_whoever_goes_on_hears_of_a_death_that_nobody_could_tell(tmp_path: Path) -> None:
    assert death(tmp_path) is None
    gone = 2**22 + 1
    for state in ("starting", "running"):
        said = death(written(tmp_path, state=state, pid=gone))
        assert said == f"the process {gone} that had this run died without a word after step 7"
    assert death(written(tmp_path)) is None
    assert death(written(tmp_path, state="finished", pid=gone)) is None
    assert death(written(tmp_path, host="node-7", pid=gone)) is None
    (tmp_path / NAME).write_text("{}")  # of another version
    assert death(tmp_path) is None


def test_the_command_shows_it_with_the_last_faults(tmp_path: Path) -> None:
    log = FaultLog(written(tmp_path, time=time.time(), quiet=30.0), lambda line: None)
    for number in range(8):
        log.note(f"rollout engine {number} is lost: died")
    shown = CliRunner().invoke(app, ["status", str(tmp_path)]).stdout
    assert f"{tmp_path}: running" in shown
    assert "step 7 of 20; learning step 8" in shown
    assert "nothing has moved for 30 s" in shown
    assert "waits for the learner is learning, 9 s so far" in shown
    assert "faults: 8, the last:" in shown
    assert "rollout engine 7 is lost" in shown
    assert "rollout engine 2 is lost" not in shown
    as_json = json.loads(CliRunner().invoke(app, ["status", str(tmp_path), "--json"]).stdout)
    assert as_json["step"] == 7
    assert len(as_json["faults"]) == 8


def test_a_finished_run_does_nothing_any_more(tmp_path: Path) -> None:
    folder = written(tmp_path, state="finished", doing="saving the last checkpoint", quiet=30.0)
    shown = CliRunner().invoke(app, ["status", str(folder)]).stdout
    assert shown.splitlines() == [f"{tmp_path}: finished", "step 7 of 20"]


def test_a_folder_without_a_run_is_one_line(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["status", str(tmp_path)])
    assert done.exit_code == 2
    assert f"plumb: {tmp_path} holds no status.json" in done.stderr


def test_a_log_cut_short_by_a_kill_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    log = FaultLog(tmp_path, lambda line: None)
    log.note("one")
    with (tmp_path / "faults.jsonl").open("a") as file:
        file.write('{"time": 3, "li')
    assert [row["line"] for row in read_faults(tmp_path)] == ["one"]


def test_the_file_tells_for_how_long_nothing_has_moved(tmp_path: Path) -> None:
    beats: list[float] = []
    steps = iter([1, 1, 2, 2, 2])
    last = [0]

    def step() -> int:
        last[0] = next(steps, last[0])
        return last[0]

    file = StatusFile(tmp_path, lambda quiet: replace(RUNNING, quiet=quiet), step, beats.append)

    async def work() -> None:
        import asyncio

        task = asyncio.ensure_future(file.keep())
        await asyncio.sleep(9)
        task.cancel()

    run(work())
    assert [beat > 0 for beat in beats] == [False, True, False, True, True]
    assert not list(tmp_path.glob(".*")), "it is replaced whole"


def test_what_is_waited_for_one_after_another_is_not_one_wait(tmp_path: Path) -> None:
    """As where a lost learner starts, loads its state and opens the way to the engines again."""
    parts = World(tmp_path).parts
    learner: Any = SimpleNamespace(asked=("", 0.0))
    engine = SimpleNamespace(tokens=0, load=0, version=0, started=False, ready=False, cause="")
    pool = SimpleNamespace(metrics=lambda: {"graded": 0.0})
    fleet: Any = SimpleNamespace(handles=[engine])
    parts = replace(parts, learner=learner, fleet=fleet, pool=cast(Any, pool))
    seen = []

    def look() -> None:
        seen.append(moved(parts, (4, "starting the learner again", "")))

    for asked in (("starting", 1.0), ("loading its state", 2.0), ("loading its state", 3.0)):
        learner.asked = asked
        look()
        look()
    engine.started = True  # then it waits for the learner's weights
    look()
    assert [now == before for before, now in pairwise(seen)] == [True, False] * 3


@pytest.mark.parametrize("jump", [-1e6, 1e6])
def test_a_jump_of_the_clock_changes_nothing_but_what_is_written_down(
    jump: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An hour set by hand or by NTP: every deadline and every duration is of another clock."""

    def rows(folder: Path, *, jumps: bool) -> list[dict[str, object]]:
        world = World(folder, train={"steps": 4, "eval_every": 2, "checkpoint_every": 2})
        clock = time.time
        if jumps:
            world.learner.before = lambda step: monkeypatch.setattr(
                time, "time", lambda: clock() + jump * step
            )
        run(world.run())
        monkeypatch.setattr(time, "time", clock)
        timed = {"time", "seconds", "idle", "tokens_per_second", "evaluations", "checkpoint"}
        assert all(0 <= row["seconds"]["total"] < 3600 for row in world.steps())
        return [{k: v for k, v in row.items() if k not in timed} for row in world.written()]

    assert rows(tmp_path / "jumping", jumps=True) == rows(tmp_path / "calm", jumps=False)
