"""A run in which nothing moves is stopped, and what its processes do is written down first."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import rl.supervision
import rl.watchdog
import rl.whereabouts
from rl.config import RunConfig
from rl.errors import ClusterError, PlumbError, StuckError
from rl.stopping import Stopper
from rl.supervision import watch_head
from rl.watchdog import Watchdog, patience
from rl.whereabouts import stacks_of
from tests.clock import Clock
from tests.ports import free_port

STUCK = """
import time
from rl.whereabouts import listen

def waits_for_godot():
    print(listen(), flush=True)
    time.sleep(600)

waits_for_godot()
"""


@pytest.fixture(scope="module")
def stuck() -> Iterator[tuple[int, int]]:
    """A process that waits in C: its pid and descriptor."""
    with subprocess.Popen([sys.executable, "-c", STUCK], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            yield process.pid, int(process.stdout.readline())
        finally:
            process.kill()


def test_a_process_that_waits_in_c_tells_where(
    stuck: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    pid, file = stuck
    monkeypatch.setattr(rl.whereabouts, "ANSWER_SECONDS", 60.0)
    for _ in range(2):
        first, other, gone = stacks_of([stuck, (os.getpid(), file), (2**22 + 1, 5)])
        assert "in waits_for_godot" in first
        assert first.count("in waits_for_godot") == 1, "what it told before is not told again"
        assert other == gone == "it has ended", "no process that is not the run's gets the signal"
    monkeypatch.setattr(rl.whereabouts, "ANSWER_SECONDS", 2.0)
    os.kill(pid, signal.SIGSTOP)
    try:
        assert stacks_of([stuck]) == ["it has not answered within 2 s: it is stopped"]
    finally:
        os.kill(pid, signal.SIGCONT)


def watchdog(folder: Path, stopper: Stopper, ended: list[str]) -> Watchdog:
    return Watchdog(
        folder,
        0.2,
        saving=60.0,
        describe=lambda: ["prompt 'p7': with its environment, 3 s so far"],
        processes=dict,
        stop=stopper.stop,
        end=ended.append,
    )


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(rl.watchdog, "time", made)
    return made


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rl.watchdog, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(rl.watchdog, "GRACE", 0.3)
    monkeypatch.setattr(rl.supervision, "HEAD_LOOK_SECONDS", 0.02)


async def test_a_run_that_waits_for_ever_ends_with_what_it_waits_for(
    tmp_path: Path, clock: Clock
) -> None:
    stopper, ended = Stopper(), list[str]()
    dog = watchdog(tmp_path, stopper, ended)

    async def godot() -> None:
        await asyncio.Event().wait()

    async def waits_for_godot() -> None:
        await godot()

    async def beats() -> None:
        began = clock.now
        while True:  # the loop is alive, nothing moves
            clock.now += 0.01
            dog.beat(clock.now - began)
            await asyncio.sleep(0.02)

    told = r"nothing has moved for 0.2 s: prompt 'p7': with its environment, 3 s so far; what every"
    with pytest.raises(StuckError, match=told), dog.watching(), stopper:
        waiting = asyncio.create_task(waits_for_godot(), name="Estragon")
        await beats()
    waiting.cancel()
    dump = (tmp_path / "watchdog.txt").read_text()
    assert "prompt 'p7': with its environment" in dump
    told = dump.partition("task 'Estragon'")[2]
    assert "waits_for_godot" in told.splitlines()[1]
    assert "godot" in told.splitlines()[2], "and where it waits in turn"
    assert ended == []


async def test_a_run_that_moves_is_left_alone(tmp_path: Path, clock: Clock) -> None:
    stopper = Stopper()
    dog = watchdog(tmp_path, stopper, [])
    with dog.watching(), stopper:
        for _ in range(40):
            clock.now += 0.05
            dog.beat(0.0)
            await asyncio.sleep(0.02)
    assert not (tmp_path / "watchdog.txt").exists()


async def test_a_loop_that_is_alive_saves_the_last_step(tmp_path: Path, clock: Clock) -> None:
    """However long that takes; and a dump that fails does not keep a run from its end."""
    stopper, ended = Stopper(), list[str]()
    dog = watchdog(tmp_path, stopper, ended)
    dog._processes = lambda: {}["gone"]  # type: ignore[assignment]

    async def saves() -> None:
        for _ in range(40):
            clock.now += rl.watchdog.GRACE / 2
            dog.beat(0.0)
            await asyncio.sleep(0.02)

    with pytest.raises(StuckError), dog.watching(), stopper:
        try:
            while True:
                dog.beat(1.0)
                await asyncio.sleep(0.02)
        except asyncio.CancelledError:
            await saves()
            raise
    assert ended == []
    assert "not all is told: KeyError('gone')" in (tmp_path / "watchdog.txt").read_text()


async def test_a_loop_that_stands_still_ends_all_the_same(tmp_path: Path) -> None:
    stopper, ended = Stopper(), list[str]()
    released = threading.Event()
    dog = watchdog(tmp_path, stopper, ended)
    dog._end = lambda message: (ended.append(message), released.set())  # type: ignore[assignment, func-returns-value]
    with pytest.raises(StuckError), dog.watching(), stopper:
        released.wait(30)  # as a user's environment that blocks
        await asyncio.sleep(30)
    assert ended[0].startswith("nothing has moved for 0.2 s: its event loop stands still; ")
    assert "test_a_loop_that_stands_still" in (tmp_path / "watchdog.txt").read_text()


def test_its_patience_is_beyond_every_deadline() -> None:
    for section, seconds in (
        ({"sync": {"deadline": 5000.0}}, 10_000),
        ({"sync": {"deadline": 5000.0}, "rollout": {"engines": 7}}, 40_000),
        ({"reward": {"deadline": 7200.0}}, 7200),
        ({"reward": {"routes": {"code": {"spec": "code", "deadline": 8000.0}}}}, 8000),
        ({"cluster": {"start_deadline": 9000.0}}, 9000),
    ):
        assert patience(RunConfig.model_validate(section)) == 900 + seconds
    assert patience(RunConfig.model_validate({"train": {"watchdog": 7.0}})) == 7


async def test_a_cancellation_from_elsewhere_stays_one() -> None:
    async def work() -> None:
        with Stopper():
            await asyncio.sleep(30)

    task = asyncio.ensure_future(work())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_the_first_error_wins_and_one_that_comes_too_late_is_nobodys() -> None:
    stopper = Stopper()
    with pytest.raises(ClusterError, match="first"), stopper:
        stopper.stop(ClusterError("first"))
        stopper.stop(ClusterError("second"))
        await asyncio.sleep(30)
    stopper.stop(ClusterError("late"))
    await asyncio.sleep(0.01)


async def test_a_head_that_goes_away_and_comes_back_is_named_and_one_that_stays_away_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said: list[str] = []
    stopped: list[PlumbError] = []
    clock = Clock()
    monkeypatch.setattr(rl.supervision, "time", clock)

    async def serve(port: int = 0) -> asyncio.Server:
        return await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", port)

    async def until_told(lines: int) -> None:
        async with asyncio.timeout(60):
            while len(said) < lines:
                await asyncio.sleep(0.01)

    port = free_port()
    head = f"127.0.0.1:{port}"
    server = await serve(port)
    watching = asyncio.ensure_future(watch_head(head, 0.5, stopped.append, said.append))
    await asyncio.sleep(0.1)
    assert said == []
    server.close()
    await server.wait_closed()
    await until_told(1)
    server = await serve(port)
    await until_told(2)
    assert said == [f"Ray's head at {head} does not answer", f"Ray's head at {head} is back"]
    clock.now += 60
    await asyncio.sleep(0.1)
    assert stopped == []
    server.close()
    await server.wait_closed()
    await until_told(3)
    clock.now += 60
    await asyncio.wait_for(watching, 60)
    (error,) = stopped
    assert str(error).startswith(f"Ray's head at {head} has been away for cluster.head_silence=0.5")
