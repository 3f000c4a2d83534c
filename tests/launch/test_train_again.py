"""A command that starts itself again where its process dies; small programs in place of runs."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

import launch.train.again
from launch.train.again import FIRST, JOB, run_again, starts_itself
from rl.config import RunConfig
from rl.errors import ClusterError
from rl.fault_log import read_faults
from tests.launch.conftest import wait_until
from tests.processes import is_alive

PRELUDE = """
import json, os, signal, socket, sys, time
from pathlib import Path

run_dir = Path(sys.argv[1])
with (run_dir / "attempts").open("a") as file:
    file.write(f"{os.getpid()}\\n")
attempt = len((run_dir / "attempts").read_text().split())

def tell(state):
    status = dict(state=state, step=0, steps=1, doing="", waits_for=[], quiet=0.0, time=time.time(),
                  host=socket.gethostname(), pid=os.getpid())
    (run_dir / "status.json").write_text(json.dumps(status))
"""
KILLED = "os.kill(os.getpid(), signal.SIGKILL)"
WAITS = """
import signal
from launch.train.again import follow

def end(*_):
    (run_dir / "told").open("a").write("told\\n")
    time.sleep(0.5)
    sys.exit(143)

signal.signal(signal.SIGTERM, end)
signal.signal(signal.SIGINT, end)
follow()
tell("running")
while True:
    time.sleep(0.1)
"""
STARTS = """
import os, sys
from pathlib import Path
from launch.train.again import run_again
from rl.config import RunConfig

run_dir, script = sys.argv[1:]
command = (sys.executable, "-c", script, run_dir)
sys.exit(run_again(RunConfig(run_dir=Path(run_dir)), print, command=command))
"""


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch.train.again, "PAUSE_SECONDS", 0.0)


def ran(folder: Path, script: str, **cluster: int) -> int:
    config = RunConfig.model_validate({"run_dir": str(folder), "cluster": cluster})
    command = (sys.executable, "-c", PRELUDE + script, str(folder))
    return run_again(config, lambda line: None, command=command)


def attempts(folder: Path) -> list[int]:
    path = folder / "attempts"
    return [int(one) for one in path.read_text().split()] if path.exists() else []


@pytest.mark.parametrize(
    ("script", "code", "starts", "how"),
    [
        (f"if attempt < 3: {KILLED}", 0, 3, "killed by signal 9"),
        ("tell('running'); os._exit(1 if attempt == 1 else 0)", 0, 2, "ended by Ray"),
        ("tell('starting'); os._exit(1 if attempt == 1 else 0)", 0, 2, "ended by Ray"),
        ("tell('stopped: the disk is full'); sys.exit(1)", 1, 1, ""),
        ("sys.exit(2)", 2, 1, ""),
        ("sys.exit(0)", 0, 1, ""),
    ],
)
def test_it_is_started_again_where_it_did_not_say_why_it_ended(
    script: str, code: int, starts: int, how: str, tmp_path: Path
) -> None:
    assert ran(tmp_path, script) == code
    assert len(attempts(tmp_path)) == starts
    lines = [row["line"] for row in read_faults(tmp_path)]
    assert len(lines) == starts - 1
    assert all(f"was {how}; it is started again" in line for line in lines)


def test_an_error_before_there_is_a_status_is_told(tmp_path: Path) -> None:
    """The status is the one of a process before."""
    other = "pid = os.getpid(); os.getpid = lambda: pid + 1; tell('running'); sys.exit(1)"
    assert ran(tmp_path, other) == 1
    assert len(attempts(tmp_path)) == 1


def test_how_often_is_bounded(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match=r"cluster.max_command_restarts=1 times .* by signal 9"):
        ran(tmp_path, KILLED, max_command_restarts=1)
    assert len(attempts(tmp_path)) == 2


@pytest.mark.timeout(600)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_signal_reaches_it_once_and_it_does_not_outlive_the_first(
    number: signal.Signals, tmp_path: Path
) -> None:
    script = PRELUDE + WAITS
    with subprocess.Popen(
        [sys.executable, "-c", STARTS, str(tmp_path), script], start_new_session=True
    ) as first:
        wait_until((tmp_path / "status.json").exists, 240, "its start")
        child = psutil.Process(json.loads((tmp_path / "status.json").read_text())["pid"])
        os.killpg(first.pid, number)  # as Ray and a terminal do
        assert first.wait(120) == (-9 if number == signal.SIGKILL else 143)
        wait_until(lambda: not is_alive(child), 120, "its end")
    assert (tmp_path / "told").read_text() == "told\n"
    assert attempts(tmp_path) == [child.pid]


def test_only_a_job_s_first_process_starts_another() -> None:
    assert starts_itself({JOB: "{}"})
    assert not starts_itself({})
    assert not starts_itself({JOB: "{}", FIRST: "1"})
