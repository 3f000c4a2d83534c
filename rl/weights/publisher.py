"""A weight update as the driver sees it: pause, send, resume, compare.

Guarantees: an engine samples from one version up to the token at which it was paused, and from the
next one after it; every step has a deadline; an engine that dies, hangs or refuses is lost, by
name, and does not hold up the others; what engines hold is what the learner holds, or the run ends
with a line that says so. A leased engine keeps its version.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rl.awaiting import await_ranks
from rl.config import RunConfig
from rl.errors import EngineError, EngineLostError, LearnerLostError
from rl.guards.table import Finding
from rl.hardware import Hardware
from rl.weights import canary
from rl.weights.handles import EngineHandle, Fleet, Learner
from rl.weights.losses import Losses
from rl.weights.transport import Kind, Transport
from rl.weights.turns import Apart, Turns


@dataclass(frozen=True, slots=True)
class SyncStats:
    """What an update took and found."""

    seconds: float
    pause_seconds: float
    """The longest that an engine stood still."""
    canary_gap: float | None
    """The largest of any engine, nats a token; None where none was looked at."""
    lost: tuple[str, ...] = ()
    """Names of engines that were lost in it."""
    findings: tuple[Finding, ...] = ()
    """What the canary has found."""


class WeightPublisher:
    """Brings the learner's weights to the engines.

    Args:
        config: the run's configuration.
        hardware: what it runs on.
        learner: the learner's ranks.
        fleet: the engines.
        prompt: token ids of the canary's prompt.
        turns: who has the memory of the engines' GPUs.
    """

    def __init__(
        self,
        config: RunConfig,
        hardware: Hardware,
        learner: Learner,
        fleet: Fleet,
        prompt: Sequence[int],
        turns: Turns | None = None,
    ) -> None:
        self._config = config
        self._hardware = hardware
        self._sync = config.sync
        self._learner = learner
        self._fleet = fleet
        self._prompt = list(prompt)
        self._turns = turns or Apart()
        self._transport: Transport | None = None
        self._lock = asyncio.Lock()
        self._joining: dict[EngineHandle, asyncio.Future[None]] = {}
        """Engines that the next update brings up, and who waits for each."""
        self._version: int | None = None
        self._losses: Losses | None = None
        self._forget = False
        """Whether engines may have computed with weights of the next update's number: others."""

    @property
    def waits(self) -> str:
        """What an update waits for, in a few words; empty where it waits for no engine."""
        return self._losses.waits if self._losses is not None else ""

    async def connect(
        self,
        kind: Callable[[], Kind],
        below: Sequence[Sequence[int]] | None = None,
    ) -> None:
        """Open the way to the engines; each joins it when it is first sent to.

        Args:
            kind: of the way, by where ranks and engines are at that instant.
            below: of each engine, the ranks on whose GPUs its workers are; None: on none.
        """
        self._kind, self._below = kind, below
        self._transport = await self._opened()

    async def reconnect(self) -> None:
        """Open the way to ranks that were started anew, which may hold older weights."""
        self._transport = await self._opened()

    def disconnect(self) -> None:
        """The learner is gone; engines that come up wait for its next update."""
        self._transport, self._version, self._forget = None, None, True

    async def send(self, version: int, engines: Sequence[EngineHandle] | None = None) -> SyncStats:
        """Send the learner's weights as `version`.

        Args:
            version: their number.
            engines: to which; None: every one in service. Leased ones are left out.

        Raises:
            EngineError: No engine takes them, though none died, or a canary is above its limit.
            LearnerError: The learner failed; engines that were to join still wait where it is lost.
        """
        async with self._lock:
            chosen = self._fleet.live() if engines is None else engines
            joining = dict(self._joining)
            losses = Losses(
                lambda engine, why: None if engine in joining else self._fleet.lost(engine, why)
            )
            every = self._sync.canary.every
            look = self._version is None or (every > 0 and version % every == 0) or bool(joining)
            open_to = [e for e in chosen if not e.leased and e not in joining] + list(joining)
            try:
                stats = await self._run(losses, open_to, version, look=look)
            except LearnerLostError:
                raise  # the learner's next update brings them up
            except BaseException as error:
                for waiting in joining.values():
                    _settle(waiting, error)
                raise
            self._version, self._forget = version, False
            for engine, waiting in joining.items():
                _settle(waiting, _lost(engine, losses))
            return stats

    async def attach(self, engine: EngineHandle) -> None:
        """Bring an engine that was restarted, or leased until now, to the current version.

        While the learner trains, or holds weights that are not published yet, the next update
        brings it up with the others.

        Raises:
            EngineError: The engine was lost on the way, or its canary is above the limit.
        """
        async with self._turns.alone(), self._lock:
            if await self._attached_now(engine):
                return
            waiting = self._joining[engine] = asyncio.get_running_loop().create_future()
        try:
            await waiting
        finally:
            del self._joining[engine]

    async def _attached_now(self, engine: EngineHandle) -> bool:
        """Send what the learner holds, unless that is no version yet, or ceases to be one."""
        version = self._version
        if version is None or self._learner.version != version:
            return False
        losses = Losses(lambda one, why: None if one is engine else self._fleet.lost(one, why))
        # Where engines sleep for it, none of them keeps its weights.
        engines = [engine, *(self._fleet.live() if self._turns.sleeps else ())]
        try:
            await self._run(
                losses, engines, version, look=True, still=lambda: self._learner.version == version
            )
        except (_OvertakenError, LearnerLostError):
            return False  # it stays paused
        if (lost := _lost(engine, losses)) is not None:
            raise lost
        return True

    async def _run(
        self,
        losses: Losses,
        engines: Sequence[EngineHandle],
        version: int,
        *,
        look: bool,
        still: Callable[[], bool] = lambda: True,
    ) -> SyncStats:
        transport = await self._way()
        self._losses = losses
        started = time.perf_counter()
        deadline = self._sync.deadline
        live = await losses.each(engines, "pausing it", deadline, lambda engine: engine.pause())
        live = await self._turns.for_weights(losses, live)
        live = await transport.send(losses, live)
        losses.check(live)
        if not still():
            raise _OvertakenError
        # What has slept has nothing left to be recomputed.
        recompute = (self._sync.kv == "recompute" or self._forget) and not self._turns.sleeps
        # Asked before anything is awaited: a step that is submitted later is of no concern.
        own = asyncio.ensure_future(self._own_logprobs()) if look and live else None
        try:
            if self._turns.sleeps and own is not None:
                await asyncio.wait([own])  # its weights leave with what follows
            live = await self._turns.for_sampling(losses, live)
            live = await losses.each(
                live, "resuming it", deadline, lambda engine: engine.resume(version, recompute)
            )
            paused = time.perf_counter() - started
            found: list[float] = []
            findings: list[Finding] = []
            if own is not None:
                found, findings = await self._compare(losses, live, version, own)
        finally:
            if own is not None:
                own.cancel()
        return SyncStats(
            seconds=time.perf_counter() - started,
            pause_seconds=paused,
            canary_gap=max(found, default=None),
            lost=tuple(losses.lost),
            findings=tuple(findings),
        )

    async def _way(self) -> Transport:
        """The way to the engines; another one where somebody has moved to another node."""
        transport = self._transport  # the learner may be lost, and this with it, at any await
        if transport is None:
            raise EngineError("weights were to be sent before `connect`")
        if transport.kind == self._kind():
            return transport
        other = await self._opened()
        if self._transport is transport:
            self._transport = other
        return other

    async def _opened(self) -> Transport:
        transport = Transport(
            self._kind(), self._config, self._hardware, self._learner, self._below
        )
        await transport.open()
        return transport

    async def _compare(
        self,
        losses: Losses,
        engines: Sequence[EngineHandle],
        version: int,
        own: asyncio.Future[NDArray[np.float32]],
    ) -> tuple[list[float], list[Finding]]:
        """Gaps of engines to the learner, and what to say about them."""
        theirs: dict[str, NDArray[np.float32]] = {}

        async def ask(engine: EngineHandle) -> None:
            theirs[engine.name] = await engine.canary(self._prompt)

        await losses.each(engines, "asking its canary", self._sync.deadline, ask)
        ours = await own
        gaps = {name: canary.gap(found, ours) for name, found in theirs.items()}
        judged = [
            canary.judge(found, name, version, self._sync.canary) for name, found in gaps.items()
        ]
        return list(gaps.values()), [one for one in judged if one is not None]

    def _own_logprobs(self) -> Coroutine[Any, Any, NDArray[np.float32]]:
        """The learner's logprobs of the canary's prompt; they are asked for at once."""
        asked = [rank.call.remote("canary", self._prompt) for rank in self._learner.actors]
        return self._first(await_ranks(asked, self._sync.deadline, "asking the learner's canary"))

    async def _first(self, results: Awaitable[list[Any]]) -> NDArray[np.float32]:
        logprobs: NDArray[np.float32] = (await results)[0]
        return logprobs


class _OvertakenError(Exception):
    """The learner went on while its weights were on their way: they may be of either version."""


def _lost(engine: EngineHandle, losses: Losses) -> EngineLostError | None:
    loss = losses.lost.get(engine.name)
    return None if loss is None else EngineLostError(f"{engine.name}: {loss.reason}")


def _settle(waiting: "asyncio.Future[None]", error: BaseException | None) -> None:
    if waiting.done():
        return
    if error is None:
        waiting.set_result(None)
    else:
        waiting.set_exception(error if isinstance(error, Exception) else EngineLostError("stopped"))
