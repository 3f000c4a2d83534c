"""Reads what programs answered, outside of the process that asked.

Guarantees: a small answer is read on the spot, within a few milliseconds; a large one in a process
of its own, under limits of CPU time and memory, so that an answer that is made to be slow costs the
caller's event loop nothing and ends as `UnreadableError`. The processes start when they are first
needed and end with their owner.
"""

import asyncio
import contextlib
import json
import os
import pickle
import sys
from pathlib import Path
from typing import Any, Final

from sandbox.errors import UnavailableError
from sandbox.reading import CPU_SECONDS, SIZE, Job

ON_THE_SPOT: Final = 1 << 14  # characters that are read without a process
PROCESSES: Final = 2
LINE_BYTES: Final = 64 << 20  # of a result
SILENCE_SECONDS: Final = 30 * CPU_SECONDS  # the CPU time is the limit; this is for a dead machine


class UnreadableError(Exception):
    """An answer cannot be read within the limits: it is too large, or made to be slow."""


class Reader:
    """Up to PROCESSES processes that read."""

    def __init__(self) -> None:
        self._room = asyncio.Semaphore(PROCESSES)
        self._idle: list[asyncio.subprocess.Process] = []

    async def read(self, job: Job) -> Any:
        """The job's result.

        Raises:
            UnreadableError: It took too much time or memory.
            UnavailableError: A process cannot be started.
        """
        if job.size < ON_THE_SPOT:
            return job.run()
        frame = pickle.dumps(job)
        async with self._room:
            for _ in range(2):  # somebody may have killed it; twice is the job's own doing
                process = self._idle.pop() if self._idle else await _start()
                line = await self._exchange(process, frame)
                if line:
                    break
        answer = json.loads(line) if line else {}
        if "result" not in answer:
            raise UnreadableError(f"not read within {CPU_SECONDS:g} s of CPU time")
        return answer["result"]

    async def aclose(self) -> None:
        """End the processes."""
        processes, self._idle = self._idle, []
        await asyncio.gather(*(_end(process) for process in processes))

    async def _exchange(self, process: asyncio.subprocess.Process, frame: bytes) -> bytes:
        """A line of answer; empty where the process died, or was cancelled with its caller."""
        assert process.stdin is not None and process.stdout is not None
        line = b""
        try:
            with contextlib.suppress(OSError, ValueError, TimeoutError):
                async with asyncio.timeout(SILENCE_SECONDS):
                    process.stdin.write(SIZE.pack(len(frame)) + frame)
                    await process.stdin.drain()
                    line = await process.stdout.readline()
        finally:
            if line.endswith(b"\n"):
                self._idle.append(process)
            else:
                await _end(process)
        return line


async def _start() -> asyncio.subprocess.Process:
    path = os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)
    try:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "sandbox.reading"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            limit=LINE_BYTES,
            start_new_session=True,  # a Ctrl-C at the terminal is not for it
            # Text hashes of its own, whatever the owner's are: nobody knows what collides.
            env={**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": "random"},
        )
    except OSError as error:
        raise UnavailableError(f"no process can be started to read answers: {error}") from error


async def _end(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    await process.wait()
