"""The local grading pool: verifiers beside the training loop.

Guarantees: `grade` gives one verdict per sample, in order, whatever the verifier does; every wait
inside it is bounded by the deadline of a sample or by that of a worker's start. A plugin that does
not load is an error of `start`, before training. After `aclose`, after cancellation, and when this
process is killed, no worker remains.
"""

import asyncio
import statistics
import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import replace
from typing import Self

from rewards.coroutine_runner import CoroutineRunner
from rewards.errors import PoolError
from rewards.registry import load_verifier, portable_spec
from rewards.running import Job, Limits, Pending, Runner
from rewards.subprocess_runner import SubprocessRunner
from rewards.types import Outcome, Sample, Verdict
from rewards.wire import Graded

RECENT = 4_096  # gradings over which the times in `metrics` are taken
KIND_LIMIT = 80  # characters of a reason's kind
KINDS = 200  # kinds counted by name; the rest is "other"


class GradingPool:
    """Grades batches of samples with one verifier.

    A plain verifier runs in `workers` processes under `deadline` seconds and `memory_mb` a sample;
    an `async def` one runs on the loop, `concurrency` calls at a time. Use it as `async with`.

    Args:
        spec: A verifier's name, or path/to/file.py:function.
        workers: Worker processes.
        deadline: Seconds for one sample.
        memory_mb: Memory of one worker.
        max_pending: Samples taken on at once; beyond it `grade` waits.
        retries: How often a sample whose worker crashed is tried again.
        concurrency: Open calls of an async verifier.
        start_deadline: Seconds for a worker to load its verifier.

    Raises:
        RewardError: The spec leads nowhere or the plugin does not load.
        ValueError: A limit is out of range.
    """

    def __init__(
        self,
        spec: str = "math",
        *,
        workers: int = 2,
        deadline: float = 3.0,
        memory_mb: int = 2048,
        max_pending: int = 4096,
        retries: int = 1,
        concurrency: int = 64,
        start_deadline: float = 120.0,
    ) -> None:
        if max_pending < 1:
            raise ValueError(f"a grading pool cannot work with max_pending={max_pending}")
        self._limits = Limits(workers, deadline, memory_mb, retries, concurrency, start_deadline)
        self._spec = portable_spec(spec)
        self._verifier = load_verifier(self._spec)
        self._room = asyncio.Semaphore(max_pending)
        self._runner: Runner | None = None
        self._jobs: dict[asyncio.Future[Graded], Job] = {}
        self._outcomes: Counter[Outcome] = Counter()
        self._kinds: Counter[str] = Counter()
        self._seconds: deque[float] = deque(maxlen=RECENT)

    async def start(self) -> None:
        """Start and warm up the workers.

        Raises:
            PoolError: A worker cannot load the verifier, or the pool runs already.
        """
        if self._runner is not None:
            raise PoolError("the grading pool is running already")
        runner: Runner
        if self._verifier.is_async:
            runner = CoroutineRunner(self._verifier, self._limits)
        else:
            runner = SubprocessRunner(self._spec, self._verifier, self._limits)
        try:
            await runner.start()
            self._runner = runner
        finally:
            if self._runner is None:
                await runner.aclose()

    async def aclose(self) -> None:
        """Stop; verdicts still waited for become a `PoolError` there. Closing twice is harmless."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.aclose()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def grade(self, samples: Sequence[Sample]) -> list[Verdict]:
        """One verdict per sample, in order; each has the metric `seconds`, the verifier's time.

        Raises:
            MissingColumnError: A sample lacks a column that the verifier asks for.
            PoolError: The pool is not running, was closed meanwhile, or lost its workers for good.
        """
        for sample in samples:
            self._verifier.arguments(sample)
        futures: list[asyncio.Future[Graded]] = []
        try:
            for sample in samples:
                await self._room.acquire()
                futures.append(self._submit(sample))
            graded = await asyncio.gather(*futures)
        finally:
            for future in futures:
                future.cancel()
        return [_with_seconds(verdict, seconds) for verdict, seconds in graded]

    def metrics(self) -> dict[str, float]:
        """Counts since the start, recent times in seconds, and the present queue length."""
        return {
            "graded": float(self._outcomes.total()),
            **{str(outcome): float(self._outcomes[outcome]) for outcome in Outcome},
            "seconds_p50": statistics.median(self._seconds) if self._seconds else 0.0,
            "seconds_max": max(self._seconds, default=0.0),
            "workers_replaced": float(self._runner.replaced if self._runner else 0),
            "queued": float(sum(not one.running for one in self.pending())),
        }

    def pending(self) -> list[Pending]:
        """What is being waited for: the slowest of those being graded first, then the queue."""
        running, now = self._running(), time.monotonic()
        pending = [
            Pending(
                self._verifier.name,
                job.sample.id,
                now - running.get(job, job.submitted),
                job in running,
            )
            for job in self._jobs.values()
        ]
        return sorted(pending, key=lambda one: (one.running, one.seconds), reverse=True)

    def ungradable_reasons(self) -> Counter[str]:
        """Ungradable verdicts by the kind of their reason, which is its text before a colon."""
        return Counter(self._kinds)

    def _submit(self, sample: Sample) -> asyncio.Future[Graded]:
        if self._runner is None:
            self._room.release()
            raise PoolError("the grading pool is not running: use `async with GradingPool(...)`")
        future: asyncio.Future[Graded] = asyncio.get_running_loop().create_future()
        self._jobs[future] = Job(sample, future, time.monotonic())
        future.add_done_callback(self._record)
        self._runner.submit(self._jobs[future])
        return future

    def _running(self) -> dict[Job, float]:
        return dict(self._runner.running()) if self._runner else {}

    def _record(self, future: asyncio.Future[Graded]) -> None:
        del self._jobs[future]
        self._room.release()
        if future.cancelled() or future.exception() is not None:
            return
        verdict, seconds = future.result()
        self._outcomes[verdict.outcome] += 1
        self._seconds.append(seconds)
        if not verdict.is_gradable:
            kind = verdict.reason.partition(":")[0][:KIND_LIMIT]
            known = kind in self._kinds or len(self._kinds) < KINDS
            self._kinds[kind if known else "other"] += 1


def _with_seconds(verdict: Verdict, seconds: float) -> Verdict:
    return replace(verdict, metrics={**verdict.metrics, "seconds": seconds})
