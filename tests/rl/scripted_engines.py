"""Engines for tests of what surrounds them: real actors and handles around a scripted core."""

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
from ray.exceptions import RayActorError, RayTaskError

from rl.config import RunConfig
from rl.engines.actor import EngineActor
from rl.engines.engine import Counts
from rl.errors import EngineLostError, PlumbError
from rl.hardware import Hardware
from rl.tokens import Ids
from rl.whereabouts import Whereabouts


def settings(**rollout: Any) -> RunConfig:
    return RunConfig.model_validate({"rollout": rollout})


class ScriptedEngine:
    """An engine core that makes a token for each request when told to.

    A token's id is the version of the weights that it was made with.
    """

    def __init__(self) -> None:
        self.weights = 0
        self.failure = ""
        self.paused = False
        self.asked = 0
        self.recomputed: list[bool] = []
        self.slept: list[str] = []
        self._made: dict[str, list[int]] = {}
        self._wanted: dict[str, int] = {}
        self._done: dict[str, asyncio.Future[Any]] = {}

    async def sample(
        self,
        request_id: str,
        prompt: Ids,
        parameters: Any,
        *,
        priority: int = 0,
        salt: str = "",
        adapter: Any = None,
    ) -> Any:
        self.asked += 1
        if self.failure:
            raise EngineLostError(self.failure)
        self._wanted[request_id] = parameters.max_tokens
        self._made[request_id] = []
        self._done[request_id] = asyncio.get_running_loop().create_future()
        try:
            return await self._done[request_id]
        finally:
            self._made.pop(request_id, None)
            del self._done[request_id]

    def tick(self) -> None:
        """One step of the engine."""
        if self.paused or self.failure:
            return
        for name, made in list(self._made.items()):
            made.append(self.weights)
            if len(made) == self._wanted[name]:
                del self._made[name]
                answer = SimpleNamespace(
                    finish_reason="length",
                    token_ids=made,
                    logprobs=SimpleNamespace(logprobs=[-1.0] * len(made)),
                )
                self._done[name].set_result(SimpleNamespace(outputs=[answer]))

    def fail(self, why: str) -> None:
        self.failure = why
        for done in self._done.values():
            if not done.done():
                done.set_exception(EngineLostError(why))

    async def call(self, method: str, *arguments: Any, deadline: float | None = None) -> list[Any]:
        if method == "load":
            (self.weights,) = arguments
        return [method]

    async def pause(self) -> Counts:
        self.paused = True
        return self.counts()

    async def resume(self, *, recompute: bool = True) -> None:
        self.paused = False
        self.recomputed.append(recompute)

    async def sleep(self, level: int) -> None:
        self.slept.append(f"sleep {level}")

    async def wake(self, memory: str) -> None:
        self.slept.append(f"wake {memory}")

    async def stop(self) -> None:
        self.fail("stopped")

    def counts(self) -> Counts:
        return {name: len(made) for name, made in self._made.items()}


class ScriptedActor(EngineActor):
    """The real actor around it."""

    prepared = False

    async def prepare(self) -> None:
        self.prepared = True

    async def start(self) -> None:
        self._engine = ScriptedEngine()
        self._decoder = lambda ids, keep_special: ",".join(map(str, ids))  # type: ignore[assignment]

    async def whereabouts(self) -> Whereabouts:
        return Whereabouts("here", "node", 1, 0)


class Remote:
    """An actor as Ray shows it: `method.remote(...)`, and errors as Ray raises them."""

    def __init__(self, actor: EngineActor) -> None:
        self.actor = actor
        self.dead = asyncio.Event()
        self.hangs = False
        self.calls: list[str] = []

    @property
    def core(self) -> ScriptedEngine:
        engine = self.actor._engine
        assert isinstance(engine, ScriptedEngine)
        return engine

    def kill(self) -> None:
        self.dead.set()

    def __getattr__(self, method: str) -> Any:
        def remote(*arguments: Any) -> asyncio.Future[Any]:
            self.calls.append(method)
            call = asyncio.ensure_future(self._run(method, arguments))
            call.add_done_callback(lambda done: done.cancelled() or done.exception())
            return call

        return SimpleNamespace(remote=remote)

    async def _run(self, method: str, arguments: tuple[Any, ...]) -> Any:
        if self.hangs:
            await asyncio.Event().wait()
        work = asyncio.ensure_future(getattr(self.actor, method)(*arguments))
        death = asyncio.ensure_future(self.dead.wait())
        try:
            await asyncio.wait({work, death}, return_when=asyncio.FIRST_COMPLETED)
            if self.dead.is_set():
                raise RayActorError
            return work.result()
        except PlumbError as error:
            raise RayTaskError(method, "", error) from error
        finally:
            work.cancel()
            death.cancel()


class Scripted:
    """Makes actors for a fleet, and keeps them in the order in which they were made."""

    def __init__(self, config: RunConfig, actor: Callable[..., EngineActor] = ScriptedActor):
        self._config = config
        self._actor = actor
        self.made: list[Remote] = []

    def __call__(self, index: int) -> Remote:
        self.made.append(Remote(self._actor(self._config, Hardware("cpu", 1))))
        return self.made[-1]

    async def tick(self, steps: int = 1) -> None:
        """Let every engine that lives make a token for each request, and its turns come home."""
        for _ in range(steps):
            for remote in self.made:
                if not remote.dead.is_set() and hasattr(remote.actor, "_engine"):
                    remote.core.tick()
            for _ in range(6):
                await asyncio.sleep(0)


def prompt(*ids: int) -> Ids:
    return np.array(ids or (1, 2, 3), np.int32)
