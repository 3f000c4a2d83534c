"""The sandbox spread over Ray actors, on as many nodes as the cluster has.

Guarantees: the interface, the answers and the errors are those of the sandbox in process. An actor
that dies or falls silent is replaced, and what it had is sent to another one; a request that loses
`ATTEMPTS` actors was not measured. Ray is imported by `start`, and must be connected then.
"""

import asyncio
import contextlib
from typing import Any, Final, TypeVar

from pydantic import BaseModel

from sandbox.backends.settings import SLOTS_A_CORE_SPARE, BoxSettings
from sandbox.errors import DeadlineError, RequestError, SandboxError, UnavailableError
from sandbox.faults import Fault, error_of, fault_of
from sandbox.judge import parse_tests
from sandbox.local import LocalSandbox
from sandbox.sandbox import DEFAULT_LIMITS, QUEUE, QUEUE_SECONDS, Sandbox
from sandbox.types import Health, Judgement, Limits, Program, RunResult, TestsLike

M = TypeVar("M", bound=BaseModel)

ATTEMPTS: Final = 4  # actors that a request may lose
START_SECONDS: Final = 120.0  # for an actor to be placed and ready
BEAT_SECONDS: Final = 2.0  # between two signs of life
SILENCE_SECONDS: Final = 30.0  # without one, until the actor is killed
CLOSE_SECONDS: Final = 10.0
PAUSE_SECONDS: Final = 1.0  # before another try to start an actor


class Node:
    """The Ray actor: a local sandbox on some node. Errors leave it as data."""

    def __init__(self, backend: str, settings: BoxSettings, options: dict[str, Any]) -> None:
        self._box = LocalSandbox(backend, settings=settings, **options)

    async def ask(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """What the sandbox's method `name` returns, or a Fault."""
        try:
            return await getattr(self._box, name)(*args, **kwargs)
        except SandboxError as error:
            return fault_of(error)


class _ActorLostError(Exception):
    """The actor died, was killed, or did not answer."""


class _Seat:
    """A place for an actor, and a task that keeps one there."""

    def __init__(self, launch: Any) -> None:
        self.load = 0
        self.starts = 0
        self.fault = "it has not started yet"
        self.health: Health | None = None
        self._launch = launch
        self._actor: Any = None
        self._tender: asyncio.Task[None] | None = None
        self._lost = asyncio.Event()

    @property
    def is_up(self) -> bool:
        return self._actor is not None

    async def fill(self) -> None:
        """Start an actor; raises SandboxError."""
        self._actor = await self._launch()
        self.starts += 1
        self._lost.clear()

    def tend(self) -> None:
        """Replace the actor whenever it is lost."""
        self._tender = asyncio.create_task(self._keep())

    async def ask(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """The actor's answer; raises _ActorLostError, and the seat is then empty."""
        import ray

        actor = self._actor
        self.load += 1
        reference = actor.ask.remote(name, *args, **kwargs)
        try:
            return await _answer(reference, None)
        except _ActorLostError as error:
            self._vacate(actor, str(error))
            raise
        except asyncio.CancelledError:
            ray.cancel(reference)  # frees the slot there
            raise
        finally:
            self.load -= 1

    async def close(self) -> None:
        if self._tender is not None:
            self._tender.cancel()
            await asyncio.gather(self._tender, return_exceptions=True)
        if self._actor is not None:
            with contextlib.suppress(_ActorLostError):
                await _answer(self._actor.ask.remote("aclose"), CLOSE_SECONDS)
            self._vacate(self._actor, "it was closed")

    async def _keep(self) -> None:
        while True:
            if self._actor is None:
                try:
                    await self.fill()
                except SandboxError as error:
                    self.fault = str(error)
                    await asyncio.sleep(PAUSE_SECONDS)
                    continue
            actor = self._actor
            try:
                self.health = await _answer(actor.ask.remote("health"), SILENCE_SECONDS)
            except _ActorLostError as error:
                self._vacate(actor, str(error))
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(BEAT_SECONDS):
                    await self._lost.wait()

    def _vacate(self, actor: Any, fault: str) -> None:
        import ray

        if self._actor is not actor or actor is None:
            return
        self._actor, self.health, self.fault = None, None, fault
        self._lost.set()
        ray.kill(actor)


class RaySandbox(Sandbox):
    """Boxes on the nodes of a Ray cluster.

    Args:
        nodes: Actors, each with boxes of its own and a CPU for each of their runs.
        settings: Size and kind of each actor's boxes.
        deadline: Seconds of work for a request that brings none; None: as its limits let it.
        queue: Runs that may wait at each actor.
        queue_seconds: Seconds that a request may wait for its slots.
        backend: auto, docker or bubblewrap; auto is decided on each node.
    """

    def __init__(
        self,
        nodes: int,
        *,
        settings: BoxSettings,
        deadline: float | None = None,
        queue: int = QUEUE,
        queue_seconds: float = QUEUE_SECONDS,
        backend: str = "auto",
    ) -> None:
        if nodes < 1:
            raise RequestError(f"a sandbox cannot have {nodes} actors; give ray:1 or more")
        self._backend = backend
        self._settings = settings
        self._deadline = deadline
        self._queue_seconds = queue_seconds
        self._options = {"deadline": deadline, "queue": queue, "queue_seconds": queue_seconds}
        self._seats = [_Seat(self._launch) for _ in range(nodes)]
        self._launched = asyncio.Event()
        self._is_open = False

    async def start(self) -> None:
        if self._is_open:
            raise RequestError("the sandbox is open already")
        try:
            async with asyncio.TaskGroup() as group:
                for seat in self._seats:
                    group.create_task(seat.fill())
        except BaseException as error:
            await self.aclose()
            if isinstance(error, BaseExceptionGroup):
                raise error.exceptions[0] from error
            raise
        self._is_open = True
        for seat in self._seats:
            seat.tend()

    async def aclose(self) -> None:
        self._is_open = False
        await asyncio.gather(*(seat.close() for seat in self._seats))

    async def run(
        self,
        program: Program,
        *,
        stdin: str = "",
        limits: Limits = DEFAULT_LIMITS,
        deadline: float | None = None,
    ) -> RunResult:
        answer: RunResult = await self._ask(deadline, "run", program, stdin=stdin, limits=limits)
        return answer

    async def judge(
        self,
        program: Program,
        tests: TestsLike,
        *,
        limits: Limits = DEFAULT_LIMITS,
        stop_at_first_failure: bool = True,
        deadline: float | None = None,
    ) -> Judgement:
        answer: Judgement = await self._ask(
            deadline,
            "judge",
            program,
            parse_tests(tests),
            limits=limits,
            stop_at_first_failure=stop_at_first_failure,
        )
        return answer

    async def languages(self) -> dict[str, str]:
        answer: dict[str, str] = await self._ask(None, "languages")
        return answer

    async def health(self) -> Health:
        known = [seat.health for seat in self._seats if seat.health is not None]
        every = len(known) == len(self._seats) and all(one.status == "ok" for one in known)
        faults = [seat.fault for seat in self._seats if seat.health is None]
        boxes = self._settings.boxes * len(self._seats)
        return Health(
            status="ok" if every else "degraded" if known else "down",
            backend="ray: " + ", ".join(sorted({one.backend for one in known})),
            boxes=boxes,
            live=sum(one.live for one in known),
            slots=sum(one.slots for one in known),
            busy=sum(one.busy for one in known),
            waiting=sum(one.waiting for one in known),
            replaced=sum(one.replaced for one in known)
            + sum(max(0, seat.starts - 1) for seat in self._seats) * self._settings.boxes,
            fault="; ".join([*faults, *(one.fault for one in known if one.fault)]),
        )

    async def _ask(self, asked: float | None, name: str, *args: Any, **kwargs: Any) -> Any:
        if not self._is_open:
            raise RequestError("the sandbox is not open: use `async with Sandbox.open(...)`")
        seconds = self._deadline if asked is None else asked
        most = None if seconds is None else seconds + self._queue_seconds
        try:
            async with asyncio.timeout(most):
                answer = await self._send(seconds, name, *args, **kwargs)
        except TimeoutError as error:
            down = "; ".join(seat.fault for seat in self._seats if not seat.is_up)
            raise DeadlineError(
                f"no answer within the request's {seconds:g} s and {self._queue_seconds:g} s of "
                f"waiting{down and f' (lost actors: {down})'}"
            ) from error
        if isinstance(answer, Fault):
            raise error_of(answer)
        return answer

    async def _send(self, seconds: float | None, name: str, *args: Any, **kwargs: Any) -> Any:
        if name != "languages":
            kwargs["deadline"] = seconds
        fault = ""
        for _ in range(ATTEMPTS):
            seat = await self._least_busy()
            try:
                return await seat.ask(name, *args, **kwargs)
            except _ActorLostError as error:
                fault = str(error)
        raise UnavailableError(f"{ATTEMPTS} actors were lost, the last: {fault}")

    async def _least_busy(self) -> _Seat:
        while not (up := [seat for seat in self._seats if seat.is_up]):
            self._launched.clear()
            await self._launched.wait()
        return min(up, key=lambda seat: seat.load)

    async def _launch(self) -> Any:
        """A started actor; raises SandboxError."""
        import ray

        if not ray.is_initialized():
            raise RequestError("Ray is not connected: call ray.init() before the sandbox starts")
        cpus = max(1, self._settings.slots * self._settings.boxes - SLOTS_A_CORE_SPARE)
        actor = (
            ray.remote(Node)
            .options(num_cpus=cpus, scheduling_strategy="SPREAD", max_concurrency=10_000)
            .remote(self._backend, self._settings, self._options)
        )
        try:
            fault = await _answer(actor.ask.remote("start"), START_SECONDS)
        except BaseException as error:
            ray.kill(actor)
            if isinstance(error, _ActorLostError):
                have = ray.cluster_resources().get("CPU", 0)
                raise UnavailableError(
                    f"an actor does not start ({error}); it asks for {cpus} CPUs, and the cluster "
                    f"has {have:g}: use fewer slots or actors, or free CPUs"
                ) from error
            raise
        if isinstance(fault, Fault):
            ray.kill(actor)
            raise error_of(fault)
        self._launched.set()  # whoever waits sees the actor in its seat before it goes on
        return actor


async def _answer(reference: Any, patience: float | None) -> Any:
    from ray.exceptions import RayError, RayTaskError

    try:
        async with asyncio.timeout(patience):
            return await reference
    except TimeoutError as error:
        raise _ActorLostError(f"no answer within {patience:g} s") from error
    except RayTaskError:
        raise
    except RayError as error:
        raise _ActorLostError(" ".join(str(error).split())[:300]) from error
