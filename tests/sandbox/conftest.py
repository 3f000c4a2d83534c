"""A started sandbox of each backend, shared by the tests of this folder.

Docker's tests skip where no daemon answers or its image is not built, unless PLUMB_REQUIRE_DOCKER
is set, as it is in CI. bubblewrap's run wherever it is installed.
"""

import os
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from sandbox import BoxSettings, Sandbox
from sandbox.backends import choose
from sandbox.errors import SandboxError

BACKENDS = ("docker", "bubblewrap")


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
