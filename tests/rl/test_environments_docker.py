"""Python and a shell in Docker: the programs that carry a state run in the image as they do here.

Skipped where no daemon answers or the image is not built, unless PLUMB_REQUIRE_DOCKER is set.
"""

import os
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from data.schema import Prompt
from rl.environments.python import Python
from rl.environments.shell import Shell
from sandbox import BoxSettings, Sandbox
from sandbox.backends import choose
from sandbox.errors import SandboxError

SMALL = BoxSettings(slots=1)
SECONDS = 60.0


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def box() -> AsyncIterator[None]:
    """A sandbox, as `start` would open it."""
    try:
        await choose("docker", SMALL)
    except SandboxError as error:
        if os.environ.get("PLUMB_REQUIRE_DOCKER"):
            raise
        pytest.skip(str(error))
    async with Sandbox.open("docker", settings=SMALL) as opened:
        Python.box = Shell.box = opened
        yield
        Python.box = Shell.box = None


@pytest.mark.asyncio(loop_scope="module")
async def test_a_session_keeps_its_state(box: None) -> None:
    one, other = Python(session=True, seconds=SECONDS), Python(seconds=SECONDS)
    code = "import math\ndef double(x): return 2 * x\nkept = [1, math.floor(2.5)]"
    assert await one.python(code) == "[no output]"
    assert await one.python("kept.append(double(4))\nkept, math.pi > 3") == "([1, 2, 8], True)"
    assert "nothing of this run is kept]" in await one.python("kept = 0\nimport os; os._exit(1)")
    assert await one.python("kept") == "[1, 2, 8]"
    assert "NameError: name 'kept' is not defined" in await other.python("print(kept)")


@pytest.mark.asyncio(loop_scope="module")
async def test_a_shell_keeps_its_files_and_is_checked(box: None) -> None:
    reference = {"check": ["python3 test.py"], "files": {"test.py": "from sums import add\n"
                 "assert add(2, 3) == 5\n"}}  # fmt: skip
    row = {"files": {"sums.py": "def add(a, b): return a\n"}}
    asked = ({"role": "user", "content": "q"},)
    one = Shell(seconds=SECONDS)
    one.reset(Prompt("p", asked, reference, metadata=row))
    assert await one.shell("mkdir a && cd a && ls ..") == "a\nsums.py"
    assert await one.reward([]) is False
    assert (
        await one.shell("pwd; sed -i s/a$/a+b/ ../sums.py; exit 3") == "/tmp/work/a\n[exit code 3]"
    )
    assert await one.reward([]) is True
    assert await one.shell("ls ../test.py 2> /dev/null || echo unseen") == "unseen"
