"""The sandbox of a stage: opened for a block, and closed after it.

Guarantee: what the sandbox could not measure, and a sandbox that cannot be had, end the stage with
one line; nothing is decided by it.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeVar

from data.errors import UnavailableError
from sandbox import BoxSettings, Sandbox
from sandbox.errors import SandboxError

TOKEN_VARIABLE: Final = "PLUMB_SANDBOX_TOKEN"
AT_ONCE: Final = 8  # records

Found = TypeVar("Found")


def in_sandbox(
    stage: str,
    where: str,
    slots: int,
    numbers: Sequence[int],
    work: Callable[[Sandbox, int], Awaitable[Found]],
) -> dict[int, Found]:
    """What work comes to for each number, a few at a time; no box is opened where there is none.

    Args:
        stage: Whose work it is, for the error.
        where: As `Sandbox.open` takes it; several URLs with commas.
        slots: Runs at a time in a box; 0: one a core, and one more.
        numbers: What there is to do.
        work: Does one.

    Raises:
        UnavailableError: The sandbox cannot be had, or measured nothing.
    """
    if not numbers:
        return {}
    try:
        return asyncio.run(_all(where, slots, numbers, work))
    except SandboxError as error:
        raise UnavailableError(f"stage {stage!r}: {error}") from error


def require_sandbox(where: str) -> None:
    """Open the sandbox and close it again.

    Args:
        where: As `in_sandbox` takes it.

    Raises:
        UnavailableError: It cannot be had.
    """

    async def begin() -> None:
        async with open_sandbox(where, slots=1):
            pass

    try:
        asyncio.run(begin())
    except SandboxError as error:
        raise UnavailableError(f"--sandbox {where}: {error}") from error


def open_sandbox(where: str, slots: int = 0) -> Sandbox:
    """A sandbox of `in_sandbox`, not yet started; raises RequestError where `where` names none."""
    size: dict[str, Any] = {"slots": slots} if slots else {}
    places = where.split(",") if "," in where else where
    token = os.environ.get(TOKEN_VARIABLE, "").strip() or None
    return Sandbox.open(places, settings=BoxSettings(**size), token=token)


async def _all(
    where: str,
    slots: int,
    numbers: Sequence[int],
    work: Callable[[Sandbox, int], Awaitable[Found]],
) -> dict[int, Found]:
    gate = asyncio.Semaphore(AT_ONCE)
    async with open_sandbox(where, slots) as box:

        async def one(number: int) -> Found:
            async with gate:
                return await work(box, number)

        tasks = [asyncio.ensure_future(one(number)) for number in numbers]
        try:
            return dict(zip(numbers, await asyncio.gather(*tasks), strict=True))
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
