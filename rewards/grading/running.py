"""The seams: between the loop and a pool, and between a pool and what executes verifiers.

A `Runner` takes jobs and finishes every one of them: with a verdict, or with a `PoolError` once it
cannot go on. The pool knows nothing of processes, and a runner knows nothing of batches, metrics or
combined rewards.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from rewards.grading.wire import Graded
from rewards.registry import AnyVerifier
from rewards.types import Sample, Verdict
from rewards.verifier import is_infrastructure

DEADLINE = 3.0  # seconds for one sample where nobody names any
RETRY_SECONDS = 0.2  # before the first try again after a failure of infrastructure; then doubled


@dataclass(frozen=True, slots=True)
class Limits:
    """What grading one sample may take, and how much of it goes on at once.

    Attributes:
        workers: Worker processes.
        deadline: Seconds for one sample; None: its verifier's own, else `DEADLINE`.
        memory_mb: Memory of one worker.
        retries: How often a sample is tried again after a failure of infrastructure: its worker
            died, or its verifier raised `InfrastructureError`.
        concurrency: Calls of an async verifier that are open at once.
        start_deadline: Seconds for a worker to load and warm up its verifier.
    """

    workers: int = 2
    deadline: float | None = None
    memory_mb: int = 512
    retries: int = 1
    concurrency: int = 64
    start_deadline: float = 120.0

    def __post_init__(self) -> None:
        low = {
            "workers": self.workers >= 1,
            "deadline": self.deadline is None or self.deadline > 0,
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


class Call(NamedTuple):
    """A finished call of a verifier."""

    verifier: str
    sample_id: str
    seconds: float


@dataclass(slots=True, eq=False)
class Job:
    """One sample on its way to one verifier; compared and hashed by identity.

    Attributes:
        number: Which of the pool's uses the verifier is.
        deadline: Seconds that one try may take.
        failures: Tries that infrastructure spoiled.
    """

    sample: Sample
    verifier: AnyVerifier
    number: int
    deadline: float
    done: asyncio.Future[Graded]
    submitted: float
    failures: int = 0

    def retry_after(self, verdict: Verdict, limits: Limits) -> float | None:
        """Seconds until the sample is to be tried again; None when `verdict` stands."""
        if not is_infrastructure(verdict) or self.failures >= limits.retries:
            return None
        self.failures += 1
        return float(RETRY_SECONDS * 2 ** (self.failures - 1))

    def finish(self, verdict: Verdict, seconds: float) -> None:
        """Deliver the verdict, unless nobody waits for it any more."""
        if not self.done.done():
            self.done.set_result(Graded(verdict, seconds))

    def fail(self, error: Exception) -> None:
        """Deliver an error of the pool itself."""
        if not self.done.done():
            self.done.set_exception(error)


class Pool(Protocol):
    """What the loop needs of a grading pool, local or spread."""

    async def start(self) -> None:
        """Get ready to grade; raises `PoolError` if that is impossible."""

    async def aclose(self) -> None:
        """Stop; harmless when it is done already."""

    async def grade(self, samples: Sequence[Sample]) -> list[Verdict]:
        """One verdict per sample, in order."""

    def pending(self) -> list[Pending]:
        """What is being waited for, the slowest first."""

    def take_slowest(self) -> list[Call]:
        """The slowest calls since the last time, the slowest first."""

    def metrics(self) -> dict[str, Any]:
        """Counts and times since the start."""

    def ungradable_reasons(self) -> Counter[str]:
        """Ungradable verdicts by the kind of their reason."""


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
