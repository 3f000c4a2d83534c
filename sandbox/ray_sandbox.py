"""The sandbox spread over Ray actors, on as many nodes as the cluster has.

Guarantees: the interface, the answers and the errors are those of the sandbox in process. Each
actor serves boxes of its own over HTTP, at its node's address, to whoever has a token that this
process makes up; an HTTP client spreads the requests, and sends elsewhere what was lost. Here are
actors placed, and replaced when they die or fall silent. Ray is imported by `start`, and must be
connected then.
"""

import asyncio
import contextlib
import secrets
import socket
import time
from typing import Any, Final

from sandbox.backends.settings import SLOTS_A_CORE_SPARE, BoxSettings
from sandbox.errors import RequestError, SandboxError, UnavailableError
from sandbox.faults import Fault, error_of, fault_of
from sandbox.local import LocalSandbox
from sandbox.service.client import HttpSandbox
from sandbox.service.client_endpoint import Server
from sandbox.service.models import ServiceOptions
from sandbox.transport import DEFAULT_LIMITS, QUEUE, QUEUE_SECONDS, Transport
from sandbox.types import Health, Judgement, Limits, Program, RunResult, TestsLike

START_SECONDS: Final = 120.0  # for an actor to be placed and ready
BEAT_SECONDS: Final = 1.0  # between two looks at what an actor's health checks say
SILENCE_SECONDS: Final = 30.0  # without a good one, until the actor is killed
CLOSE_SECONDS: Final = 10.0
PAUSE_SECONDS: Final = 1.0  # before another try to start an actor
BODY_BYTES: Final = 512 << 20  # the tests are the caller's own
DEADLINE: Final = 10.0**6  # what a caller asks for is not capped


class Node:
    """The Ray actor: a local sandbox on some node, and its service. Errors leave it as data."""

    def __init__(
        self, backend: str, settings: BoxSettings, service: ServiceOptions, deadline: float | None
    ) -> None:
        self._box = LocalSandbox(
            backend,
            settings=settings,
            deadline=deadline,
            queue=service.queue,
            queue_seconds=service.queue_seconds,
        )
        self._service = service
        self._server: Any = None
        self._serving: asyncio.Task[None] | None = None

    async def start(self) -> str | Fault:
        """The service's URL."""
        import ray

        from sandbox.service.server_app import create_app
        from sandbox.service.server_http import BACKLOG, HttpServer

        try:
            await self._box.start()
        except SandboxError as error:
            return fault_of(error)
        host = ray.util.get_node_ip_address()
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, 0), family=family, backlog=BACKLOG)
        self._server = HttpServer(create_app(self._box, self._service))
        self._serving = asyncio.create_task(self._server.serve(sockets=[listener]))
        await self._server.ready.wait()
        name = f"[{host}]" if ":" in host else host
        return f"http://{name}:{listener.getsockname()[1]}"

    async def live(self) -> None:
        """Never ends, but with the actor."""
        await asyncio.Event().wait()

    async def aclose(self) -> None:
        """End the service and the boxes."""
        if self._serving is not None:
            self._server.should_exit = self._server.force_exit = True
            await self._serving
        await self._box.aclose()


class _ActorLostError(Exception):
    """The actor died, was killed, or did not answer."""


class _Seat:
    """A place for an actor.

    Attributes:
        starts: Actors that have sat here.
        url: Of the one that sits here.
    """

    def __init__(self) -> None:
        self.actor: Any = None
        self.starts = 0
        self.url = ""

    async def lost(self, server: Server) -> str:
        """Wait until the actor has died, or its service was silent for too long; gives why."""
        life = asyncio.ensure_future(_answer(self.actor.live.remote(), None))
        heard = time.monotonic()
        try:
            while not life.done():
                await asyncio.wait({life}, timeout=BEAT_SECONDS)
                if server.health is not None:
                    heard = time.monotonic()
                elif time.monotonic() - heard > SILENCE_SECONDS:
                    return f"its service was not healthy for {SILENCE_SECONDS:g} s: {server.fault}"
            return str(life.exception() or "it ended")
        finally:
            life.cancel()
            await asyncio.gather(life, return_exceptions=True)

    def vacate(self) -> None:
        """Kill the actor."""
        import ray

        actor, self.actor = self.actor, None
        if actor is not None:
            ray.kill(actor)

    async def close(self) -> None:
        """End the actor, and what it has started."""
        if self.actor is not None:
            with contextlib.suppress(_ActorLostError):
                await _answer(self.actor.aclose.remote(), CLOSE_SECONDS)
            self.vacate()


class RaySandbox(Transport):
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
        self._service = ServiceOptions(
            token=secrets.token_hex(32),
            queue=queue,
            queue_seconds=queue_seconds,
            max_body_bytes=BODY_BYTES,
            max_deadline=DEADLINE,
        )
        self._seats = [_Seat() for _ in range(nodes)]
        self._client: HttpSandbox | None = None
        self._keepers: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        if self._client is not None:
            raise RequestError("the sandbox is open already")
        try:
            async with asyncio.TaskGroup() as group:
                for seat in self._seats:
                    group.create_task(self._fill(seat))
            client = HttpSandbox(
                [seat.url for seat in self._seats],
                token=self._service.token,
                deadline=self._deadline,
                queue_seconds=self._service.queue_seconds,
                patience=START_SECONDS,
            )
            await client.start()
        except BaseException as error:
            await self.aclose()
            if isinstance(error, BaseExceptionGroup):
                raise error.exceptions[0] from error
            raise
        self._client = client
        for seat, server in zip(self._seats, client.servers, strict=True):
            self._keepers.append(asyncio.create_task(self._keep(seat, server)))

    async def aclose(self) -> None:
        keepers, self._keepers = self._keepers, []
        for keeper in keepers:
            keeper.cancel()
        await asyncio.gather(*keepers, return_exceptions=True)
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()
        await asyncio.gather(*(seat.close() for seat in self._seats))

    async def run(
        self,
        program: Program,
        *,
        stdin: str = "",
        limits: Limits = DEFAULT_LIMITS,
        deadline: float | None = None,
    ) -> RunResult:
        return await self._opened.run(program, stdin=stdin, limits=limits, deadline=deadline)

    async def judge(
        self,
        program: Program,
        tests: TestsLike,
        *,
        limits: Limits = DEFAULT_LIMITS,
        stop_at_first_failure: bool = True,
        deadline: float | None = None,
    ) -> Judgement:
        return await self._opened.judge(
            program,
            tests,
            limits=limits,
            stop_at_first_failure=stop_at_first_failure,
            deadline=deadline,
        )

    async def languages(self) -> dict[str, str]:
        return await self._opened.languages()

    async def health(self) -> Health:
        known = await self._opened.health()
        again = sum(seat.starts - 1 for seat in self._seats)
        changed = {
            "backend": f"ray: {known.backend}",
            "boxes": self._settings.boxes * len(self._seats),
            "replaced": known.replaced + again * self._settings.boxes,
        }
        return known.model_copy(update=changed)

    @property
    def _opened(self) -> HttpSandbox:
        if self._client is None:
            raise RequestError("the sandbox is not open: use `async with Sandbox.open(...)`")
        return self._client

    async def _keep(self, seat: _Seat, server: Server) -> None:
        """Replace the actor whenever it is lost."""
        while True:
            fault = await seat.lost(server)
            seat.vacate()
            server.leave_out(fault)
            while seat.actor is None:
                try:
                    await self._fill(seat)
                except SandboxError as error:
                    server.leave_out(str(error))
                    await asyncio.sleep(PAUSE_SECONDS)
            await self._opened.move(server, seat.url)

    async def _fill(self, seat: _Seat) -> None:
        """Start an actor; raises SandboxError."""
        import ray

        if not ray.is_initialized():
            raise RequestError(
                "Ray is not connected: call ray.init() first, or name docker, bubblewrap or a URL"
            )
        cpus = max(1, self._settings.slots * self._settings.boxes - SLOTS_A_CORE_SPARE)
        actor = (
            ray.remote(Node)
            .options(num_cpus=cpus, scheduling_strategy="SPREAD", max_concurrency=1000)
            .remote(self._backend, self._settings, self._service, self._deadline)
        )
        try:
            said = await _answer(actor.start.remote(), START_SECONDS)
        except BaseException as error:
            ray.kill(actor)
            if isinstance(error, _ActorLostError):
                have = ray.cluster_resources().get("CPU", 0)
                raise UnavailableError(
                    f"an actor does not start ({error}); it asks for {cpus} CPUs, and the cluster "
                    f"has {have:g}: use fewer slots or actors, or free CPUs"
                ) from error
            raise
        if isinstance(said, Fault):
            ray.kill(actor)
            raise error_of(said)
        seat.actor, seat.url = actor, said
        seat.starts += 1


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
