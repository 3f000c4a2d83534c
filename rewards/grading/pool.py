"""The local grading pool: verifiers beside the training loop.

Guarantees: `grade` gives one verdict per sample, in order, whatever the verifiers do; every wait
inside it is bounded by the deadline of a sample, by that of a worker's start, or by a verifier that
keeps its own time. A plugin that does
not load is an error of `start`, before training. After `aclose`, after cancellation, and when this
process is killed, no worker remains.
"""

import asyncio
import math
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Self

from rewards.combine import Rubric
from rewards.errors import PoolError
from rewards.grading.coroutine_runner import CoroutineRunner
from rewards.grading.running import DEADLINE, Call, Job, Limits, Pending, Runner
from rewards.grading.subprocess_runner import SubprocessRunner
from rewards.grading.tally import Tally
from rewards.grading.wire import Graded
from rewards.types import Sample, Verdict
from rewards.use import Use


class GradingPool:
    """Grades batches of samples with one verifier, or with those of a rubric.

    Plain verifiers run in `workers` processes under `deadline` seconds and `memory_mb` a sample;
    `async def` ones run on the loop, `concurrency` calls at a time. Use it as `async with`.

    Args:
        reward: A verifier's name, path/to/file.py:function, or a rubric.
        workers: Worker processes; one more waits as a spare.
        deadline: Seconds for one sample, where its use has none of its own; None: what its verifier
            was defined with, else 3.
        memory_mb: Memory of one worker.
        max_pending: Calls taken on at once; beyond it `grade` waits.
        retries: How often a sample is tried again when its worker died or its verifier raised
            `InfrastructureError`.
        concurrency: Open calls of async verifiers.
        start_deadline: Seconds for a worker to load its verifiers.

    Attributes:
        rubric: What is graded by, with every path absolute.
        limits: What grading may take.

    Raises:
        RewardError: A spec leads nowhere, a plugin does not load, or an option is wrong.
        ValueError: A limit, a weight or a scale is out of range.
    """

    def __init__(
        self,
        reward: str | Rubric = "math",
        *,
        workers: int = 2,
        deadline: float | None = None,
        memory_mb: int = 512,
        max_pending: int = 4096,
        retries: int = 1,
        concurrency: int = 64,
        start_deadline: float = 120.0,
    ) -> None:
        if max_pending < 1:
            raise ValueError(f"a grading pool cannot work with max_pending={max_pending}")
        self.limits = Limits(workers, deadline, memory_mb, retries, concurrency, start_deadline)
        self.rubric = (Rubric(Use(reward)) if isinstance(reward, str) else reward).portable()
        self.rubric.check()
        self._uses = self.rubric.uses()
        self._verifiers = [use.load() for use in self._uses]
        self._plain = [i for i, one in enumerate(self._verifiers) if not one.is_async]
        self._arguments = [self._uses[i].to_argument() for i in self._plain]
        self._room = asyncio.Semaphore(max_pending)
        self._runners: list[Runner] = []
        self._jobs: dict[asyncio.Future[Graded], Job] = {}
        self._tally = Tally()

    @property
    def longest(self) -> float:
        """Seconds that one sample's verifiers take at most, its tries again included.

        Infinite where one of them keeps its own time.
        """
        if any(one.keeps_time for one in self._verifiers):
            return math.inf
        return sum(map(self._deadline, range(len(self._uses)))) * (self.limits.retries + 1)

    async def start(self) -> None:
        """Start and warm up the workers.

        Raises:
            PoolError: A worker cannot load the verifiers, or the pool runs already.
        """
        if self._runners:
            raise PoolError("the grading pool is running already")
        runners: list[Runner] = []
        if self._plain:
            runners.append(SubprocessRunner(self._arguments, self.limits))
        if waiting := [one for one in self._verifiers if one.is_async]:
            runners.append(CoroutineRunner(waiting, self.limits))
        try:
            for runner in runners:
                await runner.start()
            self._runners = runners
        finally:
            if not self._runners:
                for runner in runners:
                    await runner.aclose()

    async def aclose(self) -> None:
        """Stop; verdicts still waited for become a `PoolError` there. Closing twice is harmless."""
        runners, self._runners = self._runners, []
        for runner in runners:
            await runner.aclose()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def grade(self, samples: Sequence[Sample]) -> list[Verdict]:
        """One verdict per sample, in order; each has the metric `seconds`, its verifiers' time.

        Raises:
            MissingColumnError: A sample lacks a column that a verifier asks for.
            PoolError: The pool is not running, was closed meanwhile, or lost its workers for good.
        """
        calls = [(sample, self._numbers(sample)) for sample in samples]
        for sample, numbers in calls:
            for number in numbers:
                self._verifiers[number].arguments(sample)
        futures: list[asyncio.Future[Graded]] = []
        try:
            for sample, numbers in calls:
                for number in numbers:
                    await self._room.acquire()
                    futures.append(self._submit(sample, number))
            graded = iter(await asyncio.gather(*futures))
        finally:
            for future in futures:
                future.cancel()
        return [self._settle(sample, [next(graded) for _ in numbers]) for sample, numbers in calls]

    def metrics(self) -> dict[str, Any]:
        """Counts since the start, recent times in seconds, the slowest calls, the queue's length.

        `slowest` holds [verifier, sample id, seconds] of calls that `take_slowest` has not given.
        """
        return self._tally.metrics() | {
            "workers_replaced": float(sum(runner.replaced for runner in self._runners)),
            "queued": float(sum(not one.running for one in self.pending())),
        }

    def pending(self) -> list[Pending]:
        """What is being waited for: the slowest of those being graded first, then the queue."""
        running: dict[Job, float] = {}
        for runner in self._runners:
            running |= runner.running()
        now = time.monotonic()
        pending = [
            Pending(
                job.verifier.name,
                job.sample.id,
                now - running.get(job, job.submitted),
                job in running,
            )
            for job in self._jobs.values()
        ]
        return sorted(pending, key=lambda one: (one.running, one.seconds), reverse=True)

    def take_slowest(self) -> list[Call]:
        """The slowest calls since this was last asked, the slowest first."""
        return self._tally.take_slowest()

    def ungradable_reasons(self) -> Counter[str]:
        """Ungradable verdicts by the kind of their reason, which is its text before a colon."""
        return Counter(self._tally.kinds)

    def _numbers(self, sample: Sample) -> list[int]:
        """Which verifiers a sample goes to: its main one, then those of its terms."""
        terms = (term.use for term in self.rubric.terms_of(sample))
        return [self._uses.index(use) for use in (self.rubric.main_of(sample), *terms)]

    def _deadline(self, number: int) -> float:
        """Seconds for a sample: of the use, of the pool, of the verifier, in this order.

        Infinite where the verifier keeps its own time and none is asked for.
        """
        asked = self._uses[number].deadline or self.limits.deadline
        verifier = self._verifiers[number]
        return asked or verifier.deadline or (math.inf if verifier.keeps_time else DEADLINE)

    def _submit(self, sample: Sample, number: int) -> asyncio.Future[Graded]:
        if not self._runners:
            self._room.release()
            raise PoolError("the grading pool is not running: use `async with GradingPool(...)`")
        future: asyncio.Future[Graded] = asyncio.get_running_loop().create_future()
        verifier = self._verifiers[number]
        deadline = self._deadline(number)
        place = 0 if verifier.is_async else self._plain.index(number)
        job = Job(sample, verifier, place, deadline, future, time.monotonic())
        self._jobs[future] = job
        future.add_done_callback(self._record)
        self._runners[-1 if verifier.is_async else 0].submit(job)
        return future

    def _record(self, future: asyncio.Future[Graded]) -> None:
        job = self._jobs.pop(future)
        self._room.release()
        if not future.cancelled() and future.exception() is None:
            self._tally.note_call(Call(job.verifier.name, job.sample.id, future.result().seconds))

    def _settle(self, sample: Sample, graded: Sequence[Graded]) -> Verdict:
        """The sample's verdict from those of its verifiers."""
        verdict = self.rubric.combine(sample, [one.verdict for one in graded])
        seconds = sum(one.seconds for one in graded)
        self._tally.note_verdict(verdict)
        return replace(verdict, metrics={**verdict.metrics, "seconds": seconds})
