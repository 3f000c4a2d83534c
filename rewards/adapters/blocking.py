"""A grading pool for callers without an event loop.

Guarantees: `grade` may be called from any number of threads at once, and in a process that was
forked from one that has graded. Each process has one pool for equal graders, started by its first
call. Its workers end when the process has ended, with those that were forked from it.
"""

import asyncio
import atexit
import os
import threading
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Self, TypeVar

from rewards.grading.pool import GradingPool
from rewards.grading.running import Limits
from rewards.registry import load_verifier, portable_spec
from rewards.types import Sample, Verdict

T = TypeVar("T")
CLOSE_SECONDS = 10.0  # for the workers to end when the process does


@dataclass(frozen=True, slots=True)
class BlockingGrader:
    """A verifier and its limits; small, and safe to pickle, since pools are kept by process."""

    spec: str
    limits: Limits

    @classmethod
    def of(cls, verifier: str, *, workers: int, deadline: float | None, memory_mb: int) -> Self:
        """Check that the verifier loads and the limits make sense.

        Raises:
            RewardError: The spec leads nowhere or the plugin does not load.
            ValueError: A limit is out of range.
        """
        spec = portable_spec(verifier)
        load_verifier(spec)
        return cls(spec, Limits(workers=workers, deadline=deadline, memory_mb=memory_mb))

    @property
    def name(self) -> str:
        """What the verifier is called."""
        return load_verifier(self.spec).name

    def grade(self, samples: Sequence[Sample]) -> list[Verdict]:
        """One verdict per sample, in order.

        Raises:
            MissingColumnError: A sample lacks a column that the verifier asks for.
            PoolError: The workers do not start, or were lost for good.
        """
        return _POOLS.of(self).grade(samples)


class _LoopPool:
    """A pool on an event loop in a thread of its own."""

    def __init__(self, grader: BlockingGrader) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="plumb-rewards", daemon=True
        )
        self._thread.start()
        limits = grader.limits
        self._pool = GradingPool(
            grader.spec,
            workers=limits.workers,
            deadline=limits.deadline,
            memory_mb=limits.memory_mb,
        )
        try:
            self._wait(self._pool.start())
        except BaseException:
            self._stop_loop()
            raise

    def grade(self, samples: Sequence[Sample]) -> list[Verdict]:
        return self._wait(self._pool.grade(samples))

    def close(self) -> None:
        self._wait(self._pool.aclose(), CLOSE_SECONDS)
        self._stop_loop()

    def _wait(self, work: Coroutine[Any, Any, T], seconds: float | None = None) -> T:
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result(seconds)
        except BaseException:
            future.cancel()
            raise

    def _stop_loop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(CLOSE_SECONDS)
        if not self._thread.is_alive():
            self._loop.close()


class _Pools:
    """The pools by process and grader.

    A forked process keeps the objects of its parent untouched: closing them would take the
    parent's file descriptors out of the event poll that both share.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_owner: dict[tuple[int, BlockingGrader], _LoopPool] = {}
        os.register_at_fork(after_in_child=self._renew_lock)
        atexit.register(self._close)

    def of(self, grader: BlockingGrader) -> _LoopPool:
        key = (os.getpid(), grader)
        pool = self._by_owner.get(key)
        if pool is not None:
            return pool
        with self._lock:
            if key not in self._by_owner:
                self._by_owner[key] = _LoopPool(grader)
            return self._by_owner[key]

    def _renew_lock(self) -> None:
        self._lock = threading.Lock()  # another thread of the parent may have held it

    def _close(self) -> None:
        for (owner, _), pool in list(self._by_owner.items()):
            if owner == os.getpid():
                with suppress(TimeoutError):  # the workers die with this process in any case
                    pool.close()


# Trainers pickle a reward function and call it in many threads: what it shares is the process's.
_POOLS = _Pools()
