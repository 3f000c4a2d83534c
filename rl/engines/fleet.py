"""All engines of a run as one policy.

Guarantees: turns of one session go to one engine, whose prefix cache holds what was before, as long
as it can take them, else to the one with the least to do; what a lost engine had not finished is
asked of another, with the same seed; a lost engine is started again in the background and comes
back with the weights of the current version; one that is lost too often ends the run by name. An
engine whose weights are older than the others' takes no training requests. Nothing waits without a
deadline.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import Any

import ray

from rl.config import RunConfig
from rl.engines.handle import EngineHandle
from rl.engines.health import Idle, Restarts
from rl.engines.lease import Lease
from rl.errors import EngineError, EngineLostError
from rl.tasks import all_of
from rl.tokens import Ids, Policy, Sampled, Sampling

SESSIONS = 100_000  # remembered; the engines' prefix caches forget sooner
STOP_SECONDS = 20.0  # for engines to end their processes

Attach = Callable[[EngineHandle], Awaitable[None]]


class Fleet:
    """Every engine of a run; itself a `Policy`.

    Args:
        config: the run's configuration, with `model.path` a folder or hub id.
        make: makes the actor of an engine, by its index.
        renew: waits, before an engine is made again, until it has a place.
        say: told what a user should know, a line at a time.
        kill: ends one.
    """

    def __init__(
        self,
        config: RunConfig,
        *,
        make: Callable[[int], Any],
        renew: Callable[[int], Awaitable[None]] | None = None,
        say: Callable[[str], None] = lambda line: None,
        kill: Callable[[Any], None] = ray.kill,
    ) -> None:
        now = time.monotonic()
        places = range(config.rollout.engines)
        self.attach: Attach | None = None
        """Brings an engine that was started again, or leased, to the current version."""
        self.sleeps = False
        """Whether all engines sleep while the policy learns, so that none can be leased."""
        self.alone: Callable[[], AbstractAsyncContextManager[None]] = nullcontext
        """What an engine is started again in: the memory that it needs must be there."""
        self._config = config
        self._say = say
        self._make = make
        self._renew = renew
        self._kill = kill
        self._idle = [Idle(now) for _ in places]
        self._idle_since = now
        self._restarts = [Restarts(config.rollout.restarts) for _ in places]
        self._tokens_lost = 0
        self._failure = ""
        self._changed = asyncio.Event()
        self._background: set[asyncio.Task[None]] = set()
        self._sessions: OrderedDict[str, int] = OrderedDict()
        self._running = False
        self._engines = [self._connect(index) for index in places]

    @property
    def handles(self) -> Sequence[EngineHandle]:
        """One an engine, as they are now."""
        return self._engines

    @property
    def tokens_lost(self) -> int:
        """Tokens made for nothing since the start of the run."""
        return self._tokens_lost + sum(engine.tokens_lost for engine in self._engines)

    async def start(self) -> None:
        """Start and warm up every engine.

        Raises:
            ModelError: vLLM cannot load the model.
            EngineError: an engine died, or took too long.
        """
        try:
            await all_of([engine.start() for engine in self._engines])
        except EngineLostError as error:
            raise EngineError(f"the vLLM engines did not start: {error}") from error
        for engine in self._engines:
            engine.ready = True
        self._running = True

    async def stop(self) -> None:
        """End every engine's processes, then the actors."""
        self._running = False
        self._failure = self._failure or "the run has ended"
        self._wake()
        for task in list(self._background):
            task.cancel()
        stopping = [asyncio.ensure_future(_settle(e)) for e in self._engines if not e.cause]
        if stopping:
            await asyncio.wait(stopping, timeout=STOP_SECONDS)
        for engine in self._engines:
            engine.lose("the run has ended")

    def live(self) -> Sequence[EngineHandle]:
        """The engines in service that take part in weight updates: those that are not leased."""
        return [engine for engine in self._engines if engine.ready and not engine.leased]

    def lost(self, engine: EngineHandle, reason: str) -> None:
        """Take an engine out of service; returns at once."""
        engine.lose(reason)

    def free_groups(self, samples: int) -> float:
        """How many groups of so many answers the engines could begin with at once."""
        places = self._config.rollout.max_concurrency
        free = (max(0, places - engine.load) for engine in self._available())
        return sum(free) / samples

    def idle_share(self) -> float:
        """Share of the engines' time without a request since this was last asked."""
        now = time.monotonic()
        seconds = (now - self._idle_since) * len(self._engines)
        self._idle_since = now
        idle = sum(place.take(now) for place in self._idle)
        return min(1.0, idle / seconds) if seconds > 0 else 0.0

    def spare(self) -> int:
        """How many engines could be leased now; none where all of them sleep together."""
        return 0 if self.sleeps else max(0, len(self._available()) - 1)

    async def sample(self, context: Ids, how: Sampling, *, session: str) -> Sampled:
        """One turn; see `Policy.sample`."""
        while True:
            engine = await self._engine_for(session)
            try:
                return await engine.sample(context, how)
            except EngineLostError:
                continue  # bounded: every loss counts against `rollout.restarts`

    @asynccontextmanager
    async def lease(self, engines: int = 1) -> AsyncIterator[Policy]:
        """Engines of one version for an evaluation; training goes on with the others.

        They take no new training requests, and no new weights until the lease ends. This waits
        until another engine is there for training, as when one is being started again.

        Raises:
            EngineError: the run has too few engines.
        """
        if engines >= len(self._engines):
            raise EngineError(
                f"{engines} of the run's {len(self._engines)} engines were to be leased, and none "
                "would be left for training: raise rollout.engines"
            )
        available = await self._wait_for(engines + 1)
        chosen = sorted(available, key=lambda engine: engine.load)[:engines]
        for engine in chosen:
            engine.leased = True
        try:
            yield Lease(chosen)
        finally:
            for engine in chosen:
                engine.leased = False
                if engine.ready and engine.version < self._version() and self.attach is not None:
                    self._in_background(self._bring_up(engine, self.attach))
            self._wake()

    async def _engine_for(self, session: str) -> EngineHandle:
        available = self._available() or await self._wait_for(1)
        index = self._sessions.get(session)
        chosen = next((engine for engine in available if engine.index == index), None)
        if chosen is None:
            chosen = min(available, key=lambda engine: engine.load)
            self._sessions[session] = chosen.index
            if len(self._sessions) > SESSIONS:
                self._sessions.popitem(last=False)
        self._sessions.move_to_end(session)
        return chosen

    async def _wait_for(self, engines: int) -> list[EngineHandle]:
        """Those for training, once there are so many."""
        seconds = self._start_seconds()
        try:
            async with asyncio.timeout(seconds):
                while True:
                    if self._failure:
                        raise EngineError(self._failure)
                    available = self._available()
                    if len(available) >= engines:
                        return available
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError as error:
            states = ", ".join(f"{engine.name}: {engine.state}" for engine in self._engines)
            raise EngineError(
                f"fewer than {engines} rollout engines were ready within {seconds:g} s ({states})"
            ) from error

    def _available(self) -> list[EngineHandle]:
        """Those for training: of engines with weights of different age, the newest."""
        if self._failure:
            return []
        live = self.live()
        newest = self._version()
        return [engine for engine in live if engine.version == newest]

    def _version(self) -> int:
        return max((engine.version for engine in self.live()), default=0)

    def _connect(self, index: int) -> EngineHandle:
        return EngineHandle(
            index,
            self._make(index),
            self._config,
            idle=self._idle[index],
            lost=self._lost,
            kill=self._kill,
        )

    def _lost(self, engine: EngineHandle, cause: str) -> None:
        if not self._running:
            return
        self._say(f"{engine.name} is lost: {cause}")
        if self._restarts[engine.index].lost(time.monotonic()):
            self._in_background(self._restart(engine))
        else:
            bound = self._config.rollout.restarts
            self._failure = (
                f"{engine.name} was lost more than rollout.restarts={bound} times within an hour, "
                f"the last time: {cause}"
            )
        self._wake()

    async def _restart(self, lost: EngineHandle) -> None:
        self._tokens_lost += lost.tokens_lost
        if self._renew is not None:
            await self._renew(lost.index)
        engine = self._engines[lost.index] = self._connect(lost.index)
        try:
            async with self.alone():
                await engine.start()
        except EngineLostError:
            return  # counted, and started again, where it was noticed
        except Exception as error:
            engine.lose(f"it did not start: {error}")
            return
        if self.attach is None or await self._bring_up(engine, self.attach):
            engine.ready = True
            self._say(f"{engine.name} is back, at policy version {engine.version}")
            self._wake()

    async def _bring_up(self, engine: EngineHandle, attach: Attach) -> bool:
        """Give it the current weights; whether that went well."""
        seconds = self._start_seconds()
        try:
            async with asyncio.timeout(seconds):
                await attach(engine)
        except TimeoutError:
            engine.lose(f"it had no weights of the current version within {seconds:g} s")
        except Exception as error:
            engine.lose(f"it did not get the current weights: {error}")
        self._wake()
        return not engine.cause

    def _start_seconds(self) -> float:
        """To start an engine and wait for the learner's next weights."""
        config = self._config
        return config.rollout.start_deadline + config.learner.deadline + 2 * config.sync.deadline

    def _in_background(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    def _wake(self) -> None:
        self._changed.set()


async def _settle(engine: EngineHandle) -> None:
    """Let an engine end its processes; one that cannot is killed anyway."""
    await asyncio.gather(engine.ask("stop", deadline=STOP_SECONDS), return_exceptions=True)
