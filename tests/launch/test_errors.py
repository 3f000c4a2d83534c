"""How a failed command ends."""

import asyncio
import signal

import pytest

from launch.errors import one_line_errors


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
