"""What is read of a program's answer, as jobs that a process of their own does.

Guarantees: a job is plain data and functions of Plumb's own; what the program wrote in it is text
until `run`. Its result is JSON. The work is linear in the text, but for what an adversary may find
in Python's hash tables: therefore `reader.py` does large jobs elsewhere, where they can be killed.
"""

import json
import os
import pickle
import resource
import signal
import struct
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from sandbox.agent.plain import NotPlainError, decode
from sandbox.compare import same_output, shown
from sandbox.types import Status

SIZE: Final = struct.Struct(">Q")  # before each job
CPU_SECONDS: Final = 20.0  # of one job
MEMORY_BYTES: Final = 2 << 30
UNREADABLE: Final = "what it returned cannot be read or compared"

Verdict = tuple[Status, str, bool]
"""How a call went: its status, a reason, and whether that is true of all calls."""


class Job(Protocol):
    """Something to read."""

    @property
    def size(self) -> int:
        """Characters that a program wrote."""

    def run(self) -> Any:
        """What was read, as JSON."""


class Opaque:
    """A returned object of no builtin type: it is true or false, and equal to nothing."""

    def __init__(self, described: Any) -> None:
        self._kind = str(described["kind"])
        self._truth = described["truth"] is True

    def __bool__(self) -> bool:
        return self._truth

    def __repr__(self) -> str:
        return f"a {self._kind}"


def _stand_in(described: Any) -> Any:
    """What stands for an object of another type: the number that it is, or no value at all."""
    if "number" in described:
        return decode(described["number"])
    return Opaque(described)


@dataclass(frozen=True, slots=True)
class Returned:
    """The lines that a driver wrote about calls, and what each value must be.

    Attributes:
        language: The program's; Python's values are encoded as `plain` does.
        holds: Whether a value is right, for one call after the other.
        text: The lines, of which the last may be unfinished.
        stop: Whether nothing after the first failure matters.
    """

    language: str
    holds: Sequence[Callable[[Any], bool]]
    text: str
    stop: bool

    @property
    def size(self) -> int:
        return len(self.text)

    def run(self) -> list[Verdict]:
        """A verdict for each finished line, up to the first that is about all calls."""
        verdicts: list[Verdict] = []
        lines = self.text.split("\n", len(self.holds))[:-1]
        for holds, line in zip(self.holds, lines, strict=False):
            verdicts.append(self._verdict(holds, line))
            status, _, whole = verdicts[-1]
            if whole or (self.stop and status is not Status.PASSED):
                break
        return verdicts

    def _verdict(self, holds: Callable[[Any], bool], line: str) -> Verdict:
        try:
            said = json.loads(line)
            if "failed" in said:
                return Status.RUNTIME_ERROR, shown(str(said["failed"]), 300), True
            if "raised" in said:
                return Status.RUNTIME_ERROR, shown(str(said["raised"]), 300), False
            value = said["value"]
            if self.language == "python":
                value = decode(value, _stand_in)
            if holds(value):
                return Status.PASSED, "", False
            return Status.WRONG_ANSWER, f"returned {shown(value)}", False
        except (ArithmeticError, ValueError, TypeError, KeyError, RecursionError, NotPlainError):
            return Status.WRONG_ANSWER, UNREADABLE, False


@dataclass(frozen=True, slots=True)
class Output:
    """A program's standard output, and what it must be."""

    got: str
    expected: str
    how: str
    tolerance: float

    @property
    def size(self) -> int:
        return len(self.got)

    def run(self) -> str | None:
        """What is wrong with it; None: nothing."""
        return same_output(self.got, self.expected, self.how, self.tolerance)


def main() -> None:
    """Do the jobs on standard input, each a size and a pickle; a line of JSON for each."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    jobs = sys.stdin.buffer
    while head := jobs.read(SIZE.size):
        job: Job = pickle.loads(jobs.read(*SIZE.unpack(head)))  # the owner's own
        _allow(CPU_SECONDS)
        try:
            result: Any = {"result": job.run()}
        except MemoryError:
            result = {}
        del job
        os.write(1, json.dumps(result).encode() + b"\n")


def _allow(seconds: float) -> None:
    """End this process when it takes so much CPU time from now on."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(used.ru_utime + used.ru_stime + seconds + 1)
    resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.RLIM_INFINITY))


if __name__ == "__main__":
    main()
