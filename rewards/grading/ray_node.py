"""One actor of a spread grading pool, seen from both ends.

Guarantees: a seat never waits longer than it was told. It asks its actor for signs of life, and
kills one that gives none, so that what was sent there comes back as `NodeLostError`.
"""

import asyncio
import math
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Any

from rewards.combine import Rubric
from rewards.errors import PoolError, RewardError
from rewards.grading.pool import GradingPool
from rewards.grading.running import Call, Limits, Pending
from rewards.types import Sample, Verdict

BEAT_SECONDS = 2.0  # between two signs of life
SILENCE_SECONDS = 30.0  # without one, until the actor is killed
CLOSE_SECONDS = 10.0  # for an actor to end its workers
SHOWN = 16  # pending samples that an actor names


class NodeLostError(Exception):
    """The actor died, was killed, or did not answer."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What an actor's pool is made of."""

    rubric: Rubric
    limits: Limits


@dataclass(frozen=True, slots=True)
class Beat:
    """A sign of life.

    Attributes:
        pending: What the actor waits for, the slowest first.
        workers_replaced: Since the actor's start.
    """

    pending: list[Pending]
    workers_replaced: float


class Node:
    """The Ray actor: a local pool on some node."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._pool: GradingPool | None = None

    async def start(self) -> None:
        """Start the pool; raises what it raises."""
        pool = GradingPool(self._settings.rubric, **asdict(self._settings.limits))
        await pool.start()
        self._pool = pool

    async def grade(self, samples: Sequence[Sample]) -> tuple[list[Verdict], list[Call]]:
        """The verdicts, and the slowest calls since the last time."""
        pool = self._running()
        return await pool.grade(samples), pool.take_slowest()

    async def beat(self) -> Beat:
        """A sign of life."""
        pool = self._running()
        return Beat(pool.pending()[:SHOWN], pool.metrics()["workers_replaced"])

    async def aclose(self) -> None:
        """End the workers."""
        if self._pool is not None:
            await self._pool.aclose()

    def _running(self) -> GradingPool:
        if self._pool is None:
            raise PoolError("the grading actor was not started")
        return self._pool


async def launch(settings: Settings, deadline: float) -> Any:
    """A started actor.

    Raises:
        RewardError: It was not placed and ready in time, died, or cannot load the verifiers.
    """
    import ray
    from ray.exceptions import RayError, RayTaskError

    if not ray.is_initialized():
        raise PoolError("Ray is not connected: call ray.init() before the pool starts")
    workers = settings.limits.workers
    actor = (
        ray.remote(Node)
        .options(num_cpus=workers, scheduling_strategy="SPREAD", max_concurrency=10_000)
        .remote(settings)
    )
    try:
        async with asyncio.timeout(deadline):
            await actor.start.remote()
    except BaseException as error:
        ray.kill(actor)
        if isinstance(error, TimeoutError):
            have = ray.cluster_resources().get("CPU", 0)
            raise PoolError(
                f"not ready after {deadline:g} s: each actor asks for {workers} CPUs (the cluster "
                f"has {have:g}); lower the workers or the nodes, or free CPUs"
            ) from error
        if isinstance(error, RayTaskError) and isinstance(error.cause, RewardError):
            raise error.cause from error
        if isinstance(error, RayError):
            raise PoolError(_line(error)) from error
        raise
    return actor


class Seat:
    """A place for an actor, with what was sent to it."""

    def __init__(self) -> None:
        self.load = 0
        self.starts = 0
        self.is_starting = False
        self._actor: Any = None
        self._watch: asyncio.Task[None] | None = None
        self._beat = Beat([], 0.0)
        self._beaten = 0.0
        self._replaced_before = 0.0

    @property
    def is_up(self) -> bool:
        """Whether an actor sits here."""
        return self._actor is not None

    @property
    def workers_replaced(self) -> float:
        """Worker processes replaced, by this actor and those before it."""
        return self._replaced_before + self._beat.workers_replaced

    def pending(self) -> list[Pending]:
        """What the actor said it was waiting for, and for how long by now."""
        age = time.monotonic() - self._beaten
        return [replace(one, seconds=one.seconds + age) for one in self._beat.pending]

    def take(self, actor: Any, on_loss: Callable[[], None]) -> None:
        """Seat a started actor; `on_loss` is called if it is lost while nothing is sent to it."""
        self._actor = actor
        self.starts += 1
        self._watch = asyncio.get_running_loop().create_task(self._listen(actor, on_loss))

    async def grade(
        self, samples: Sequence[Sample], patience: float
    ) -> tuple[list[Verdict], list[Call]]:
        """What the actor says of `samples`.

        Raises:
            NodeLostError: It died, or said nothing for `patience` seconds; the seat is then empty.
            RewardError: Its pool raised it.
        """
        actor = self._actor
        self.load += len(samples)
        try:
            answer: tuple[list[Verdict], list[Call]] = await _ask(
                actor.grade.remote(list(samples)), patience
            )
        except NodeLostError:
            self._vacate(actor)
            raise
        finally:
            self.load -= len(samples)
        return answer

    async def close(self) -> None:
        """End the actor and its workers."""
        actor = self._actor
        if actor is None:
            return
        try:
            # A lost one has gone already, and its workers with it.
            with suppress(NodeLostError):
                await _ask(actor.aclose.remote(), CLOSE_SECONDS)
        finally:
            self._vacate(actor)

    async def _listen(self, actor: Any, on_loss: Callable[[], None]) -> None:
        while True:
            try:
                self._beat = await _ask(actor.beat.remote(), SILENCE_SECONDS)
            except NodeLostError:
                self._vacate(actor)
                on_loss()
                return
            self._beaten = time.monotonic()
            await asyncio.sleep(BEAT_SECONDS)

    def _vacate(self, actor: Any) -> None:
        """Kill `actor`, unless another one sits here already."""
        import ray

        if self._actor is not actor:
            return
        self._actor = None
        self._replaced_before += self._beat.workers_replaced
        self._beat = Beat([], 0.0)
        if self._watch is not None and self._watch is not asyncio.current_task():
            self._watch.cancel()
        ray.kill(actor)


async def _ask(reference: Any, patience: float) -> Any:
    from ray.exceptions import RayError, RayTaskError

    try:
        async with asyncio.timeout(patience if math.isfinite(patience) else None):
            return await reference
    except TimeoutError as error:
        raise NodeLostError(f"no answer within {patience:g} s") from error
    except RayTaskError as error:
        if isinstance(error.cause, RewardError):
            raise error.cause from error
        raise
    except RayError as error:
        raise NodeLostError(_line(error)) from error


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
