"""A judge's server, placed: an actor on the Ray cluster, or a child of this process without one.

Guarantees: all that share a cluster's job and the same settings share one server, which ends with
the last of them; its GPUs are free then. Nobody owns it, so that it outlives whoever started it;
each user renews a lease, and a server whose leases have all run out ends by itself. If its actor is
lost, another one is placed in the background, and the address changes. Ray is imported only where
it is connected already.
"""

import asyncio
import hashlib
import os
import sys
import time
import uuid
from contextlib import suppress
from typing import Any, Final

from rewards.errors import InfrastructureError, PoolError, RewardError
from rewards.judge.server import Address, JudgeServer
from rewards.judge.settings import ServeSettings

ANSWER_SECONDS: Final = 10.0  # for an actor to say something that it knows
CLOSE_SECONDS: Final = 30.0
RENEW_SECONDS: Final = 10.0
LEASE_SECONDS: Final = 90.0  # without a renewal, until a user counts as gone
TRIES: Final = 5  # to lease from an actor that may be ending just now


class ServedJudge:
    """A server that is started when it is first needed."""

    def __init__(self, settings: ServeSettings) -> None:
        self._settings = settings
        self._local: JudgeServer | None = None
        self._actor: Any = None
        self._lease = uuid.uuid4().hex
        self._known: Address | None = None
        self._placing: asyncio.Task[Address] | None = None
        self._renewing: asyncio.Task[None] | None = None

    async def start(self) -> Address:
        """Start the server, or join the one that there is; where it is asked.

        Raises:
            PoolError: It cannot be started; says why.
        """
        if _ray_is_connected():
            self._known = await self._placed()
            self._renewing = asyncio.create_task(self._renew())
        else:
            self._local = JudgeServer(self._settings)
            self._known = await self._local.start()
        return self._known

    async def address(self) -> Address:
        """Where the server is now; at once, even if it is only on its way.

        Raises:
            InfrastructureError: It was given up; says why.
        """
        if self._local is not None:
            return self._local.address()
        if self._known is None or self._actor is None:
            raise InfrastructureError("the judge's server was not started")
        if self._placing is not None:
            if not self._placing.done():
                return self._known
            task, self._placing = self._placing, None
            try:
                self._known = task.result()
            except RewardError as error:
                raise InfrastructureError(f"the judge's server was lost: {error}") from error
            return self._known
        return await self._asked()

    async def aclose(self) -> None:
        """Give the server back; the last one ends it."""
        tasks = (self._placing, self._renewing)
        self._placing = self._renewing = None
        for task in tasks:
            if task is not None:
                task.cancel()
                with suppress(asyncio.CancelledError, RewardError):
                    await task
        local, self._local = self._local, None
        if local is not None:
            await local.aclose()
        actor, self._actor = self._actor, None
        if actor is not None:
            await self._released(actor)

    async def _renew(self) -> None:
        """Say now and then that the server is in use; a lost actor is noticed by who asks it."""
        from ray.exceptions import RayError

        while True:
            await asyncio.sleep(RENEW_SECONDS)
            with suppress(RayError, TimeoutError):
                async with asyncio.timeout(ANSWER_SECONDS):
                    await self._actor.renew.remote(self._lease)

    async def _asked(self) -> Address:
        from ray.exceptions import RayError, RayTaskError

        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                self._known = await self._actor.address.remote()
        except RayTaskError as error:
            if isinstance(error.cause, RewardError):
                raise error.cause from error
            raise
        except (RayError, TimeoutError):
            self._placing = asyncio.create_task(self._placed())
        assert self._known is not None
        return self._known

    async def _placed(self) -> Address:
        """The address that an actor gives, placed by whoever is first."""
        import ray
        from ray.exceptions import RayError, RayTaskError

        last: Exception | None = None
        for _ in range(TRIES):
            self._actor = actor = _actor(self._settings)
            try:
                async with asyncio.timeout(self._settings.start_deadline + ANSWER_SECONDS):
                    address: Address = await actor.lease.remote(self._lease)
                return address
            except TimeoutError as error:
                self._actor = None
                ray.kill(actor)  # it would wait for its GPUs for ever
                raise PoolError(
                    f"the judge's server was not placed and ready after "
                    f"{self._settings.start_deadline:g} s: it asks for {self._settings.gpus:g} "
                    "GPUs (serve.gpus); free them, or raise serve.start_deadline"
                ) from error
            except RayTaskError as error:
                if isinstance(error.cause, RewardError):
                    raise error.cause from error
                raise
            except RayError as error:  # it ended as this was asked: place another
                last = error
                await asyncio.sleep(0.5)
        raise PoolError(f"the judge's server is lost again and again: {_line(last)}")

    async def _released(self, actor: Any) -> None:
        import ray
        from ray.exceptions import RayError

        if not ray.is_initialized():
            return
        with suppress(RayError, TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                if await actor.release.remote(self._lease):
                    ray.kill(actor)


class _Host:
    """The Ray actor: a server, and who uses it."""

    def __init__(self, settings: ServeSettings) -> None:
        self._settings = settings
        self._server: JudgeServer | None = None
        self._leases: dict[str, float] = {}
        self._has_ended = False
        self._lock = asyncio.Lock()
        self._watch: asyncio.Task[None] | None = None

    async def lease(self, who: str) -> Address:
        """The address; the first one waits for the server's start."""
        import ray

        async with self._lock:
            if self._has_ended:
                ray.actor.exit_actor()
            if self._watch is None:
                self._watch = asyncio.create_task(self._end_unused())
            self._leases[who] = time.monotonic() + self._settings.start_deadline
            if self._server is None:
                server = JudgeServer(self._settings, ray.util.get_node_ip_address())
                await server.start()
                self._server = server
            await self.renew(who)
            return self._server.address()

    async def renew(self, who: str) -> None:
        """Count `who` as a user for a while longer."""
        self._leases[who] = time.monotonic() + LEASE_SECONDS

    async def address(self) -> Address:
        """The address, as long as the server is not given up."""
        if self._server is None:
            raise InfrastructureError("the judge's server was not started")
        return self._server.address()

    async def release(self, who: str) -> bool:
        """Give a lease back; whether it was the last, so that this actor is of no use any more."""
        async with self._lock:
            self._leases.pop(who, None)
            if not self._leases:
                self._has_ended = True
                server, self._server = self._server, None
                if server is not None:
                    await server.aclose()
            return self._has_ended

    async def _end_unused(self) -> None:
        """End this actor when all its users have gone without a word."""
        while not self._has_ended:
            await asyncio.sleep(RENEW_SECONDS)
            now = time.monotonic()
            gone = [who for who, until in self._leases.items() if until < now]
            for who in gone:
                if await self.release(who):
                    os._exit(0)  # the keeper has ended, and Ray sees to the rest


def _actor(settings: ServeSettings) -> Any:
    import ray

    # The server's own threads are not reserved: a small host would have no room for it otherwise.
    return (
        ray.remote(_Host)
        .options(
            name=f"plumb-judge-{_digest(settings)}",
            get_if_exists=True,
            lifetime="detached",
            num_gpus=settings.gpus,
            num_cpus=0,
            max_concurrency=1000,
        )
        .remote(settings)
    )


def _digest(settings: ServeSettings) -> str:
    return hashlib.sha256(settings.model_dump_json().encode()).hexdigest()[:16]


def _ray_is_connected() -> bool:
    ray = sys.modules.get("ray")
    return ray is not None and bool(ray.is_initialized())


def _line(error: Exception | None) -> str:
    return " ".join(str(error).split())[:300]
