"""The grading pool under verifiers that misbehave, and what it leaves behind."""

import asyncio
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from rewards import GradingPool, MissingColumnError, PluginError, PoolError, Sample, Verdict

PLUGINS = Path(__file__).parent / "plugins"
HOSTILE = f"{PLUGINS}/hostile.py:hostile"


def samples(*responses: str) -> list[Sample]:
    return [Sample(f"s{i}", (), response) for i, response in enumerate(responses)]


def workers() -> list[psutil.Process]:
    """The pools' workers that this process has; the one of `math_equal` is none of them."""
    children = psutil.Process().children(recursive=True)
    lines = {child: " ".join(child.cmdline()) for child in children}
    return [c for c, line in lines.items() if "rewards.worker" in line and "math-bare" not in line]


def _block(seconds: float) -> None:
    """Hold the loop up, as a trainer's step may."""
    time.sleep(seconds)


async def test_verdicts_come_in_order() -> None:
    async with GradingPool(HOSTILE, workers=2) as pool:
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
    async with GradingPool(HOSTILE, workers=2, deadline=1.0, memory_mb=512) as pool:
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
    async with GradingPool(HOSTILE, workers=1) as pool:
        assert (await pool.grade(samples("print")))[0].is_correct
    assert capfd.readouterr() == ("", "")


async def test_a_crash_is_tried_again_on_another_worker(tmp_path: Path) -> None:
    async with GradingPool(HOSTILE, workers=1) as pool:
        (verdict,) = await pool.grade(samples(f"once {tmp_path / 'mark'}"))
        assert verdict.is_correct
        assert pool.metrics()["workers_replaced"] == 1


async def test_a_deadline_is_kept_and_a_late_loop_blames_nobody() -> None:
    async with GradingPool(HOSTILE, workers=1, deadline=0.5) as pool:
        start = time.monotonic()
        await pool.grade(samples("hang"))
        assert time.monotonic() - start < 1.5
        grading = asyncio.create_task(pool.grade(samples(*["right"] * 50)))
        await asyncio.sleep(0)
        _block(1.0)
        assert all(v.is_correct for v in await grading)


async def test_pending_names_what_is_waited_for() -> None:
    async with GradingPool(HOSTILE, workers=1, deadline=30) as pool:
        grading = asyncio.create_task(pool.grade(samples("right", "hang", "wrong")))
        await asyncio.sleep(0.5)
        slowest, queued = pool.pending()
        assert (slowest.sample_id, slowest.running, queued.sample_id) == ("s1", True, "s2")
        assert 0.3 < slowest.seconds < 5
        assert pool.metrics()["queued"] == 1
        grading.cancel()
        await asyncio.wait([grading])
        assert pool.pending() == []


async def test_fewer_are_taken_on_than_are_asked_for() -> None:
    async with GradingPool(HOSTILE, workers=1, max_pending=3) as pool:
        assert len(await pool.grade(samples(*["right"] * 50))) == 50


async def test_a_sample_that_cannot_travel_is_ungradable() -> None:
    stuck = Sample("s", (), "right", metadata={"open": lambda: None})
    async with GradingPool(HOSTILE, workers=1) as pool:
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
    await asyncio.sleep(0.3)
    processes = workers()
    assert len(processes) == 2
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
        await asyncio.sleep(0.2)

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
        end = time.monotonic() + 20
        while not (note.exists() and note.read_text()) and time.monotonic() < end:
            time.sleep(0.05)
        time.sleep(0.2)
        orphans = psutil.Process(parent.pid).children(recursive=True)
        assert len(orphans) == 3  # two workers, and the program that one of them started
        os.killpg(parent.pid, with_signal)
        _, errors = parent.communicate(timeout=20)
    finally:
        parent.kill()
        parent.wait(timeout=20)
    _, alive = psutil.wait_procs(orphans, timeout=10)
    assert alive == []
    assert ("Traceback" in errors) is (with_signal is signal.SIGINT)  # the parent's own
    assert "rewards/worker.py" not in errors


async def test_an_async_verifier_runs_on_the_loop() -> None:
    spec = f"{PLUGINS}/waiting.py:waiting"
    async with GradingPool(spec, deadline=0.5, concurrency=50) as pool:
        assert workers() == []
        start = time.monotonic()
        verdicts = await pool.grade(samples(*["0.2"] * 100, "raise", "60"))
        assert time.monotonic() - start < 2
    assert all(v == Verdict.correct(seconds=v.metrics["seconds"]) for v in verdicts[:100])
    assert verdicts[100].reason == "ConnectionError: the judge is away"
    assert verdicts[101].reason == "deadline: no verdict within 0.5 s"
    assert not verdicts[101].is_gradable


async def test_plain_numbers_are_graded_fast() -> None:
    batch = [Sample(str(i), (), f"\\boxed{{{i}}}", str(i + i % 2)) for i in range(2_000)]
    async with GradingPool("math", workers=1) as pool:
        start = time.monotonic()
        verdicts = await pool.grade(batch)
        rate = len(batch) / (time.monotonic() - start)
    assert sum(v.is_correct for v in verdicts) == 1_000
    assert rate > 2_000
