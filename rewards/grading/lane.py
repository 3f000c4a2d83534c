"""One worker process as the event loop sees it: jobs go in, verdicts come out in order.

Guarantees: the first outstanding job is the one that the worker is at. After a kill everything the
worker had still answered is read before the stream ends.
"""

import asyncio
import os
from collections import deque
from collections.abc import Sequence
from contextlib import ExitStack
from typing import IO, Self

from rewards.errors import PoolError
from rewards.grading.process import WorkerProcess
from rewards.grading.running import Job
from rewards.grading.wire import REPLY_LIMIT, Graded, decode_reply, start_error
from rewards.use import Use

WINDOW = 8  # jobs sent ahead, so that the worker never waits for the loop
REAP_LOOKS, REAP_PAUSE = 2_000, 0.005  # for the kernel to tear a killed worker down
ESCAPE_SECONDS = 1.0  # until a pipe is given up that a process outside the group still holds


class Lane:
    """A worker that has announced itself, and the jobs it was sent.

    Attributes:
        outstanding: Jobs sent and not answered, in order.
        overdue: Whether it was killed because a job passed its deadline.
    """

    def __init__(
        self,
        process: WorkerProcess,
        reader: asyncio.StreamReader,
        incoming: asyncio.BaseTransport,
        outgoing: asyncio.WriteTransport,
    ) -> None:
        self._process = process
        self._reader = reader
        self._incoming = incoming
        self._outgoing = outgoing
        self._doomed = False
        self.overdue = False
        self.outstanding: deque[Job] = deque()

    @classmethod
    async def open(cls, uses: Sequence[str], memory_mb: int, deadline: float) -> Self:
        """Start a worker for `uses`, as arguments, and wait until it can grade.

        Raises:
            PoolError: The worker did not load its verifier; says why.
        """
        loop = asyncio.get_running_loop()
        process = WorkerProcess(uses, memory_mb)
        with ExitStack() as on_failure:
            on_failure.callback(process.close)
            reader = asyncio.StreamReader(limit=REPLY_LIMIT)
            incoming, _ = await loop.connect_read_pipe(
                lambda: asyncio.StreamReaderProtocol(reader), _copy(process.replies)
            )
            on_failure.callback(incoming.close)
            outgoing, _ = await loop.connect_write_pipe(
                asyncio.BaseProtocol, _copy(process.requests)
            )
            on_failure.callback(_abort, outgoing)
            try:
                # Unlike `wait_for` before Python 3.12, this never swallows a cancellation.
                async with asyncio.timeout(deadline):
                    line = await reader.readline()
            except TimeoutError as error:
                raise PoolError(f"{_name(uses)} was not ready after {deadline:g} s") from error
            if (why := start_error(line)) is not None:
                raise PoolError(f"{_name(uses)} did not start: {why}")
            on_failure.pop_all()
        return cls(process, reader, incoming, outgoing)

    @property
    def has_room(self) -> bool:
        """Whether another job may be sent."""
        return not self._doomed and len(self.outstanding) < WINDOW

    @property
    def running_since(self) -> float | None:
        """When the worker began its current job (monotonic clock)."""
        return self._process.running_since

    @property
    def exit_code(self) -> int | None:
        """The worker's exit code, negative for a signal; None while it lives."""
        return self._process.exit_code

    def send(self, job: Job, frame: bytes) -> None:
        """Send `job`, pickled as `frame`."""
        self.outstanding.append(job)
        self._outgoing.write(frame)

    async def receive(self) -> tuple[Job, Graded] | None:
        """The next verdict; None once the worker is gone or talks nonsense."""
        try:
            line = await self._reader.readline()
            if not line.endswith(b"\n"):
                return None
            graded = decode_reply(line)
        except ValueError:
            self.kill()
            return None
        return (self.outstanding.popleft(), graded) if self.outstanding else None

    def kill(self) -> None:
        """Kill the worker; `receive` then ends after its last answers."""
        if not self._doomed:
            self._doomed = True
            self._process.kill()
            asyncio.get_running_loop().call_later(ESCAPE_SECONDS, self._incoming.close)

    def kill_overdue(self) -> None:
        """Kill the worker because its current job passed its deadline."""
        if not self._doomed:
            self.overdue = True
            self.kill()

    async def gone(self) -> None:
        """Kill the worker and wait for its end without holding the loop up."""
        self.kill()
        for _ in range(REAP_LOOKS):
            if self._process.exit_code is not None:
                return
            await asyncio.sleep(REAP_PAUSE)
        raise PoolError(f"the worker {self._process.pid} survived SIGKILL")

    def close(self) -> None:
        """Kill the worker if it lives and give everything back."""
        self._incoming.close()
        _abort(self._outgoing)
        self._process.close()


def _name(uses: Sequence[str]) -> str:
    specs = [f"'{Use.from_argument(use).spec}'" for use in uses]
    return f"a worker for the verifier{'s' if len(specs) > 1 else ''} {', '.join(specs)}"


def _copy(pipe: IO[bytes]) -> IO[bytes]:
    """`pipe` under a descriptor of the transport's own: uvloop closes the number, not the file."""
    return os.fdopen(os.dup(pipe.fileno()), pipe.mode, buffering=0)


def _abort(transport: asyncio.WriteTransport) -> None:
    if not transport.is_closing():  # it closes itself when the worker dies
        transport.abort()
