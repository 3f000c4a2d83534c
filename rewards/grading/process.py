"""The trainer's end of one worker process.

Guarantees: the worker is a session of its own, so a Ctrl-C at the terminal never reaches it; `kill`
ends it with everything it started; it sees none of the parent's terminal; it dies when this process
dies, however that happens. On Linux "everything" includes programs that left the worker's process
group or outlived it: they are known by a mark in their environment. One that left the group, and
changed its environment or saw this process killed, remains.
"""

import os
import signal
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

from rewards.grading.wire import Stamp

REAP_SECONDS = 5.0  # for the kernel to tear a killed process down
MARK = "PLUMB_WORKER"  # the environment variable by which a worker's offspring is known
SWEEPS = 3  # looks for offspring, should one have started another during the look before


class WorkerProcess:
    """A running `python -m rewards.grading.worker`, with raw pipe ends for whoever talks to it.

    Attributes:
        requests: Write end for request frames.
        replies: Read end for reply lines.
    """

    def __init__(self, uses: str | Sequence[str], memory_mb: int) -> None:
        """Start a worker for one verifier's spec, or for several uses as arguments."""
        arguments = [uses] if isinstance(uses, str) else list(uses)
        self._mark = uuid.uuid4().hex
        self._killed = False
        with ExitStack() as on_failure, ExitStack() as childs:
            ends: list[int] = []
            for childs_end_reads in (True, False, True):
                read, write = os.pipe()
                ours, theirs = (write, read) if childs_end_reads else (read, write)
                on_failure.callback(os.close, ours)
                childs.callback(os.close, theirs)
                ends += [ours, theirs]
            shared = childs.enter_context(tempfile.TemporaryFile())
            shared.truncate(os.sysconf("SC_PAGESIZE"))
            self._stamp = Stamp(shared.fileno())
            fds = [ends[1], ends[3], ends[5], shared.fileno()]
            numbers = map(str, [*fds, memory_mb])
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "rewards.grading.worker", *numbers, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=fds,
                start_new_session=True,
                env=_environment() | {MARK: self._mark},
            )
            on_failure.pop_all()
        self.requests = os.fdopen(ends[0], "wb", buffering=0)
        self.replies = os.fdopen(ends[2], "rb", buffering=0)
        self._lifeline = ends[4]

    @property
    def pid(self) -> int:
        """The worker's process id, which is its process group too."""
        return self._process.pid

    @property
    def running_since(self) -> float | None:
        """When the current sample began (monotonic clock); readable after the worker's death."""
        return self._stamp.since

    @property
    def exit_code(self) -> int | None:
        """The worker's exit code, negative for a signal; None while it lives."""
        return self._process.poll()

    def kill(self) -> None:
        """Kill the worker, its process group, and what it started outside of it."""
        if self._killed:
            return
        self._killed = True
        with suppress(ProcessLookupError):  # all of it has gone already
            os.killpg(self._process.pid, signal.SIGKILL)
        for _ in range(SWEEPS):
            if not _kill_marked(f"{MARK}={self._mark}".encode(), but=self._process.pid):
                break

    def close(self) -> None:
        """Kill the worker, wait for its end, and give its descriptors back."""
        self.kill()
        self._process.wait(timeout=REAP_SECONDS)
        self.requests.close()
        self.replies.close()
        os.close(self._lifeline)
        self._stamp.close()


def _environment() -> dict[str, str]:
    """The parent's environment, with its import path and one thread for numeric libraries."""
    path = os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return {**threads, **os.environ, "PYTHONPATH": path}


def _kill_marked(mark: bytes, but: int) -> bool:
    """Kill every process that has `mark` in its environment; whether there was one (Linux)."""
    found = False
    for entry in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):  # it has gone, or belongs to somebody else
            pid = int(entry.parent.name)
            if pid != but and mark in entry.read_bytes():
                os.kill(pid, signal.SIGKILL)
                found = True
    return found
