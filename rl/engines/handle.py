"""The driver's end of one engine: requests and turns in batches, every call with a deadline.

Guarantees: requests of one turn of the event loop are one call through Ray, and turns that end
together come back as one; a request ends as a turn, as the error that the engine gave for it, or,
when the engine is lost, as `EngineLostError`. Nothing waits for an engine that is silent.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import ray

from rl.awaiting import ActorLostError, asked
from rl.config import RunConfig
from rl.engines.actor import Report, Request
from rl.engines.engine import Memory
from rl.engines.health import Idle, Silence
from rl.errors import EngineLostError, PlumbError
from rl.tokens import Floats, Ids, Sampled, Sampling
from rl.whereabouts import Whereabouts

POLL_SECONDS = 2.0  # for a report of an engine that has nothing to tell
SLACK_SECONDS = 10.0  # for a report to come through Ray beyond that


class EngineHandle:
    """One engine, from its start to its loss.

    Args:
        index: its place among the engines; one that is started again keeps it.
        actor: Ray's handle of an `EngineActor`.
        config: the run's, for its deadlines.
        idle: the clock of its place.
        lost: told once, with the reason, when the engine is lost.
        kill: ends the actor's process.
    """

    def __init__(
        self,
        index: int,
        actor: Any,
        config: RunConfig,
        *,
        idle: Idle,
        lost: Callable[["EngineHandle", str], None],
        kill: Callable[[Any], None] = ray.kill,
    ) -> None:
        self.name = f"rollout engine {index}"
        self.index = index
        self.actor = actor
        self.version = 0
        self.ready = False
        """Whether it is started and has the weights of its version."""
        self.leased = False
        """Whether it answers an evaluation, and keeps its version meanwhile."""
        self.cause = ""
        """Why it is lost; empty while it is not."""
        self.whereabouts: Whereabouts | None = None
        """Where its actor runs, once it is started."""
        self._config = config
        self._idle = idle
        self._tell_lost = lost
        self._kill = kill
        self._waiting: dict[int, asyncio.Future[Sampled]] = {}
        self._number = 0
        self._asked: list[Request] = []
        self._given_up: list[int] = []
        self._sending: asyncio.Handle | None = None
        self._following: asyncio.Task[None] | None = None
        self._received = self._unwanted = 0
        self._report = Report([], 0, 0, 0, paused=False, failure="")
        self._silence = Silence(config.rollout.silence, time.monotonic())

    @property
    def load(self) -> int:
        """Requests that are not answered."""
        return len(self._waiting)

    @property
    def started(self) -> bool:
        """Whether its model is loaded, which it is before it has the weights of its version."""
        return self._following is not None

    @property
    def state(self) -> str:
        """What it is doing, in a few words."""
        if self.cause:
            return f"lost, {self.cause}"
        if self.leased:
            return "answers an evaluation"
        return f"at policy version {self.version}" if self.ready else "being started"

    @property
    def waits(self) -> str:
        """What it has not answered, and how long it has made no token; empty if it has nothing."""
        if not self.load or self.cause:
            return ""
        quiet = self._silence.quiet(time.monotonic())
        return f"{self.name}: {self.load} requests, no token for {quiet:.0f} s"

    @property
    def tokens(self) -> int:
        """Made since its start, as far as it has told."""
        return self._report.tokens

    @property
    def tokens_lost(self) -> int:
        """Tokens made for nothing, as far as it has told: of dropped requests, and once it is lost
        of unfinished ones."""
        if self.cause:
            return max(0, self._report.tokens - self._received)
        return self._report.given_up + self._unwanted

    async def start(self) -> None:
        """Load the model; from then on it takes requests."""
        deadline = self._config.rollout.start_deadline
        await self.ask("start", deadline=deadline)
        self.whereabouts = await self.ask("whereabouts", deadline=deadline)
        self._following = asyncio.create_task(self._follow(), name=f"follow {self.name}")

    async def sample(self, context: Ids, how: Sampling) -> Sampled:
        """One turn of this engine.

        Raises:
            EngineLostError: the engine is lost; another can be asked the same.
            PlumbError: the engine's own error for the request.
        """
        if self.cause:
            raise self._error()
        self._number += 1
        number = self._number
        future: asyncio.Future[Sampled] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        self._asked.append((number, context, how))
        self._send_soon()
        try:
            return await future
        except asyncio.CancelledError:
            self._given_up.append(number)
            self._send_soon()
            raise
        finally:
            self._waiting.pop(number, None)
            if not self._waiting:
                self._idle.note(0, time.monotonic())

    async def pause(self) -> None:
        """Let the engine make no token until `resume`; requests stay."""
        await self.ask("pause", deadline=self._config.sync.deadline)

    async def resume(self, version: int, recompute: bool) -> None:
        """Let it go on with the weights of this version; see `EngineActor.resume`."""
        await self.ask("resume", version, recompute, deadline=self._config.sync.deadline)
        self.version = version

    async def sleep(self, level: Literal[1, 2]) -> None:
        """Let it give up its memory; requests stay. See `Engine.sleep`."""
        await self.ask("sleep", level, deadline=self._config.sync.deadline)

    async def wake(self, memory: Memory) -> None:
        """Let it take memory again. See `Engine.wake`."""
        await self.ask("wake", memory, deadline=self._config.sync.deadline)

    async def canary(self, ids: Sequence[int]) -> Floats:
        """(tokens - 1,): logprob of each token but the first at temperature 1, nats."""
        prompt = np.array(ids, np.int32)
        logprobs: Floats = await self.ask("canary", prompt, deadline=self._config.sync.deadline)
        return logprobs

    async def call(self, method: str, *arguments: Any) -> list[Any]:
        """Call a method of every worker of the engine; one result a worker."""
        deadline = self._config.sync.deadline
        results: list[Any] = await self.ask("call", method, *arguments, deadline=deadline)
        return results

    async def ask(self, method: str, *arguments: Any, deadline: float) -> Any:
        """Call a method of the actor.

        Raises:
            EngineLostError: it died or took longer than `deadline` seconds; it is lost from now on.
            PlumbError: one that the actor raised.
        """
        if self.cause:
            raise self._error()
        try:
            return await asked(self.actor, method, *arguments, deadline=deadline)
        except (ActorLostError, EngineLostError) as error:
            self.lose(str(error))
            raise self._error() from error

    def lose(self, cause: str) -> None:
        """Take the engine for lost: its requests end at once, and nothing more is asked of it."""
        if self.cause:
            return
        self.cause = cause
        self.ready = False
        self.end()
        for future in list(self._waiting.values()):
            if not future.done():
                future.set_exception(self._error())
        self._tell_lost(self, cause)

    def end(self) -> None:
        """End its process, and listen no longer."""
        for ending in (self._sending, self._following):
            if ending is not None and ending is not asyncio.current_task():
                ending.cancel()
        self._kill(self.actor)

    def _error(self) -> EngineLostError:
        return EngineLostError(f"{self.name} is lost: {self.cause}")

    def _send_soon(self) -> None:
        if self._sending is None and not self.cause:
            self._sending = asyncio.get_running_loop().call_soon(self._send)

    def _send(self) -> None:
        self._sending = None
        asked, self._asked = self._asked, []
        given_up, self._given_up = self._given_up, []
        if self._waiting:
            self._idle.note(self.load, time.monotonic())
        # Where it fails, the next report does.
        self.actor.submit.remote(asked, given_up)

    async def _follow(self) -> None:
        silence = self._silence = Silence(self._config.rollout.silence, time.monotonic())
        limit = POLL_SECONDS + SLACK_SECONDS + self._config.rollout.silence
        try:
            while not self.cause:
                report = await self.ask("take", POLL_SECONDS, deadline=limit)
                self._receive(report)
                now = time.monotonic()
                silence.note(live=self.load, tokens=report.tokens, paused=report.paused, now=now)
                if report.failure:
                    self.lose(report.failure)
                elif silence.broken(now):
                    self.lose(
                        "it has made no token within "
                        f"rollout.silence={self._config.rollout.silence:g} s for "
                        f"{self.load} requests"
                    )
        except EngineLostError:
            return
        except Exception as error:
            self.lose(f"{type(error).__name__}: {error}")

    def _receive(self, report: Report) -> None:
        self._report = report
        for number, outcome in report.ended:
            future = self._waiting.get(number)
            wanted = future is not None and not future.done()
            if isinstance(outcome, Sampled):
                self._received += len(outcome.segment.ids) if wanted else 0
                self._unwanted += 0 if wanted else len(outcome.segment.ids)
            if future is None or not wanted or isinstance(outcome, EngineLostError):
                continue  # all that wait will be told of a loss, with the engine's failure
            if isinstance(outcome, PlumbError):
                future.set_exception(outcome)
            else:
                future.set_result(replace(outcome, engine=self.index))
