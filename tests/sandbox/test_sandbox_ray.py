"""The sandbox on a real local Ray: the usual answers, whatever becomes of actors."""

import asyncio
from collections.abc import Iterator

import pytest

from sandbox.backends.settings import BoxSettings
from sandbox.errors import DeadlineError, RequestError, TestsError, UnavailableError
from sandbox.ray_sandbox import RaySandbox
from sandbox.sandbox import Sandbox
from sandbox.types import Limits, Program, StdioTests, TestCase
from tests.ray_start import start_ray
from tests.sandbox.conftest import at_work

pytestmark = pytest.mark.slow
ECHO = Program(source="import time; time.sleep(0.02); print(input())")
SMALL = BoxSettings(slots=2)


def sandbox(nodes: int, settings: BoxSettings) -> RaySandbox:
    return RaySandbox(nodes, settings=settings, deadline=60, queue=1024, backend="bubblewrap")


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    import ray

    start_ray(num_cpus=2, logging_level="ERROR")
    yield
    ray.shutdown()


async def test_its_answers_and_errors_are_the_usual_ones(cluster: None) -> None:
    async with sandbox(2, SMALL) as box:
        assert (await box.run(ECHO, stdin="x")).stdout == "x\n"
        cases = [TestCase(stdin="a", stdout="b"), TestCase(stdin="b", stdout="b")]
        judgement = await box.judge(ECHO, cases, stop_at_first_failure=False)
        assert [case.status for case in judgement.cases] == ["wrong_answer", "passed"]
        checker = Program(source="import sys; sys.exit(7)")
        with pytest.raises(TestsError):
            await box.judge(ECHO, StdioTests(cases=cases, checker=checker))
        with pytest.raises(DeadlineError):
            endless = Program(source="while True: pass")
            await box.run(endless, limits=Limits(wall_seconds=60), deadline=0.5)
        assert "python" in await box.languages()
    with pytest.raises(RequestError, match="not open"):
        await box.run(ECHO)


async def test_a_lost_actor_costs_no_judgement_and_is_replaced(cluster: None) -> None:
    import ray

    box = sandbox(2, SMALL)
    async with box:
        done = 0

        async def one(number: int) -> bool:
            nonlocal done
            is_right = number % 3 != 0
            tests = [TestCase(stdin=str(number), stdout=str(number if is_right else -1))]
            judgement = await box.judge(ECHO, tests)
            done += 1
            return judgement.passed == is_right

        tasks = [asyncio.create_task(one(number)) for number in range(200)]
        while done < 20:
            await asyncio.sleep(0.01)
        ray.kill(box._seats[0].actor)
        assert all(await asyncio.gather(*tasks))
        async with asyncio.timeout(120):
            while (await box.health()).status != "ok":
                await asyncio.sleep(0.1)
        assert box._seats[0].starts == 2
        assert (await box.health()).replaced == 1
        assert await one(5)


async def test_a_request_that_is_given_up_frees_its_slot(cluster: None) -> None:
    async with sandbox(1, BoxSettings(slots=1)) as box:
        endless = Program(source="while True: pass")
        request = asyncio.create_task(box.run(endless, limits=Limits(wall_seconds=60)))
        await at_work(box, busy=1)
        request.cancel()
        assert (await box.run(ECHO, stdin="x", deadline=60)).stdout == "x\n"


async def test_an_actor_that_cannot_be_placed_is_told(
    cluster: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sandbox.ray_sandbox.START_SECONDS", 2.0)
    with pytest.raises(UnavailableError, match=r"asks for 63 CPUs.* has 2: use fewer slots"):
        await Sandbox.open("ray", settings=BoxSettings(slots=64)).start()
