"""Engines and learner on the same GPUs: who has their memory now.

Guarantees, where they have it in turns: the learner's memory comes to its GPUs once every engine
sleeps; the optimizer has left before engines take memory for the weights that they are sent, the
weights have left before they take it for their caches, and no token is made before both; an
evaluation that holds a version is waited for; requests outlast it all. What is saved, loaded or
exported between two steps is so while engines sleep too.

The order is that of vLLM's sleep mode for reinforcement learning: waking all at once would need
weights, cache and learner side by side, and a sleep that drops weights needs all of them sent:
where adapters alone are, no sleep does.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Literal, Protocol

from rl.memory_watch import MemoryWatch
from rl.weights.handles import EngineHandle, Fleet
from rl.weights.losses import Losses
from rl.weights.turns import Turns

Level = Literal[1, 2]


class Learner(Protocol):
    """The learner's ranks: `rl.learn.group.LearnerGroup`."""

    async def residence(self, method: str, *arguments: Any) -> list[Any]:
        """Call a method of every rank's `rl.learn.residence.Residence`."""


class Versions(Protocol):
    """The policy's number: `rl.versions.Versions`."""

    def quiet(self) -> AbstractAsyncContextManager[None]:
        """Nobody holds a version inside."""


class InTurns(Turns):
    """Engines and learner have the same memory, one after the other.

    At the start the engines have it.

    Args:
        learner: the learner's ranks.
        fleet: the engines.
        versions: which an evaluation may hold.
        seconds: within which an engine has to sleep or wake.
        say: told what a user should know, a line at a time.
        base_stays: engines are sent adapters alone: the weights below are kept while they sleep.
    """

    sleeps = True

    def __init__(
        self,
        learner: Learner,
        fleet: Fleet,
        versions: Versions,
        *,
        seconds: float,
        say: Callable[[str], None],
        base_stays: bool = False,
    ) -> None:
        self._learner = learner
        self._fleet = fleet
        self._versions = versions
        self._seconds = seconds
        self._level: Level = 1 if base_stays else 2
        self._watch = MemoryWatch(say)
        self._lock = asyncio.Lock()
        self._home = False  # whether the learner's memory is on its GPUs
        self._asleep: set[EngineHandle] = set()
        self._spent = 0.0

    @asynccontextmanager
    async def learning(self) -> AsyncIterator[None]:
        """See `Turns`."""
        async with self._lock, self._versions.quiet():
            await self._sleep(Losses(self._fleet.lost), self._fleet.live(), self._level)
            await self._come_home()
            yield

    @asynccontextmanager
    async def visiting(self, *, fresh: bool = False) -> AsyncIterator[None]:
        """See `Turns`."""
        async with self._lock:
            if self._home:  # a step broke off
                yield
                return
            losses = Losses(self._fleet.lost)
            engines = await self._sleep(losses, self._fleet.live(), 1)
            if not fresh:
                await self._come_home()
            try:
                yield
            finally:
                self._home = True
                await self._leave("optimizer")
                await self._wake(losses, engines, "weights")
                engines = await self.for_sampling(losses, engines)
                await losses.each(
                    engines,
                    "resuming it",
                    self._seconds,
                    lambda engine: engine.resume(engine.version, recompute=False),
                )

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """See `Turns`."""
        async with self._lock:
            yield

    async def for_weights(
        self, losses: Losses, engines: Sequence[EngineHandle]
    ) -> list[EngineHandle]:
        """See `Turns`."""
        if self._home:
            await self._look("learning")
        awake = [engine for engine in engines if engine not in self._asleep]
        slept = await self._sleep(losses, awake, self._level)
        await self._come_home()
        await self._leave("optimizer")
        able = [engine for engine in engines if engine in slept or engine not in awake]
        able = await self._wake(losses, able, "weights")
        await self._look("update")
        return able

    async def for_sampling(
        self, losses: Losses, engines: Sequence[EngineHandle]
    ) -> list[EngineHandle]:
        """See `Turns`."""
        await self._leave("weights")
        self._home = False
        able = await self._wake(losses, engines, "kv_cache")
        self._asleep.clear()
        await self._look("sampling")
        self._watch.tell()
        return able

    def measured(self) -> dict[str, Any]:
        """See `Turns`."""
        spent, self._spent = self._spent, 0.0
        return {"memory": self._watch.row(), "turn_seconds": spent}

    async def _sleep(
        self, losses: Losses, engines: Sequence[EngineHandle], level: Level
    ) -> list[EngineHandle]:
        started = time.perf_counter()
        slept = await losses.each(
            engines, "letting it sleep", self._seconds, lambda engine: engine.sleep(level)
        )
        self._asleep |= set(slept)
        self._spent += time.perf_counter() - started
        return slept

    async def _wake(
        self,
        losses: Losses,
        engines: Sequence[EngineHandle],
        memory: Literal["weights", "kv_cache"],
    ) -> list[EngineHandle]:
        started = time.perf_counter()
        woken = await losses.each(
            engines, f"waking its {memory}", self._seconds, lambda engine: engine.wake(memory)
        )
        self._spent += time.perf_counter() - started
        return woken

    async def _come_home(self) -> None:
        if self._home:
            return
        await self._look("asleep")
        started = time.perf_counter()
        await self._learner.residence("come_back")
        self._home = True
        self._spent += time.perf_counter() - started

    async def _leave(self, part: Literal["optimizer", "weights"]) -> None:
        started = time.perf_counter()
        await self._learner.residence("leave", part)
        self._spent += time.perf_counter() - started

    async def _look(self, phase: str) -> None:
        self._watch.note(phase, await self._learner.residence("memory"))
