"""The seam between the pool and what executes verifiers.

A `Runner` takes jobs and finishes every one of them: with a verdict, or with a `PoolError` once it
cannot go on. The pool knows nothing of processes, and a runner knows nothing of batches or metrics.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from rewards.types import Sample, Verdict
from rewards.wire import Graded


@dataclass(frozen=True, slots=True)
class Limits:
    """What grading one sample may take, and how much of it goes on at once.

    Attributes:
        workers: Worker processes.
        deadline: Seconds for one sample.
        memory_mb: Memory of one worker.
        retries: How often a sample whose worker crashed is tried again.
        concurrency: Calls of an async verifier that are open at once.
        start_deadline: Seconds for a worker to load and warm up its verifier.
    """

    workers: int = 2
    deadline: float = 3.0
    memory_mb: int = 2048
    retries: int = 1
    concurrency: int = 64
    start_deadline: float = 120.0

    def __post_init__(self) -> None:
        low = {
            "workers": self.workers >= 1,
            "deadline": self.deadline > 0,
            "memory_mb": self.memory_mb >= 64,
            "retries": self.retries >= 0,
            "concurrency": self.concurrency >= 1,
            "start_deadline": self.start_deadline > 0,
        }
        for name, fine in low.items():
            if not fine:
                raise ValueError(f"a grading pool cannot work with {name}={getattr(self, name)}")


@dataclass(frozen=True, slots=True)
class Pending:
    """A sample that is being waited for.

    Attributes:
        verifier: The verifier's name.
        sample_id: The sample's id.
        seconds: Since grading began; for a queued sample, since it was submitted.
        running: Whether it is being graded now.
    """

    verifier: str
    sample_id: str
    seconds: float
    running: bool


@dataclass(slots=True, eq=False)
class Job:
    """One sample on its way through a runner; compared and hashed by identity."""

    sample: Sample
    done: asyncio.Future[Graded]
    submitted: float
    crashes: int = 0

    def finish(self, verdict: Verdict, seconds: float) -> None:
        """Deliver the verdict, unless nobody waits for it any more."""
        if not self.done.done():
            self.done.set_result(Graded(verdict, seconds))

    def fail(self, error: Exception) -> None:
        """Deliver an error of the pool itself."""
        if not self.done.done():
            self.done.set_exception(error)


class Runner(Protocol):
    """Executes jobs, in any order."""

    @property
    def replaced(self) -> int:
        """Workers replaced so far."""

    async def start(self) -> None:
        """Get ready; raises `PoolError` if that is impossible."""

    def submit(self, job: Job) -> None:
        """Take a job on; its future will be done."""

    def running(self) -> Mapping[Job, float]:
        """The jobs being graded now, and when each began (monotonic clock)."""

    async def aclose(self) -> None:
        """Stop, leaving no process and no task behind."""
