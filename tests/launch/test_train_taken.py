"""A run directory that another process has: two never write the same run."""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from launch.train import status
from launch.train.status import refuse_second
from rl.errors import ConfigError
from rl.status import Status, write_status


@pytest.fixture
def other() -> Iterator[int]:
    """The number of another process of this machine."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process.pid
        process.kill()


def told(run_dir: Path, **values: object) -> Status:
    """Write what a run has told last, a moment ago."""
    made = Status.of("running", step=7, steps=9, doing="", waits_for=(), quiet=0.0)
    made = replace(made, **values)  # type: ignore[arg-type]
    write_status(run_dir, made)
    return made


@pytest.mark.parametrize("state", ["starting", "running"])
def test_a_process_that_lives_keeps_its_run(state: str, other: int, tmp_path: Path) -> None:
    told(tmp_path, pid=other, state=state)
    with pytest.raises(ConfigError, match=f"process {other} on .* at step 7: stop it first"):
        refuse_second(tmp_path)


def test_a_run_that_nobody_has_is_free(other: int, tmp_path: Path) -> None:
    refuse_second(tmp_path / "none")
    told(tmp_path, pid=other, state="finished")
    refuse_second(tmp_path)
    told(tmp_path, pid=other, state="stopped: Ctrl-C")
    refuse_second(tmp_path)
    told(tmp_path, pid=os.getpid())  # numbers come again in containers
    refuse_second(tmp_path)
    told(tmp_path, pid=other, time=psutil.Process(other).create_time() - 1)
    refuse_second(tmp_path)
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    told(tmp_path, pid=process.pid)
    refuse_second(tmp_path)
    (tmp_path / "status.json").write_text("{}")
    refuse_second(tmp_path)


def test_a_word_from_another_host_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status, "STALE", 1.0)
    elsewhere = f"not-{socket.gethostname()}"
    told(tmp_path, host=elsewhere)
    refuse_second(tmp_path)  # it tells no more
    told(tmp_path, host=elsewhere, time=time.time() + 86400)  # its clock is ahead
    refuse_second(tmp_path)
    monkeypatch.setattr(status, "STALE", 60.0)
    told(tmp_path, host=elsewhere)
    threading.Timer(0.2, lambda: told(tmp_path, host=elsewhere, state="finished")).start()
    refuse_second(tmp_path)
    first = told(tmp_path, host=elsewhere, time=time.time() - 86400)  # its clock is behind

    def meanwhile(_: float) -> None:
        told(tmp_path, host=elsewhere, time=first.time + 1)

    clocks = SimpleNamespace(time=time.time, monotonic=time.monotonic, sleep=meanwhile)
    monkeypatch.setattr(status, "time", clocks)
    with pytest.raises(ConfigError, match=f"on {elsewhere} has this run"):
        refuse_second(tmp_path)
