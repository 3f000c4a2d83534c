"""How a failed command ends."""

import asyncio
import signal
import subprocess
import sys

import pytest

from launch.errors import one_line_errors
from tests.launch.conftest import REPOSITORY


async def _interrupted() -> None:
    try:
        signal.raise_signal(signal.SIGINT)
        await asyncio.sleep(60)
    except asyncio.CancelledError as error:
        error.add_note("step 3 could not be saved")
        raise


def test_ctrl_c_says_what_the_cancelled_work_had_to_say(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as ended, one_line_errors():
        asyncio.run(_interrupted())
    assert ended.value.code == 130
    assert capsys.readouterr().err == "plumb: interrupted; step 3 could not be saved\n"


TASKS = """
import asyncio, sys
from launch.errors import one_line_errors
from rl.errors import PlumbError

class Held:
    def __del__(self):
        raise RuntimeError("Event loop is closed")

held = Held()

async def beside():
    try:
        await asyncio.Event().wait()
    finally:
        raise ConnectionError("the engine is gone")

async def main():
    task = asyncio.create_task(beside())
    await asyncio.sleep(0)
    raise {error}

with one_line_errors():
    asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("error", "told"),
    [("PlumbError('the disk is full')", False), ("ValueError('a defect')", True)],
)
def test_what_fails_as_the_rest_is_ended_is_told_with_a_defect_alone(
    error: str, told: bool
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", TASKS.format(error=error)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=REPOSITORY,
    )
    assert done.returncode == 1
    if told:
        assert "a defect" in done.stderr and "the engine is gone" in done.stderr
    else:
        assert done.stderr == "plumb: the disk is full\n"
