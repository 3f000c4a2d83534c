"""Waiting, for a slot or for a CPU, is nobody's fault: a program's time counts from its start."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, nullcontext

import psutil
import pytest

from sandbox import (
    BoxSettings,
    DeadlineError,
    Limits,
    Program,
    RunResult,
    Status,
    TestCase,
)
from sandbox.allowance import Allowance
from sandbox.box import Box
from sandbox.execution import Build, build, patience_of
from sandbox.languages import BUILD_LIMITS, LANGUAGES
from sandbox.local import LocalSandbox
from sandbox.reader import Reader
from sandbox.transport import Transport
from tests import virtual_time
from tests.sandbox.conftest import require

LOOP = Program(source="while True: pass")
HONEST = Program(source="print(7)")
SEVEN = [TestCase(stdout="7")]
WALL = 0.8
AMPLE = 6.0
"""Seconds; of them a program that passes needs a third, and on a core that four want, more."""
RIVALS = 3


async def test_endless_loops_on_one_slot_make_nobody_ungradable() -> None:
    """All of them together take longer than the deadline of each, and than many a wall limit."""
    await require("bubblewrap")
    limits = Limits(wall_seconds=1.0)  # ten times that where others have the CPU, and no more
    async with LocalSandbox("bubblewrap", settings=BoxSettings(slots=1), deadline=15) as box:
        work = [box.judge(LOOP, SEVEN, limits=limits) for _ in range(16)]
        judgements = await asyncio.gather(*work, box.judge(HONEST, SEVEN))
    assert [one.status for one in judgements] == [Status.TIME_LIMIT] * 16 + [Status.PASSED]


async def test_the_wait_for_a_slot_has_a_bound_of_its_own() -> None:
    await require("bubblewrap")
    settings = BoxSettings(slots=1)
    async with LocalSandbox("bubblewrap", settings=settings, queue_seconds=0.5) as box:
        async with box.pool.seat():
            with pytest.raises(DeadlineError, match=r"no slot was free for 0\.5 s.*queue_seconds"):
                await box.judge(HONEST, SEVEN)
        slow = Program(source="import time\ntime.sleep(0.8)\nprint(7)")
        assert (await box.judge(slow, SEVEN)).passed, "its own work is not bounded by that"


class OneSlot:
    """A pool with a slot that somebody else has until `free` is set."""

    slots = 1
    reader = Reader()

    def __init__(self) -> None:
        self.free = asyncio.Event()

    @asynccontextmanager
    async def seat(self, key: str | None = None) -> AsyncIterator[Box]:
        await self.free.wait()
        yield None  # type: ignore[misc]

    def aside(self) -> AbstractContextManager[None]:
        return nullcontext()


@pytest.mark.parametrize(
    ("waits", "bound", "works", "told"),
    [(0.3, 60, 0.0, ""), (0.3, 60, 0.9, "0.1 s of work"), (30, 0.4, 0.0, "free for 0.4 s")],
)
def test_work_and_waiting_are_counted_apart(
    waits: float, bound: float, works: float, told: str
) -> None:
    """A wait longer than the deadline costs nothing; each bound ends what it is for."""
    virtual_time.run(_spent(waits, bound, works, told))


async def _spent(waits: float, bound: float, works: float, told: str) -> None:
    pool = OneSlot()
    allowance = Allowance(pool, deadline=0.1, queue_seconds=bound)
    asyncio.get_running_loop().call_later(waits, pool.free.set)

    async def serve() -> None:
        async with allowance.spend(), allowance.seat():
            await asyncio.sleep(works)

    if not told:
        await serve()
    else:
        with pytest.raises(DeadlineError, match=told):
            await serve()


class OneCompiler:
    """A box that compiles one thing at a time, each as slowly as it may."""

    name = "compiler"

    def __init__(self) -> None:
        self._answers: asyncio.Queue[bytes] = asyncio.Queue()
        self._free = 0.0

    async def readline(self) -> bytes:
        return await self._answers.get()

    async def write(self, data: bytes) -> None:
        request = json.loads(data)
        if request["op"] == "cancel":
            return
        loop = asyncio.get_running_loop()
        self._free = max(loop.time(), self._free) + BUILD_LIMITS.wall_seconds
        line = json.dumps({"id": request["id"], "built": True, "log": ""}).encode()
        loop.call_at(self._free, self._answers.put_nowait, line)

    async def close(self) -> None:
        pass

    def last_words(self) -> str:
        return ""


class Seats:
    """A pool with a place in one box for everybody."""

    slots = 99
    reader = Reader()

    def __init__(self, box: Box) -> None:
        self._box = box

    @asynccontextmanager
    async def seat(self, key: str | None = None) -> AsyncIterator[Box]:
        yield self._box

    def aside(self) -> AbstractContextManager[None]:
        return nullcontext()


async def _compiled(pool: Seats, number: int, deadline: float) -> None:
    allowance = Allowance(pool, deadline=deadline, queue_seconds=3600)
    async with allowance.spend():
        await build(allowance, Build({"Main.java": f"class A{number} {{ }}"}, LANGUAGES["java"]))


def test_the_wait_for_the_compiler_is_no_work_and_loses_no_box() -> None:
    """All together take longer than a box that says nothing is believed."""
    virtual_time.run(_slow_compiles(BUILD_LIMITS.wall_seconds + 1, given_up=0))


def test_who_gives_up_while_something_compiles_costs_others_no_work() -> None:
    virtual_time.run(_slow_compiles(BUILD_LIMITS.wall_seconds + 1, given_up=3))


async def _slow_compiles(deadline: float, given_up: int) -> None:
    box = Box(OneCompiler(), {"slots": Seats.slots})
    pool = Seats(box)
    for number in range(given_up):
        with pytest.raises(DeadlineError):
            await _compiled(pool, number, deadline=1.0)
    count = int(patience_of(BUILD_LIMITS) / BUILD_LIMITS.wall_seconds) + 3
    await asyncio.gather(*(_compiled(pool, given_up + i, deadline) for i in range(count)))
    assert not box.is_lost
    assert not box.compiler.locked()
    await box.close()


@contextmanager
def rivals(core: int) -> Iterator[None]:
    """Busy loops that take most of a core."""
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(RIVALS)]
    try:
        for loop in loops:
            os.sched_setaffinity(loop.pid, {core})
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


async def test_what_others_had_of_the_cpu_is_not_counted() -> None:
    """On a core that four want, a program gets the time that its limit promises, and no more."""
    await require("bubblewrap")
    core = min(os.sched_getaffinity(0))
    limits = Limits(wall_seconds=WALL)
    async with LocalSandbox("bubblewrap", settings=BoxSettings(slots=1)) as box:
        (top,) = (psutil.Process(int(one.name)) for one in box.pool.live)
        for process in (top, *top.children(recursive=True)):
            process.cpu_affinity([core])
        busy = f"import time\nwhile time.process_time() < {0.3 * AMPLE}: pass\nprint(7)"
        threaded = f"import threading\ndef f():\n    import time\n    while time.process_time() < \
{0.3 * AMPLE}: pass\nt = threading.Thread(target=f)\nt.start()\nt.join()\nprint(7)"
        asleep = f"import time\ntime.sleep({AMPLE / 4})\nprint(7)"
        forever = "import time\ntime.sleep(60)"
        ignoring = "import signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True: pass"
        with rivals(core):
            ample = Limits(wall_seconds=AMPLE)
            passed = [await run(box, one, ample) for one in (busy, threaded, asleep)]
            slow = [await run(box, one, limits) for one in (LOOP.source, ignoring, forever)]
    assert [one.stdout for one in passed] == ["7\n"] * 3, passed
    assert [one.status for one in slow] == [Status.TIME_LIMIT] * 3, slow
    # Its limit did not grow: a sleeper wants no CPU.
    assert slow[-1].wall_seconds < 30


async def run(box: Transport, source: str, limits: Limits) -> RunResult:
    return await box.run(Program(source=source), limits=limits)
