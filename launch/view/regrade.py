"""Grading answers anew, and writing them as rows of `plumb verify`.

Both happen in a process of their own that is killed when it takes too long: grading loads the run's
verifiers as they are on the disk now, so that what was edited counts.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from rl.errors import PlumbError

MOST: Final = 64  # answers at once
SECONDS: Final = 300.0  # for all of them
LONGEST_LINE: Final = 64 << 20
ROW_FIELDS: Final = (
    *("prompt_id", "prompt", "response", "messages", "reference", "task", "tokens"),
    *("stop_reason", "turns", "group", "episode", "opened", "set", "mode", "metrics"),
)


class RegradeError(PlumbError):
    """Nothing was graded."""


async def ask_worker(
    action: str, run: Path, rows: Sequence[Mapping[str, Any]], *, seconds: float = SECONDS
) -> list[dict[str, Any]]:
    """Grade rows of a run (`grade`), or write them as rows of `plumb verify` (`row`).

    Raises:
        RegradeError: The verifiers do not load, or it took too long; nothing goes on then.
    """
    asked = {"action": action, "run": str(run), "rows": [_told(row) for row in rows]}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "launch.view.regrade_worker",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE, limit=LONGEST_LINE, start_new_session=True,
    )  # fmt: skip
    try:
        async with asyncio.timeout(seconds):
            out, err = await process.communicate(json.dumps(asked).encode())
    except TimeoutError as error:
        raise RegradeError(
            f"grading took longer than {seconds:.0f} s and was ended; a verifier may hang"
        ) from error
    finally:
        with suppress(ProcessLookupError):  # the group: also what a verifier has started
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
    return _read(out, err)


def _read(out: bytes, err: bytes) -> list[dict[str, Any]]:
    try:
        said: Any = json.loads(out.splitlines()[-1])
        if "error" in said:
            raise RegradeError(str(said["error"]))
        return list(said["rows"])
    except (ValueError, IndexError, KeyError, TypeError) as error:
        last = err.decode("utf-8", "replace").strip().splitlines()[-1:] or ["without a word"]
        raise RegradeError(f"the grading process ended: {last[0][:500]}") from error


def _told(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: row.get(name) for name in ROW_FIELDS}
