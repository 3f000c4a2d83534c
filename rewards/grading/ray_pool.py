"""A grading pool spread over Ray actors, on as many nodes as the cluster has.

Guarantees: the interface and the verdicts are those of the local pool. Every wait has a deadline,
or lasts no longer than its actor gives signs of life. An actor that dies or falls silent is
replaced, and what it had is sent again, to another one if there is one; a batch that loses
`ATTEMPTS` actors is ungradable ("node: ..."). Only when no actor is left and none can be started
does grading end, with a `PoolError`. Ray is imported by `start`.

A verifier's file must lie at the same path on every node.
"""

import asyncio
import math
from collections import Counter
from collections.abc import Sequence
from typing import Any, Self

from rewards.combine import Rubric
from rewards.errors import PoolError, RewardError
from rewards.grading.pool import GradingPool
from rewards.grading.ray_node import NodeLostError, Seat, Settings, launch
from rewards.grading.running import Call, Pending
from rewards.grading.tally import Tally
from rewards.types import Sample, Verdict

CHUNK = 32  # samples of one call at most
ATTEMPTS = 3  # actors that a call may lose


class RayGradingPool:
    """Grades batches of samples on `nodes` Ray actors; Ray must be connected when it starts.

    Args:
        reward: A verifier's name, path/to/file.py:function, or a rubric.
        nodes: Actors, each with a `GradingPool` of its own and one CPU a worker.
        deadline: Seconds for one sample, as of the local pool.
        start_deadline: Seconds for an actor to be placed and to start its workers.
        max_pending: Samples sent at once; beyond it `grade` waits.
        limits: `workers`, `memory_mb`, `retries` and `concurrency` of each actor's pool.

    Raises:
        RewardError: A spec leads nowhere, a plugin does not load, or an option is wrong.
        ValueError: A limit is out of range.
    """

    def __init__(
        self,
        reward: str | Rubric = "math",
        *,
        nodes: int,
        deadline: float | None = None,
        start_deadline: float = 120.0,
        max_pending: int = 4096,
        **limits: int,
    ) -> None:
        if nodes < 1:
            raise ValueError(f"a grading pool cannot work with nodes={nodes}")
        # Never started: it refuses here and now what would be refused on the nodes.
        checked = GradingPool(reward, deadline=deadline, start_deadline=start_deadline, **limits)
        self._settings = Settings(checked.rubric, checked.limits)
        self._seconds = checked.longest
        self._start_deadline = start_deadline
        self._room = asyncio.Semaphore(math.ceil(max_pending / CHUNK))
        self._seats = [Seat() for _ in range(nodes)]
        self._restoring: set[asyncio.Task[None]] = set()
        self._in_flight: Counter[str] = Counter()
        self._tally = Tally()
        self._is_closed = True
        self._broken = PoolError("the grading pool is not running: use `async with` or start()")

    async def start(self) -> None:
        """Start an actor on every seat.

        Raises:
            PoolError: An actor cannot be placed, or cannot load the verifiers.
        """
        self._is_closed = False
        for seat in self._seats:
            self._restore(seat)
        await asyncio.gather(*self._restoring)
        if not all(seat.is_up for seat in self._seats):
            await self.aclose()
            raise self._broken

    async def aclose(self) -> None:
        """Stop all actors; verdicts still waited for become a `PoolError` there."""
        self._is_closed = True
        tasks = list(self._restoring)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if any(seat.is_up for seat in self._seats):
            self._broken = PoolError("the grading pool was closed")
        await asyncio.gather(*(seat.close() for seat in self._seats))

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def grade(self, samples: Sequence[Sample]) -> list[Verdict]:
        """One verdict per sample, in order, as of the local pool.

        Raises:
            MissingColumnError: A sample lacks a column that a verifier asks for.
            PoolError: The pool is not running, or lost all its actors for good.
        """
        size = min(CHUNK, math.ceil(len(samples) / len(self._seats)) or 1)
        chunks = [samples[at : at + size] for at in range(0, len(samples), size)]
        tasks = [asyncio.create_task(self._grade_chunk(chunk)) for chunk in chunks]
        try:
            graded = await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
        return [verdict for chunk in graded for verdict in chunk]

    def metrics(self) -> dict[str, Any]:
        """As of the local pool; queue and replaced workers as the actors last reported them."""
        return self._tally.metrics() | {
            "workers_replaced": sum(seat.workers_replaced for seat in self._seats),
            "nodes_replaced": float(sum(max(0, seat.starts - 1) for seat in self._seats)),
            "queued": float(self._in_flight.total() - sum(one.running for one in self.pending())),
        }

    def pending(self) -> list[Pending]:
        """What the actors last reported to be waiting for, the slowest of those graded first."""
        known = [one for seat in self._seats for one in seat.pending()]
        pending = [one for one in known if one.sample_id in self._in_flight]
        return sorted(pending, key=lambda one: (one.running, one.seconds), reverse=True)

    def take_slowest(self) -> list[Call]:
        """The slowest calls since this was last asked, the slowest first."""
        return self._tally.take_slowest()

    def ungradable_reasons(self) -> Counter[str]:
        """Ungradable verdicts by the kind of their reason, which is its text before a colon."""
        return Counter(self._tally.kinds)

    async def _grade_chunk(self, chunk: Sequence[Sample]) -> list[Verdict]:
        async with self._room:
            ids = Counter(sample.id for sample in chunk)
            self._in_flight += ids
            try:
                verdicts, slowest = await self._send(chunk)
            finally:
                self._in_flight -= ids
        self._tally.note_slow(slowest)
        for verdict in verdicts:
            self._tally.note_verdict(verdict)
            self._tally.note_seconds(verdict.metrics.get("seconds", 0.0))
        return verdicts

    async def _send(self, chunk: Sequence[Sample]) -> tuple[list[Verdict], list[Call]]:
        reason = ""
        for _ in range(ATTEMPTS):
            seat = await self._least_loaded()
            load = seat.load + len(chunk)
            patience = self._start_deadline + self._seconds * load
            try:
                return await seat.grade(chunk, patience)
            except NodeLostError as error:
                reason = str(error)
                self._restore(seat)
        lost = Verdict.ungradable(f"node: {ATTEMPTS} grading actors were lost, the last: {reason}")
        return [lost] * len(chunk), []

    async def _least_loaded(self) -> Seat:
        while not (up := [seat for seat in self._seats if seat.is_up]):
            if not self._restoring:
                raise self._broken
            await asyncio.wait(self._restoring, return_when=asyncio.FIRST_COMPLETED)
        return min(up, key=lambda seat: seat.load)

    def _restore(self, seat: Seat) -> None:
        """Start a new actor on an empty seat, beside everything else."""
        if self._is_closed or seat.is_up or seat.is_starting:
            return
        seat.is_starting = True
        task = asyncio.get_running_loop().create_task(self._fill(seat))
        self._restoring.add(task)
        task.add_done_callback(self._restoring.discard)

    async def _fill(self, seat: Seat) -> None:
        try:
            actor = await launch(self._settings, self._start_deadline)
        except RewardError as error:
            self._broken = PoolError(f"a grading actor does not start: {error}")
        else:
            seat.take(actor, lambda: self._restore(seat))
        finally:
            seat.is_starting = False
