"""A started sandbox of each backend, shared by the tests of this folder.

Docker's tests skip where no daemon answers or its image is not built, unless PLUMB_REQUIRE_DOCKER
is set, as it is in CI. bubblewrap's run wherever it is installed.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping

import pytest
import pytest_asyncio

from sandbox import BoxSettings, Limits, Program, Sandbox, TestsError
from sandbox.backends import choose
from sandbox.errors import SandboxError

BACKENDS = ("docker", "bubblewrap")
AT_A_TIME = 3  # runs of a test that has many


async def require(backend: str) -> None:
    """Skip the test where the backend cannot be had; fail it where it must be."""
    try:
        await choose(backend, BoxSettings())
    except SandboxError as error:
        if os.environ.get("PLUMB_REQUIRE_DOCKER"):
            raise
        pytest.skip(str(error))


@pytest_asyncio.fixture(scope="session", loop_scope="session", params=BACKENDS)
async def box(request: pytest.FixtureRequest) -> AsyncIterator[Sandbox]:
    """A sandbox of each backend."""
    await require(request.param)
    async with Sandbox.open(request.param) as opened:
        yield opened


async def judged(box: Sandbox, pairs: Mapping[str, tuple[str, str]]) -> dict[str, str]:
    """What each pair of a program and a harness in Python comes to, by the pair's name."""
    gate = asyncio.Semaphore(AT_A_TIME)
    limits = Limits(wall_seconds=60.0, cpu_seconds=20.0)

    async def one(source: str, test: str) -> str:
        async with gate:
            try:
                tests = {"kind": "harness", "source": test}
                judgement = await box.judge(Program(source=source), tests, limits=limits)
            except TestsError as error:
                return f"no test: {error}"
            return "passed" if judgement.passed else f"failed: {judgement.reason}"

    found = await asyncio.gather(*(one(*pair) for pair in pairs.values()))
    return dict(zip(pairs, found, strict=True))


async def at_work(box: Sandbox, busy: int, waiting: int = 0) -> None:
    """Wait until so many slots work, and so many requests wait for one."""
    async with asyncio.timeout(60):
        while True:
            health = await box.health()
            if health.busy >= busy and health.waiting >= waiting:
                return
            await asyncio.sleep(0.02)
