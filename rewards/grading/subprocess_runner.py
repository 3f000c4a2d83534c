"""Plain verifiers on warm worker processes that can be killed.

Guarantees: a sample that passes its deadline has its worker killed, is blamed, and is not retried;
a sample whose worker dies is tried again on a fresh worker, then blamed; the samples that merely
waited behind it are sent again and never blamed. A dead worker is replaced, by a spare one that is
ready already unless two die at once. When workers no longer start, every job fails with a
`PoolError`: nothing waits for ever.
"""

import asyncio
import time
from collections import deque
from collections.abc import Coroutine, Sequence
from typing import Any

from rewards.errors import PoolError
from rewards.grading.lane import Lane
from rewards.grading.running import Job, Limits
from rewards.grading.spare import Spare
from rewards.grading.wire import encode_request
from rewards.types import Verdict

START_ATTEMPTS = 3  # consecutive failures to replace a worker before the pool gives up
LOOK_SECONDS = 0.05  # how often deadlines are looked at, at most


class SubprocessRunner:
    """Runs the verifiers of `uses`, as arguments, on `limits.workers` processes.

    A job's `number` is its verifier's place in `uses`.
    """

    def __init__(self, uses: Sequence[str], limits: Limits) -> None:
        self._uses = uses
        self._limits = limits
        self._spare = Spare(self._open)
        self._queue: deque[Job] = deque()
        self._lanes: list[Lane] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._ready: list[asyncio.Future[None]] = []
        self._broken: PoolError | None = None
        self.replaced = 0

    async def start(self) -> None:
        """Start all workers; raises `PoolError` if one does not load its verifier."""
        loop = asyncio.get_running_loop()
        self._ready = [loop.create_future() for _ in range(self._limits.workers)]
        for work in [*map(self._tend, self._ready), self._watch()]:
            self._begin(work)
        await asyncio.gather(*self._ready)
        self._begin(self._spare.keep())

    def submit(self, job: Job) -> None:
        """Queue `job` for the next worker with room."""
        if self._broken is not None:
            job.fail(self._broken)
            return
        self._queue.append(job)
        self._dispatch()

    def running(self) -> dict[Job, float]:
        """The job that each busy worker is at."""
        return {
            lane.outstanding[0]: since
            for lane in self._lanes
            if lane.outstanding and (since := lane.running_since) is not None
        }

    async def aclose(self) -> None:
        """Kill the workers and fail what is still waited for."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._break(PoolError("the grading pool was closed while samples were being graded"))

    async def _tend(self, ready: asyncio.Future[None]) -> None:
        """Keep one worker alive, for as long as the pool lives."""
        failures = 0
        while True:
            try:
                lane = self._spare.take() or await self._open()
            except PoolError as error:
                failures += 1
                if not ready.done():
                    ready.set_exception(error)
                    return
                if failures == START_ATTEMPTS:
                    raise
                await asyncio.sleep(0.2 * failures)
                continue
            failures = 0
            try:
                self._lanes.append(lane)
                if not ready.done():
                    ready.set_result(None)
                await self._serve(lane)
            finally:
                self._lanes.remove(lane)
                # Left only on the way out: `_break` fails them.
                self._queue.extend(lane.outstanding)
                lane.close()
            self.replaced += 1

    async def _open(self) -> Lane:
        limits = self._limits
        return await Lane.open(self._uses, limits.memory_mb, limits.start_deadline)

    async def _serve(self, lane: Lane) -> None:
        self._dispatch()
        while (received := await lane.receive()) is not None:
            job, graded = received
            if (pause := job.retry_after(graded.verdict, self._limits)) is not None:
                asyncio.get_running_loop().call_later(pause, self.submit, job)
            else:
                job.finish(graded.verdict, graded.seconds)
            self._dispatch()
        await lane.gone()
        self._settle_dead(lane)
        self._dispatch()

    def _dispatch(self) -> None:
        while self._queue:
            lane = min(self._lanes, key=lambda one: len(one.outstanding), default=None)
            if lane is None or not lane.has_room:
                lane = next((one for one in self._lanes if one.has_room), None)
            if lane is None:
                return
            job = self._queue.popleft()
            if job.done.done():
                continue  # whoever asked has gone
            try:
                frame = encode_request(job.sample, job.number)
            except Exception as error:  # a column's own pickling code may raise anything
                job.finish(
                    Verdict.ungradable(
                        f"pickling: the sample cannot travel to a worker: "
                        f"{type(error).__name__}: {error}"
                    ),
                    0.0,
                )
                continue
            lane.send(job, frame)

    async def _watch(self) -> None:
        """Kill workers whose sample is overdue, and what a dead worker left behind."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self.replaced += self._spare.drop_dead()
            for lane in self._lanes:
                if lane.exit_code is not None:
                    lane.kill()
                elif self._overdue(lane):
                    lane.kill_overdue()

    def _overdue(self, lane: Lane) -> bool:
        since = lane.running_since
        if since is None or not lane.outstanding:
            return False
        return time.monotonic() - since >= lane.outstanding[0].deadline

    def _settle_dead(self, lane: Lane) -> None:
        """Judge the job that the dead worker was at; queue the others again, first."""
        waiting = list(lane.outstanding)
        lane.outstanding.clear()
        seconds = time.monotonic() - (lane.running_since or time.monotonic())
        if waiting and lane.overdue:
            # The worker may have moved on between the look at the clock and the kill.
            if seconds >= waiting[0].deadline:
                reason = f"deadline: no verdict within {waiting[0].deadline:g} s"
                waiting[0].finish(waiting[0].verifier.blame(reason), seconds)
        elif waiting:
            waiting[0].failures += 1
            if waiting[0].failures > self._limits.retries:
                reason = f"crash: the worker died, exit code {lane.exit_code}"
                waiting[0].finish(waiting[0].verifier.blame(reason), seconds)
        self._queue.extendleft(job for job in reversed(waiting) if not job.done.done())

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.append(task)
        task.add_done_callback(self._task_ended)

    def _task_ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            reason = str(error) if isinstance(error, PoolError) else repr(error)
            self._break(PoolError(f"the grading pool cannot go on: {reason}"))

    def _break(self, error: PoolError) -> None:
        self._broken = self._broken or error
        for job in [*self._queue, *(job for lane in self._lanes for job in lane.outstanding)]:
            job.fail(self._broken)
        for mark in self._ready:
            if not mark.done():
                mark.set_exception(self._broken)
        self._queue.clear()
