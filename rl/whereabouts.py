"""Where an actor's process runs, and what it is doing there when a signal asks for it.

Guarantee: the answer to the signal comes from Python's own handler in C, so that it comes also from
a process that waits inside a collective, or that never lets go of the interpreter's lock. It is
kept in the process's memory, and no process but one of a run's is ever sent the signal.
"""

import faulthandler
import os
import signal
import socket
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

NAME = "plumb-stacks"
ANSWER_SECONDS = 2.0
"""For a process to write down what it is doing."""
LIMIT = 200_000
"""Characters of one process's answer."""


class Whereabouts(NamedTuple):
    """A process of the run."""

    host: str
    node: str
    """Ray's id of its node."""
    pid: int
    file: int
    """Its descriptor for the answer."""


@cache
def here() -> Whereabouts:
    """This process; from now on SIGUSR1 makes it write down what each of its threads does."""
    import ray

    node = ray.get_runtime_context().get_node_id()
    return Whereabouts(socket.gethostname(), node, os.getpid(), listen())


def listen() -> int:
    """Let SIGUSR1 write down what this process does; the descriptor for the answer."""
    file = os.memfd_create(NAME)
    faulthandler.register(signal.SIGUSR1, file=file, all_threads=True)
    return file


def stacks_of(processes: Sequence[tuple[int, int]]) -> list[str]:
    """What processes of this host are doing, each of (pid, descriptor) of its `Whereabouts`.

    Said of each in its place, also of one that has ended or does not answer.
    """
    return [_stacks(pid, Path(f"/proc/{pid}/fd/{file}")) for pid, file in processes]


def _stacks(pid: int, file: Path) -> str:
    try:
        if NAME not in str(file.readlink()):  # another process has the number by now
            return "it has ended"
        before = file.stat().st_size
        os.kill(pid, signal.SIGUSR1)
        until = time.monotonic() + ANSWER_SECONDS
        while file.stat().st_size == before and time.monotonic() < until:
            time.sleep(0.05)
        time.sleep(0.1)  # for the rest of it
        text = file.read_text(encoding="utf-8", errors="replace")[before:]
    except OSError:
        return "it has ended"
    return text[:LIMIT] or f"it has not answered within {ANSWER_SECONDS:g} s: it is stopped"
