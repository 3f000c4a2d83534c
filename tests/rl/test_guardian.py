"""A process that ends at once says why, alone, and leaves nothing behind."""

import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from launch.train.status import status_of
from rl.guardian import _descendants
from tests.processes import is_alive

LOOKS = """
import os, pathlib, rl.guardian
look = rl.guardian._descendants
def told(process, ignored):
    found = look(process, ignored)
    if found:
        pathlib.Path(os.environ["SEEN"]).touch()
    return found
rl.guardian._descendants = told
rl.guardian.main()
"""
IMPORTS = f"""
import os, subprocess, sys, threading, time
import rl.guardian
LOOKS = {LOOKS!r}
"""
IMPORTS += """
from rl.guardian import guarded, leave
"""
STARTS = """
class Told(rl.guardian.Guard):  # whose guardian says when it has seen what was started
    def __init__(self, command):
        super().__init__([sys.executable, "-c", LOOKS, *command[3:]])

rl.guardian.Guard = Told
os.environ["SEEN"] = sys.argv[1] + "/seen"
with guarded():
    print(subprocess.Popen(["sleep", "600"]).pid, flush=True)
    while not os.path.exists(os.environ["SEEN"]):
        time.sleep(0.01)
"""
LEAVES = """
    leave("nothing has moved")
"""
BLOCKED = """
    rl.guardian.LEAVE = 0.5
    threading.Timer(0.5, leave, ["nothing has moved"]).start()
    sys.stderr.write("x" * 2**22)  # more than a pipe holds that nobody reads
"""
STANDS_STILL = """
import asyncio
from pathlib import Path
from types import SimpleNamespace
import rl.supervision
import rl.watchdog
from rl.config import RunConfig
from rl.fault_log import FaultLog
from rl.supervision import supervised

rl.watchdog.LOOK_SECONDS = 0.05
rl.watchdog.GRACE = 0.5
rl.supervision.TELL_SECONDS = 60.0
run_dir = Path(sys.argv[1])
config = RunConfig.model_validate({"run_dir": str(run_dir), "train": {"watchdog": 1.0}})
parts = SimpleNamespace(learner=SimpleNamespace(whereabouts=[]), fleet=SimpleNamespace(handles=[]))
trainer = SimpleNamespace(status="learning step 3", step=2, phase="", parts=parts)

async def work():
    async with supervised(config, trainer, FaultLog(run_dir, print), head="127.0.0.1:1"):
        time.sleep(600)  # as a user's environment may that is no coroutine

with guarded():
    asyncio.run(work())
"""


def started(script: str, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", script, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_it_says_why_and_its_guardian_says_nothing(tmp_path: Path) -> None:
    with started(IMPORTS + STARTS + LEAVES, str(tmp_path)) as process:
        assert process.stdout is not None
        child = psutil.Process(int(process.stdout.readline()))
        _, errors = process.communicate(timeout=120)
    assert (process.returncode, errors) == (1, "plumb: nothing has moved\n")
    assert not is_alive(child)


def test_it_ends_also_where_nobody_reads_what_it_says(tmp_path: Path) -> None:
    with started(IMPORTS + STARTS + BLOCKED, str(tmp_path)) as process:
        assert process.stdout is not None
        child = psutil.Process(int(process.stdout.readline()))
        assert process.wait(120) == 1
        process.communicate(timeout=120)  # until the guardian has ended too
    assert not is_alive(child)


@pytest.mark.timeout(300)
def test_a_run_whose_loop_stands_still_ends_with_one_line(tmp_path: Path) -> None:
    with started(IMPORTS + STANDS_STILL, str(tmp_path)) as process:
        _, errors = process.communicate(timeout=240)
    assert process.returncode == 1
    line = errors.removesuffix("\n")
    assert line.startswith("plumb: nothing has moved for 1 s: its event loop stands still; ")
    assert "\n" not in line
    assert status_of(tmp_path).state == line.replace("plumb: ", "stopped: ")


PARENT = """
import subprocess, sys
print(subprocess.Popen(["sleep", "600"]).pid, flush=True)
sys.stdin.read()
"""


def test_what_a_spared_process_starts_is_spared_too() -> None:
    def seen(ignored: set[int]) -> set[int]:
        return {one.pid for one in _descendants(psutil.Process(), ignored)}

    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", PARENT], stdin=pipe, stdout=pipe) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        try:
            assert {parent.pid, child} <= seen(set())
            assert not {parent.pid, child} & seen({parent.pid})
        finally:
            psutil.Process(child).kill()
