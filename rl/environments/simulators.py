"""Processes that run calls of simulated objects: a few, shared by all episodes of a run.

An episode holds none: what is sent has all that was called before, and objects are made anew. So a
thousand open episodes take two processes, and one that dies costs nothing but a line that is sent
again.

Guarantee: what the policy calls takes at most so long and so much memory, also where it would never
come back: the process is killed, and another one takes its place.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from rl.errors import ConfigError, InfrastructureError

PROGRAM: Final = Path(__file__).parent / "programs" / "simulate.py"
LINE: Final = 64 << 20  # bytes of an answer
STARTS: Final = 60.0  # seconds that a process has more for its first line: it imports


class CallFailedError(Exception):
    """What was called took too long or too much memory; the policy may read it."""


class WrongSceneError(Exception):
    """The classes cannot make these objects."""


class Simulators:
    """See above.

    Args:
        classes: a folder of Python files, a file, or a module.
        seconds: one line may take.
        memory_mb: of a process, MiB.
        workers: processes.
    """

    def __init__(self, classes: str, seconds: float, memory_mb: int, workers: int) -> None:
        self._classes = classes
        self._seconds = seconds
        self._memory_mb = memory_mb
        self._free: asyncio.Queue[_Process | None] = asyncio.Queue()
        for _ in range(workers):
            self._free.put_nowait(None)
        self._all: set[_Process] = set()

    async def ask(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to a line.

        Raises:
            CallFailedError: It took too long, or ended its process twice.
            WrongSceneError: The classes cannot make these objects.
            InfrastructureError: No process can be started.
        """
        line = json.dumps(asked).encode() + b"\n"
        for _ in range(2):
            answer = await self._tried(line)
            if answer is not None:
                if "wrong" in answer:
                    raise WrongSceneError(answer["wrong"])
                return answer
        raise CallFailedError("it ended the process that it ran in")

    async def aclose(self) -> None:
        """End all processes."""
        for one in list(self._all):
            await self._ended(one)

    async def _tried(self, line: bytes) -> dict[str, Any] | None:
        """The answer; None: the process ended. Its place is free again, whatever happens."""
        process = back = await self._free.get()
        try:
            if process is None:
                process = await self._started()
            answer = await process.ask(line, self._seconds)
            back, process = process, None
            return answer
        except TimeoutError as error:
            raise CallFailedError(f"took longer than {self._seconds:g} s") from error
        except (OSError, EOFError, ValueError):
            return None
        finally:
            try:
                if process is not None:
                    back = None
                    await asyncio.shield(self._ended(process))
            finally:
                self._free.put_nowait(back)

    async def _started(self) -> "_Process":
        command = [sys.executable, str(PROGRAM), self._classes, str(self._memory_mb)]
        try:
            running = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                limit=LINE,
                start_new_session=True,
            )
        except OSError as error:
            raise InfrastructureError(f"a simulator cannot be started: {error}") from error
        process = _Process(running)
        self._all.add(process)
        return process

    async def _ended(self, process: "_Process") -> None:
        self._all.discard(process)
        await process.end()


class _Process:
    def __init__(self, running: asyncio.subprocess.Process) -> None:
        self._running = running
        self._is_new = True

    async def ask(self, line: bytes, seconds: float) -> dict[str, Any]:
        """One answer.

        Raises:
            TimeoutError: It took longer.
            EOFError: The process has ended.
            OSError: It does not read.
            ValueError: What it wrote is no answer.
        """
        sink, source = self._running.stdin, self._running.stdout
        assert sink is not None and source is not None, "they are pipes"
        async with asyncio.timeout(seconds + (STARTS if self._is_new else 0.0)):
            sink.write(line)
            await sink.drain()
            written = await source.readline()
        self._is_new = False
        if not written.endswith(b"\n"):
            raise EOFError
        answer: dict[str, Any] = json.loads(written)
        return answer

    async def end(self) -> None:
        """Kill it and whatever it has started."""
        with suppress(ProcessLookupError):
            os.killpg(self._running.pid, signal.SIGKILL)
        await self._running.wait()


def checked_classes(classes: str) -> str:
    """Where classes are, as a process in another folder finds them.

    Raises:
        ConfigError: There is no such file or folder.
    """
    path = Path(classes)
    if path.exists():
        return str(path.resolve())
    if "/" in classes or classes.endswith(".py"):
        raise ConfigError(f"env: classes: there is no file or folder {classes}")
    return classes
