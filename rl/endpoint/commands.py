"""Commands that make and end boxes, each with a deadline."""

import asyncio
import contextlib
import json
from collections.abc import Sequence
from typing import Final

from rl.errors import InfrastructureError

START_SECONDS: Final = 180.0
END_SECONDS: Final = 10.0


async def opened(command: list[str]) -> asyncio.subprocess.Process:
    """What passes a port on, once it does.

    Raises:
        InfrastructureError: It cannot be started now.
    """
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *command, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(START_SECONDS):
            if (await process.stdout.readline()).strip() == b"ready":
                return process
            _, said = await process.communicate()
        told = " ".join(said.decode(errors="replace").split())[-300:]
    except TimeoutError:
        told = f"it was not ready within {START_SECONDS:g} s"
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    raise InfrastructureError(f"Docker cannot start a box for an agent: {told}")


async def ended(process: asyncio.subprocess.Process) -> None:
    """Wait for what ends by itself, but not for ever."""
    try:
        async with asyncio.timeout(END_SECONDS):
            await process.communicate()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()


async def docker(*arguments: str) -> tuple[int, str]:
    """Exit code and last words of a `docker` command."""
    return await said_by(["docker", *arguments])


async def said_by(command: Sequence[str]) -> tuple[int, str]:
    """Exit code and last words of a command."""
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        return 127, f"{command[0]} cannot be run: {error.strerror}"
    try:
        async with asyncio.timeout(START_SECONDS):
            said, _ = await process.communicate()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        return 124, f"{' '.join(command[:2])} took longer than {START_SECONDS:g} s"
    lines = said.decode(errors="replace").strip().splitlines()
    return process.returncode or 0, json.dumps(lines[-1])[1:-1] if lines else ""
