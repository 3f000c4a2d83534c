"""The blocking sandbox: many threads, and an end that leaves nothing."""

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from sandbox.backends.settings import BoxSettings
from sandbox.blocking import SyncSandbox
from sandbox.errors import RequestError, UnavailableError
from sandbox.types import Program, TestCase

ECHO = Program(source="print(input())")


def test_many_threads_share_it() -> None:
    with SyncSandbox.open("bubblewrap", settings=BoxSettings(slots=2)) as box:

        def one(number: int) -> bool:
            tests = [TestCase(stdin=str(number), stdout=str(number if number % 2 else -1))]
            return box.judge(ECHO, tests).passed == bool(number % 2)

        with ThreadPoolExecutor(16) as threads:
            assert all(threads.map(one, range(64)))
        assert box.run(ECHO, stdin="x").stdout == "x\n"
        assert box.health().status == "ok"
        assert "python" in box.languages()
    box.close()
    with pytest.raises(RequestError, match="closed"):
        box.run(ECHO)


def test_what_does_not_start_leaves_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandbox.service.client.START_PATIENCE", 0.2)
    with pytest.raises(UnavailableError, match="no sandbox answers"):
        SyncSandbox.open("http://127.0.0.1:9")


def is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_it_closes_with_the_process() -> None:
    script = """
import psutil
from sandbox.blocking import SyncSandbox
from sandbox.backends.settings import BoxSettings
from sandbox.types import Program
box = SyncSandbox.open("bubblewrap", settings=BoxSettings(slots=1))
box.run(Program(source=""))
print(*(child.pid for child in psutil.Process().children(recursive=True)))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=240, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    boxes = [int(pid) for pid in done.stdout.split()]
    assert boxes
    until = time.monotonic() + 60
    while any(is_alive(pid) for pid in boxes):
        assert time.monotonic() < until
        time.sleep(0.05)
