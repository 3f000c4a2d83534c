"""The spread pool on a real local Ray: the local pool's verdicts, whatever becomes of actors."""

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from rewards import GradingPool, MissingColumnError, PluginError, PoolError, Rubric, Sample, Use
from rewards.grading.ray_pool import RayGradingPool
from tests.processes import descendants
from tests.ray_start import start_ray

PLUGINS = Path(__file__).parent / "plugins"
HOSTILE = f"{PLUGINS}/hostile.py:hostile"
CONFIGURED = f"{PLUGINS}/configured.py:stamped"
pytestmark = pytest.mark.slow


def samples(*responses: str) -> list[Sample]:
    return [Sample(f"s{i}", (), response) for i, response in enumerate(responses)]


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    import ray

    start_ray(num_cpus=2, logging_level="ERROR")
    yield
    ray.shutdown()


async def _until(happened: Callable[[], bool]) -> None:
    for _ in range(600):
        if happened():
            return
        await asyncio.sleep(0.1)
    raise AssertionError("it did not happen within 60 s")


def actors(pool: RayGradingPool) -> list[Any]:
    return [seat._actor for seat in pool._seats if seat.is_up]


async def test_it_grades_as_the_local_pool(cluster: None) -> None:
    batch = [Sample(str(i), (), f"\\boxed{{{i}}}", str(i + i % 3)) for i in range(200)]
    async with GradingPool("math", workers=1, deadline=120) as local:
        expected = await local.grade(batch)
    async with RayGradingPool("math", nodes=2, workers=1, deadline=120) as pool:
        assert await pool.grade([]) == []
        verdicts = await pool.grade(batch)
        metrics = pool.metrics()
        assert len(pool.take_slowest()) == 3
    assert [v.outcome for v in verdicts] == [v.outcome for v in expected]
    assert metrics["graded"] == 200
    assert metrics["correct"] == sum(v.is_correct for v in expected)


async def test_a_bad_sample_is_blamed_alone(cluster: None) -> None:
    bounded = Rubric(Use(HOSTILE), {"endless": Use(HOSTILE, deadline=1.0)})
    async with RayGradingPool(bounded, nodes=2, workers=1, deadline=120.0) as pool:
        mixed = samples("right", "hang", "wrong", "exit", "right")
        mixed[1] = replace(mixed[1], task="endless")
        verdicts = await pool.grade(mixed)
        kinds = pool.ungradable_reasons()
    assert [v.outcome for v in verdicts] == [
        "correct", "ungradable", "incorrect", "ungradable", "correct"
    ]  # fmt: skip
    assert kinds == {"deadline": 1, "crash": 1}


async def test_an_actor_killed_in_the_middle_loses_no_sample(cluster: None) -> None:
    mixed = Rubric(Use(f"{PLUGINS}/waiting.py:waiting"), {"plain": Use(HOSTILE)})
    async with RayGradingPool(mixed, nodes=2, workers=1, deadline=20) as pool:
        grading = asyncio.create_task(pool.grade(samples(*["5"] * 40)))
        await asyncio.sleep(0.5)
        victim = descendants("ray::Node")[0]
        await _until(lambda: len(victim.children(recursive=True)) > 0)
        workers = victim.children(recursive=True)
        victim.kill()
        verdicts = await grading
        assert all(verdict.is_correct for verdict in verdicts)
        assert psutil.wait_procs(workers, timeout=60)[1] == []
        await _until(lambda: pool.metrics()["nodes_replaced"] == 1)
        await _until(lambda: len(actors(pool)) == 2)
        assert all(v.is_correct for v in await pool.grade(samples(*["0"] * 100)))


async def test_an_actor_that_is_lost_while_idle_is_replaced(cluster: None) -> None:
    import ray

    async with RayGradingPool(CONFIGURED, nodes=1, workers=1) as pool:
        ray.kill(actors(pool)[0])
        (verdict,) = await pool.grade(samples("any"))
        assert verdict.is_correct
        assert pool.metrics()["nodes_replaced"] == 1


async def test_what_is_waited_for_is_named(cluster: None) -> None:
    async with RayGradingPool(HOSTILE, nodes=1, workers=1, deadline=60) as pool:
        grading = asyncio.create_task(pool.grade(samples("right", "hang")))
        await _until(lambda: [one.sample_id for one in pool.pending() if one.running] == ["s1"])
        await pool.aclose()
        with pytest.raises(PoolError, match="closed"):
            await grading


async def test_faults_of_the_set_up_are_errors_here(cluster: None, tmp_path: Path) -> None:
    with pytest.raises(PluginError):
        RayGradingPool(f"{PLUGINS}/broken.py:grade", nodes=1)
    with pytest.raises(PoolError, match="not running"):
        await RayGradingPool("math", nodes=1).grade(samples("x"))
    async with RayGradingPool(f"{PLUGINS}/columns.py:columns", nodes=1, workers=1) as pool:
        with pytest.raises(MissingColumnError, match="difficulty"):
            await pool.grade(samples("yes"))
    began = time.monotonic()
    with pytest.raises(PoolError, match="asks for 64 CPUs"):
        await RayGradingPool("math", nodes=1, workers=64, start_deadline=3).start()
    assert time.monotonic() - began < 120
