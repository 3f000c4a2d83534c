"""Async verifiers on the caller's event loop, so many at a time, each try under a deadline, but for
those that keep their own time.

For verifiers that wait for a service. One that computes belongs in a plain function: on the loop it
would hold up the trainer, and it could not be killed. Only a failure that the verifier declares, by
raising `InfrastructureError`, is tried again; its place stays taken meanwhile, so that a service
that is down is not run over. What a verifier opened when the runner started is given back when it
ends.
"""

import asyncio
import math
import time
from collections.abc import Sequence

from rewards.errors import PoolError
from rewards.grading.running import Job, Limits
from rewards.registry import AnyVerifier
from rewards.types import Verdict


class CoroutineRunner:
    """Runs async verifiers for up to `limits.concurrency` samples at once."""

    replaced = 0

    def __init__(self, verifiers: Sequence[AnyVerifier], limits: Limits) -> None:
        self._verifiers = verifiers
        self._limits = limits
        self._gate = asyncio.Semaphore(limits.concurrency)
        self._tasks: dict[asyncio.Task[None], Job] = {}
        self._running: dict[Job, float] = {}

    async def start(self) -> None:
        """Warm the verifiers up, and let them open what they need."""
        for verifier in self._verifiers:
            if verifier.warm_up is not None:
                verifier.warm_up()
            seconds = self._limits.start_deadline
            try:
                async with asyncio.timeout(seconds):
                    await verifier.start()
            except TimeoutError as error:
                raise PoolError(
                    f"the verifier '{verifier.name}' was not ready after {seconds:g} s; see "
                    "whether what it needs is running"
                ) from error

    def submit(self, job: Job) -> None:
        """Start a task for `job`."""
        task = asyncio.get_running_loop().create_task(self._run(job))
        self._tasks[task] = job
        task.add_done_callback(self._task_ended)
        job.done.add_done_callback(lambda done: task.cancel() if done.cancelled() else None)

    def running(self) -> dict[Job, float]:
        """The jobs whose verifier has been called."""
        return dict(self._running)

    async def aclose(self) -> None:
        """Cancel all calls, fail what is still waited for, and let the verifiers close."""
        tasks = dict(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for job in tasks.values():
            job.fail(PoolError("the grading pool was closed while samples were being graded"))
        await asyncio.gather(*(verifier.aclose() for verifier in self._verifiers))

    async def _run(self, job: Job) -> None:
        async with self._gate:
            began = self._running[job] = time.monotonic()
            try:
                verdict = await self._try(job)
                while (pause := job.retry_after(verdict, self._limits)) is not None:
                    await asyncio.sleep(pause)
                    verdict = await self._try(job)
            finally:
                del self._running[job]
            job.finish(verdict, time.monotonic() - began)

    async def _try(self, job: Job) -> Verdict:
        if job.verifier.keeps_time:
            asked = job.deadline if math.isfinite(job.deadline) else None
            return await job.verifier.judge_async(job.sample, asked)
        try:
            async with asyncio.timeout(job.deadline):
                return await job.verifier.judge_async(job.sample)
        except TimeoutError:
            return job.verifier.blame(f"deadline: no verdict within {job.deadline:g} s")

    def _task_ended(self, task: asyncio.Task[None]) -> None:
        job = self._tasks.pop(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            job.fail(PoolError(f"the verifier '{job.verifier.name}' broke: {error!r}"))
