"""Async verifiers on the caller's event loop, so many at a time, each under a deadline.

For verifiers that wait for a service. One that computes belongs in a plain function: on the loop it
would hold up the trainer, and it could not be killed.
"""

import asyncio
import time

from rewards.errors import PoolError
from rewards.registry import AnyVerifier
from rewards.running import Job, Limits


class CoroutineRunner:
    """Runs `verifier` for up to `limits.concurrency` samples at once."""

    replaced = 0

    def __init__(self, verifier: AnyVerifier, limits: Limits) -> None:
        self._verifier = verifier
        self._limits = limits
        self._gate = asyncio.Semaphore(limits.concurrency)
        self._tasks: dict[asyncio.Task[None], Job] = {}
        self._running: dict[Job, float] = {}

    async def start(self) -> None:
        """Warm the verifier up."""
        if self._verifier.warm_up is not None:
            self._verifier.warm_up()

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
        """Cancel all calls and fail what is still waited for."""
        tasks = dict(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for job in tasks.values():
            job.fail(PoolError("the grading pool was closed while samples were being graded"))

    async def _run(self, job: Job) -> None:
        deadline = self._limits.deadline
        async with self._gate:
            began = self._running[job] = time.monotonic()
            try:
                verdict = await asyncio.wait_for(self._verifier.judge_async(job.sample), deadline)
            except TimeoutError:
                verdict = self._verifier.blame(f"deadline: no verdict within {deadline:g} s")
            finally:
                del self._running[job]
            job.finish(verdict, time.monotonic() - began)

    def _task_ended(self, task: asyncio.Task[None]) -> None:
        job = self._tasks.pop(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            job.fail(PoolError(f"the verifier '{self._verifier.name}' broke: {error!r}"))
