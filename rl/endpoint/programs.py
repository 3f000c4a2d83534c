"""An agent's process: what it is told, what it says, and its end.

Guarantees: it is told the task and nothing that a grader knows. Its output is bounded, also while
nobody would read it. It ends: by itself, when it has worked longer than it may, when it floods its
output, when the policy can no longer be sampled, or with the episode; and with it every process of
its group or box. Time in which the policy writes is not its time, so that long answers are not cut
short by it.
"""

import asyncio
import contextlib
import os
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Final, Literal

TICK: Final = 0.2  # seconds between two looks at the clock
STDERR_BYTES: Final = 4096  # its last words, for messages
CHUNK: Final = 1 << 16
END_SECONDS: Final = 10.0

Ended = Literal["exit", "late", "flood", "failed"]
"""By itself, by its deadline, by its output, or as the policy could not be sampled."""


@dataclass(frozen=True, slots=True)
class Run:
    """What came of an agent.

    Attributes:
        how: It ended.
        exit_code: None where it was ended.
        output: Standard output, as far as it was kept.
        complaint: The end of its standard error.
        seconds: It worked.
    """

    how: Ended
    exit_code: int | None
    output: str
    complaint: str
    seconds: float


async def run_program(
    command: Sequence[str],
    task: bytes,
    *,
    variables: Mapping[str, str],
    folder: str | None,
    seconds: float,
    output_bytes: int,
    is_waiting: Callable[[], bool],
    stopped: asyncio.Event,
    end: Callable[[], Awaitable[None]] | None = None,
    keeps_input: bool = False,
) -> Run:
    """Run a program to its end.

    Args:
        command: It and its arguments.
        task: Its standard input.
        variables: All of its environment.
        folder: Its working directory.
        seconds: It may work.
        output_bytes: It may write to standard output.
        is_waiting: Whether it waits for the policy now.
        stopped: Set when it is to be ended.
        end: Ends what it has started elsewhere, as a container.
        keeps_input: Whether its standard input stays open behind the task, as long as this goes on.

    Raises:
        OSError: It cannot be started.
    """
    process = await _begun(command, variables, folder)
    assert process.stdin and process.stdout and process.stderr
    output, complaint = bytearray(), bytearray()
    clock = _Clock(is_waiting)
    feeding = asyncio.create_task(_feed(process.stdin, task, closes=not keeps_input))
    reading = asyncio.create_task(_keep(process.stdout, output, output_bytes))
    listening = asyncio.create_task(_last(process.stderr, complaint))
    how: Ended = "exit"
    try:
        how = await _watch(process, reading, clock, seconds, stopped)
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        if end is not None:
            await asyncio.shield(end())
        feeding.cancel()
        await _drained(process, reading, listening, END_SECONDS if how == "exit" else 1.0)
    if how == "exit" and len(output) > output_bytes:
        how = "flood"
    return Run(
        how,
        process.returncode if how == "exit" else None,
        output[:output_bytes].decode(errors="replace"),
        complaint.decode(errors="replace").strip(),
        clock.worked,
    )


async def _begun(
    command: Sequence[str], variables: Mapping[str, str], folder: str | None
) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(
        *command,
        stdin=pipe,
        stdout=pipe,
        stderr=pipe,
        cwd=folder,
        env=dict(variables),
        start_new_session=True,
    )


async def _drained(
    process: asyncio.subprocess.Process,
    reading: "asyncio.Task[bool]",
    listening: "asyncio.Task[None]",
    seconds: float,
) -> None:
    """Read what is left of its output, for so long; others may keep its pipes open for ever."""
    await asyncio.wait([reading, listening], timeout=seconds)
    reading.cancel()
    listening.cancel()
    await asyncio.gather(reading, listening, return_exceptions=True)
    process._transport.close()  # type: ignore[attr-defined]


async def _watch(
    process: asyncio.subprocess.Process,
    reading: "asyncio.Task[bool]",
    clock: "_Clock",
    seconds: float,
    stopped: asyncio.Event,
) -> Ended:
    """Wait for its end, or for a reason to end it."""
    waiting = asyncio.create_task(process.wait())
    stopping = asyncio.create_task(stopped.wait())
    try:
        while True:
            watched = {waiting, stopping} | (set() if reading.done() else {reading})
            await asyncio.wait(watched, timeout=TICK, return_when=asyncio.FIRST_COMPLETED)
            clock.tick()
            # `wait` also waits for pipes that a process of its own may keep open.
            if waiting.done() or process.returncode is not None:
                return "exit"
            if stopping.done():
                return "failed"
            if reading.done() and reading.result():
                return "flood"
            if clock.worked > seconds:
                return "late"
    finally:
        stopping.cancel()
        waiting.cancel()
        await asyncio.gather(stopping, waiting, return_exceptions=True)


class _Clock:
    """Seconds in which the policy was not waited for."""

    def __init__(self, is_waiting: Callable[[], bool]) -> None:
        self.worked = 0.0
        self._is_waiting = is_waiting
        self._last = monotonic()

    def tick(self) -> None:
        """Count the time since the last tick."""
        now = monotonic()
        if not self._is_waiting():
            self.worked += now - self._last
        self._last = now


async def _feed(stdin: asyncio.StreamWriter, task: bytes, *, closes: bool) -> None:
    with contextlib.suppress(OSError):
        stdin.write(task)
        await stdin.drain()
        if closes:
            stdin.close()


async def _keep(stream: asyncio.StreamReader, kept: bytearray, most: int) -> bool:
    """Read to the end, or until there is more than is kept; whether there was."""
    while chunk := await stream.read(CHUNK):
        kept += chunk
        if len(kept) > most:
            return True
    return False


async def _last(stream: asyncio.StreamReader, kept: bytearray) -> None:
    while chunk := await stream.read(CHUNK):
        kept += chunk
        del kept[:-STDERR_BYTES]
