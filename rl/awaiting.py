"""Waiting for Ray actors: always with a deadline, and with the user's error, not Ray's."""

import asyncio
import signal
from collections.abc import Sequence
from typing import Any

from ray.exceptions import RayActorError, RayTaskError

from rl.errors import ClusterError, PlumbError


async def await_all(refs: Sequence[Any], deadline: float, what: str) -> list[Any]:
    """Await every object reference.

    Raises:
        PlumbError: one that an actor raised, as it was raised there.
        ClusterError: the deadline passed, or an actor died; names `what` was awaited.
    """
    try:
        async with asyncio.timeout(deadline):
            return list(await asyncio.gather(*refs))
    except TimeoutError as error:
        raise ClusterError(f"{what} took longer than {deadline:g} s") from error
    except RayActorError as error:
        raise ClusterError(f"a process died while {what}: {cause_of(error)}") from error
    except RayTaskError as error:
        if isinstance(error.cause, PlumbError):
            raise error.cause from error
        raise


def stop_on_sigterm() -> None:
    """Let SIGTERM cancel the current task, so that every part is stopped before the process ends.

    Called after Ray has connected, which installs a handler of its own.
    """
    task = asyncio.current_task()
    if task is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)


def cause_of(error: RayActorError) -> str:
    """The line of Ray's report that says why an actor died."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    telling = [line for line in lines if "cause" in line.lower() or "exit" in line.lower()]
    return (telling or lines or ["no cause is known"])[0]
