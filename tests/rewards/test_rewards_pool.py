"""The grading pool under verifiers that misbehave, and what it leaves behind."""

import asyncio
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

import rewards.grading.coroutine_runner
from rewards import (
    GradingPool,
    MissingColumnError,
    PluginError,
    PoolError,
    Rubric,
    Sample,
    Use,
    Verdict,
)
from rewards.grading.lane import Lane
from rewards.grading.subprocess_runner import SubprocessRunner
from tests.virtual_time import run

PLUGINS = Path(__file__).parent / "plugins"
HOSTILE = f"{PLUGINS}/hostile.py:hostile"
STAMPED = f"{PLUGINS}/configured.py:stamped"
OTHERS: set[psutil.Process] = set()


def samples(*responses: str) -> list[Sample]:
    """Those that never end by themselves are of a task that has a deadline."""
    endless = ("hang", "spin")
    return [
        Sample(f"s{i}", (), response, task="endless" if response in endless else "")
        for i, response in enumerate(responses)
    ]


def bounded(seconds: float, spec: str = HOSTILE) -> Rubric:
    """A deadline for what never ends; the rest may take its time on a busy machine."""
    return Rubric(Use(spec), {"endless": Use(spec, deadline=seconds)})


@pytest.fixture(autouse=True)
def _others() -> None:
    """Note the workers of graders that outlive their tests: they are none of these tests'."""
    OTHERS.clear()
    OTHERS.update(workers())


def workers() -> list[psutil.Process]:
    """The workers that this process has started since the test began."""
    children = psutil.Process().children(recursive=True)
    return [c for c in children if c not in OTHERS and "rewards.grading.worker" in c.cmdline()]


async def _until(happened: Callable[[], bool]) -> None:
    for _ in range(3000):
        if happened():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it did not happen within 60 s")


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def _settled(count: Callable[[], int]) -> int:
    """A number once it has been the same for two seconds."""
    seen = [count()]
    while len(seen) < 20 or len(set(seen[-20:])) > 1:
        await asyncio.sleep(0.1)
        seen.append(count())
    return seen[-1]


def _lives(pid: int) -> bool:
    """Whether a process runs; one that only waits to be reaped does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _block(seconds: float) -> None:
    """Hold the loop up, as a trainer's step may."""
    time.sleep(seconds)


async def test_verdicts_come_in_order() -> None:
    async with GradingPool(HOSTILE, workers=2, deadline=120) as pool:
        verdicts = await pool.grade(samples(*["right", "wrong"] * 100))
        assert await pool.grade([]) == []
    assert [v.is_correct for v in verdicts] == [True, False] * 100
    assert all(v.metrics["seconds"] >= 0 for v in verdicts)


async def test_only_the_one_that_misbehaves_is_blamed() -> None:
    bad = {
        "hang": "deadline: no verdict within 1 s",
        "spin": "deadline: no verdict within 1 s",
        "exit": "crash: the worker died, exit code 0",
        "allocate": "memory: ",
        "raise": "KeyError: ",
        "none": "returned NoneType: ",
        "leave": "SystemExit: 3",
    }
    async with GradingPool(bounded(1.0), workers=2, deadline=120.0, memory_mb=512) as pool:
        mixed = [response for action in bad for response in ("right", action, "wrong")]
        verdicts = await pool.grade(samples(*mixed))
        metrics = pool.metrics()
        kinds = pool.ungradable_reasons()
    for response, verdict in zip(mixed, verdicts, strict=True):
        if response in bad:
            assert not verdict.is_gradable
            assert math.isnan(verdict.reward)
            assert verdict.reason.startswith(bad[response])
        else:
            assert verdict.is_correct is (response == "right")
    assert metrics["graded"] == len(mixed)
    assert metrics["ungradable"] == len(bad)
    assert metrics["workers_replaced"] == 4  # two deadlines, and a crash with its retry
    assert metrics["queued"] == 0
    assert kinds == {"deadline": 2, "crash": 1, "memory": 1, "KeyError": 1, "SystemExit": 1} | {
        "returned NoneType": 1
    }


async def test_a_flood_of_output_is_harmless(capfd: pytest.CaptureFixture[str]) -> None:
    async with GradingPool(HOSTILE, workers=1, deadline=60) as pool:
        assert (await pool.grade(samples("print")))[0].is_correct
    assert capfd.readouterr() == ("", "")


async def test_a_crash_is_tried_again_on_another_worker(tmp_path: Path) -> None:
    async with GradingPool(HOSTILE, workers=1, deadline=60) as pool:
        (verdict,) = await pool.grade(samples(f"once {tmp_path / 'mark'}"))
        assert verdict.is_correct
        assert pool.metrics()["workers_replaced"] == 1


async def test_a_deadline_is_kept_and_a_late_loop_blames_nobody() -> None:
    async with GradingPool(bounded(0.5), workers=1, deadline=2.0) as pool:
        (verdict,) = await pool.grade(samples("hang"))
        assert verdict.reason == "deadline: no verdict within 0.5 s"
        grading = asyncio.create_task(pool.grade(samples(*["right"] * 50)))
        await asyncio.sleep(0)
        _block(2.5)
        assert all(v.is_correct for v in await grading)


async def test_pending_names_what_is_waited_for() -> None:
    async with GradingPool(HOSTILE, workers=1, deadline=30) as pool:
        grading = asyncio.create_task(pool.grade(samples("right", "hang", "wrong")))
        await _until(lambda: [one.running for one in pool.pending()] == [True, False])
        slowest, queued = pool.pending()
        assert (slowest.sample_id, slowest.running, queued.sample_id) == ("s1", True, "s2")
        seconds = slowest.seconds
        await _until(lambda: pool.pending()[0].seconds > seconds)
        assert pool.metrics()["queued"] == 1
        grading.cancel()
        await asyncio.wait([grading])
        assert pool.pending() == []


async def test_fewer_are_taken_on_than_are_asked_for() -> None:
    async with GradingPool(HOSTILE, workers=1, max_pending=3, deadline=120) as pool:
        assert len(await pool.grade(samples(*["right"] * 50))) == 50


async def test_a_sample_that_cannot_travel_is_ungradable() -> None:
    stuck = Sample("s", (), "right", metadata={"open": lambda: None})
    async with GradingPool(HOSTILE, workers=1, deadline=60) as pool:
        verdicts = await pool.grade([stuck, *samples("right")])
    assert verdicts[0].reason.startswith("pickling: ")
    assert verdicts[1].is_correct


async def test_a_missing_column_is_an_error() -> None:
    async with GradingPool(f"{PLUGINS}/columns.py:columns", workers=1) as pool:
        with pytest.raises(MissingColumnError, match="difficulty"):
            await pool.grade(samples("yes"))
        given = Sample("s", (), "yes", "yes", metadata={"difficulty": 0.25})
        (verdict,) = await pool.grade([given])
    assert (verdict.reward, verdict.reason) == (0.25, "matched")
    assert verdict.metrics["difficulty"] == 0.25


async def test_a_plugin_that_does_not_load_is_an_error_before_grading(tmp_path: Path) -> None:
    with pytest.raises(PluginError):
        GradingPool(f"{PLUGINS}/broken.py:grade")
    plugin = tmp_path / "only_here.py"
    plugin.write_text(
        f"import os\nif os.getpid() != {os.getpid()}: raise RuntimeError('no GPU')\n"
        "def f(sample): return True\n"
    )
    with pytest.raises(PoolError, match="no GPU"):
        await GradingPool(f"{plugin}:f").start()
    assert workers() == []


async def test_workers_that_no_longer_start_fail_the_grading(tmp_path: Path) -> None:
    plugin = tmp_path / "vanishing.py"
    plugin.write_text("import os\ndef f(sample): os._exit(1)\n")
    async with GradingPool(f"{plugin}:f", workers=1) as pool:
        plugin.unlink()
        with pytest.raises(PoolError, match="cannot go on"):
            await pool.grade(samples("a", "b"))
    assert workers() == []


async def test_a_pool_that_is_not_running_says_so() -> None:
    pool = GradingPool(HOSTILE)
    with pytest.raises(PoolError, match="not running"):
        await pool.grade(samples("right"))
    with pytest.raises(ValueError, match="workers=0"):
        GradingPool(HOSTILE, workers=0)


async def test_closing_fails_what_is_waited_for_and_leaves_nothing() -> None:
    pool = GradingPool(HOSTILE, workers=2, deadline=60)
    await pool.start()
    grading = asyncio.create_task(pool.grade(samples("hang", "hang", "hang")))
    await _until(lambda: sum(one.running for one in pool.pending()) == 2)
    processes = workers()
    assert len(processes) in (2, 3)  # the spare may still be on its way
    await pool.aclose()
    await pool.aclose()
    with pytest.raises(PoolError, match="closed"):
        await grading
    assert not any(process.is_running() for process in processes)


def test_a_loop_that_ends_leaves_nothing() -> None:
    async def abandon() -> None:
        pool = GradingPool(HOSTILE, workers=2, deadline=60)
        await pool.start()
        asyncio.get_running_loop().create_task(pool.grade(samples("hang")))
        await _until(lambda: any(one.running for one in pool.pending()))

    asyncio.run(abandon())
    assert workers() == []


PARENT = """
import asyncio, sys
from rewards import GradingPool, Sample
async def main():
    async with GradingPool(sys.argv[1], workers=2, deadline=600) as pool:
        await pool.grade([Sample("a", (), "orphan " + sys.argv[2]), Sample("b", (), "spin")])
asyncio.run(main())
"""


@pytest.mark.parametrize("with_signal", [signal.SIGKILL, signal.SIGINT])
def test_a_parent_that_dies_leaves_nothing(tmp_path: Path, with_signal: signal.Signals) -> None:
    note = tmp_path / "pids"
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, HOSTILE, str(note)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        end = time.monotonic() + 120
        orphans: list[psutil.Process] = []
        # Two workers, the program that one of them started, and the spare.
        while len(orphans) != 4 or not (note.exists() and note.read_text()):
            assert time.monotonic() < end and parent.poll() is None
            time.sleep(0.05)
            orphans = psutil.Process(parent.pid).children(recursive=True)
        os.killpg(parent.pid, with_signal)
        _, errors = parent.communicate(timeout=120)
    finally:
        parent.kill()
        parent.wait(timeout=60)
    _, alive = psutil.wait_procs(orphans, timeout=60)
    assert alive == []
    assert ("Traceback" in errors) is (with_signal is signal.SIGINT)  # the parent's own
    assert "rewards/grading/worker.py" not in errors


async def test_a_start_that_is_refused_never_waits(tmp_path: Path) -> None:
    plugin = tmp_path / "only_here.py"
    plugin.write_text(
        f"import os\nif os.getpid() != {os.getpid()}: raise RuntimeError('no GPU')\n"
        "def f(sample): return True\n"
    )
    for _ in range(20):
        pool = GradingPool(f"{plugin}:f", workers=2)
        with pytest.raises(PoolError, match="no GPU"):
            await asyncio.wait_for(pool.start(), 60)
    assert workers() == []


async def test_a_start_can_be_cancelled_at_any_turn_of_the_loop() -> None:
    """Also in the turn in which the worker's first line comes; else closing would wait for ever."""
    use = Use(HOSTILE).to_argument()
    for turns in range(8):
        opening = asyncio.create_task(Lane.open([use], 512, 30))
        await asyncio.sleep(0.05)  # it waits for the line by now
        _block(0.8)  # the line lies in the pipe
        for _ in range(turns):
            await asyncio.sleep(0)
        was_cancelled = opening.cancel()
        await asyncio.wait([opening])
        if was_cancelled:
            assert opening.cancelled(), f"after {turns} turns the cancellation was lost"
        else:
            opening.result().close()
    assert workers() == []


async def test_a_spare_takes_over_at_once() -> None:
    async with GradingPool(bounded(0.5, STAMPED), workers=1, deadline=120) as pool:
        (runner,) = (one for one in pool._runners if isinstance(one, SubprocessRunner))
        await _until(lambda: runner._spare._lane is not None)  # it has started
        before = set(workers())
        hung, after = await pool.grade(samples("hang", "right"))
        assert not hung.is_gradable
        assert after.metrics["pid"] in {worker.pid for worker in before}
        await _until(lambda: len(workers()) == 2)  # and another spare is made
        assert len(set(workers()) & before) == 1
    assert workers() == []


@pytest.mark.parametrize(
    ("action", "deadline", "kind"), [("escape", 20, "deadline"), ("daemon", 60, "crash")]
)
async def test_what_left_the_workers_group_ends_with_it(
    action: str, deadline: float, kind: str, tmp_path: Path
) -> None:
    note = tmp_path / "pid"
    async with GradingPool(HOSTILE, workers=1, deadline=deadline, retries=0) as pool:
        (verdict,) = await pool.grade(samples(f"{action} {note}"))
        assert verdict.reason.startswith(f"{kind}: ")
        pid = int(note.read_text())
        await _until(lambda: not _lives(pid))


async def test_memory_that_grows_in_steps_is_capped_too() -> None:
    async with GradingPool(HOSTILE, workers=1, deadline=20) as pool:
        leak, right = await pool.grade(samples("leak", "right"))
        assert leak.reason.startswith("memory: ")
        assert right.is_correct
        assert pool.metrics()["workers_replaced"] == 0


@pytest.mark.parametrize("function", ["flaky", "flaky_async"])
@pytest.mark.parametrize(("failures", "tries"), [(2, 3), (5, 3)])
async def test_only_declared_failures_of_infrastructure_are_tried_again(
    function: str, failures: int, tries: int, tmp_path: Path
) -> None:
    mark = tmp_path / "tries"
    use = Use(f"{PLUGINS}/configured.py:{function}", {"mark": str(mark), "failures": failures})
    async with GradingPool(Rubric(use), workers=1, retries=2) as pool:
        (verdict,) = await pool.grade(samples("any"))
    assert len(mark.read_text()) == tries
    if failures < tries:
        assert verdict.is_correct
    else:
        assert verdict.reason == "infrastructure: the service is away"
        assert pool.ungradable_reasons() == {"infrastructure": 1}


async def test_an_exception_is_not_tried_again(tmp_path: Path) -> None:
    mark = tmp_path / "tries"
    use = Use(f"{PLUGINS}/configured.py:broken_async", {"mark": str(mark)})
    async with GradingPool(Rubric(use), retries=5) as pool:
        (verdict,) = await pool.grade(samples("any"))
    assert verdict.reason == "ConnectionError: the judge is away"
    assert len(mark.read_text()) == 1


@pytest.fixture
def virtual(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock of verifiers that run on the loop is the loop's."""
    clock = SimpleNamespace(monotonic=lambda: asyncio.get_running_loop().time())
    monkeypatch.setattr(rewards.grading.coroutine_runner, "time", clock)


def test_the_slowest_calls_are_named_once(virtual: None) -> None:
    run(_slowest())


async def _slowest() -> None:
    async with GradingPool(f"{PLUGINS}/waiting.py:waiting") as pool:
        await pool.grade(samples("0", "2", "0", "1", "3", "0"))
        named = pool.metrics()["slowest"]
        assert [one[1] for one in named] == ["s4", "s1", "s3"]
        slowest = pool.take_slowest()
        assert [(call.verifier, call.sample_id) for call in slowest] == [
            ("waiting-of-test", "s4"),
            ("waiting-of-test", "s1"),
            ("waiting-of-test", "s3"),
        ]
        assert slowest[0].seconds >= 3
        assert pool.take_slowest() == []


def test_it_runs_on_uvloop_as_ray_actors_do() -> None:
    uvloop = pytest.importorskip("uvloop")

    async def grade() -> None:
        async with GradingPool(bounded(0.5), workers=2, deadline=120) as pool:
            open_after, replaced = [], []
            for _ in range(2):
                for _ in range(2):
                    verdicts = await pool.grade(samples("right", "hang", "wrong", "exit", "right"))
                    assert [v.is_gradable for v in verdicts] == [True, False, True, False, True]
                await _until(lambda: len(workers()) == 3)
                open_after.append(await _settled(descriptors))
                replaced.append(pool.metrics()["workers_replaced"])
            # One that is still on its way is not a leak: that would be one a replaced worker.
            assert replaced[1] - replaced[0] >= 4
            assert open_after[1] - open_after[0] < replaced[1] - replaced[0]

    uvloop.run(grade())
    assert workers() == []


def test_an_async_verifier_runs_on_the_loop(virtual: None) -> None:
    run(_on_the_loop())


async def _on_the_loop() -> None:
    spec = f"{PLUGINS}/waiting.py:waiting"
    async with GradingPool(spec, deadline=2, concurrency=50) as pool:
        assert workers() == []
        start = asyncio.get_running_loop().time()
        verdicts = await pool.grade(samples(*["0.2"] * 100, "raise", "60"))
        # One after the other would take 20.
        assert asyncio.get_running_loop().time() - start < 3
    assert all(v == Verdict.correct(seconds=v.metrics["seconds"]) for v in verdicts[:100])
    assert verdicts[100].reason == "ConnectionError: the judge is away"
    assert verdicts[101].reason == "deadline: no verdict within 2 s"
    assert not verdicts[101].is_gradable


async def test_thousands_of_samples_pass_through_one_worker() -> None:
    batch = [Sample(str(i), (), f"\\boxed{{{i}}}", str(i + i % 2)) for i in range(2_000)]
    async with GradingPool("math", workers=1, deadline=120) as pool:
        verdicts = await pool.grade(batch)
    assert [v.is_correct for v in verdicts] == [i % 2 == 0 for i in range(2_000)]
