"""Asking one of several endpoints, through outages.

Guarantees: an outage shorter than `patience` costs nobody an answer: requests wait, and are sent
again with growing pauses. One that lasts longer fails every request at once, in one line with the
endpoint and its last error, while a probe now and then looks whether it is back. A request that
alone keeps failing is given up after `patience` too. No more than `concurrency` requests are open.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type

from rewards.errors import InfrastructureError, PoolError
from rewards.judge.endpoint import Endpoint
from rewards.judge.errors import RefusedError
from rewards.judge.replies import Reply, Request, TransientError
from rewards.judge.settings import EndpointSettings

FIRST_PAUSE: Final = 0.25  # seconds; then doubled
LONGEST_PAUSE: Final = 5.0
LONGEST_REST: Final = 15.0  # for one of several endpoints that keeps failing
PROBE_SECONDS: Final = 3.0  # between two looks at an endpoint that was given up
START_SECONDS: Final = 10.0  # at most, for an endpoint to answer when a run starts

T = TypeVar("T")
Revive = Callable[[Endpoint], Awaitable[Endpoint]]


class EndpointClient:
    """Sends requests to the endpoints that answer.

    Args:
        settings: Limits.
        endpoints: One or more.
        revive: Asked after a failure what has become of an endpoint that Plumb started itself;
            gives the one to ask from now on, or raises `InfrastructureError` if there is none.
    """

    def __init__(
        self, settings: EndpointSettings, endpoints: list[Endpoint], revive: Revive | None = None
    ) -> None:
        self._settings = settings
        self._endpoints = endpoints
        self._revive = revive
        self._gate = asyncio.Semaphore(settings.concurrency)
        self._reviving = asyncio.Lock()
        self._next_turn = 0.0
        self._down_since: float | None = None
        self._next_probe = 0.0
        self._last_error = ""

    @property
    def identity(self) -> str:
        """What the endpoints serve, as far as they have said."""
        return " ".join(sorted({one.identity for one in self._endpoints if one.identity}))

    @property
    def adapted(self) -> tuple[str, ...]:
        """How endpoints are asked otherwise than they were at first, a line each."""
        return tuple(f"{one.name}: {how}" for one in self._endpoints for how in one.adapted)

    async def start(self) -> None:
        """See that an endpoint answers, and none refuses.

        Raises:
            PoolError: That is not so; names the endpoint and the error.
        """
        until = time.monotonic() + min(self._settings.patience, START_SECONDS)
        while True:
            found = await asyncio.gather(
                *(one.identify() for one in self._endpoints), return_exceptions=True
            )
            for one in found:
                if isinstance(one, BaseException) and not isinstance(one, TransientError):
                    raise PoolError(f"{self._settings.called} cannot be used: {one}") from one
            failures = [one for one in found if isinstance(one, TransientError)]
            if len(failures) < len(found):
                return
            if time.monotonic() >= until:
                raise PoolError(
                    f"{self._settings.called} does not answer: {failures[0]}; see that it runs"
                )
            await asyncio.sleep(1.0)

    async def aclose(self) -> None:
        """Close all connections."""
        await asyncio.gather(*(one.aclose() for one in self._endpoints))

    async def ask(self, request: Request) -> Reply:
        """The reply of an endpoint; raises as `call` does."""
        return await self.call(lambda endpoint: endpoint.complete(request))

    async def call(self, do: Callable[[Endpoint], Awaitable[T]]) -> T:
        """What an endpoint gives for a call of its methods.

        Raises:
            InfrastructureError: There is nothing, however long one waits.
            RefusedError: The endpoint will not answer this.
        """
        patience = _Patience(self)
        retrying = AsyncRetrying(
            retry=retry_if_exception_type(TransientError),
            stop=patience.is_over,
            wait=patience.pause,
            reraise=True,
        )
        try:
            return await retrying(self._once, do)
        except TransientError as error:
            raise InfrastructureError(f"{self._settings.called} at {error}") from error

    def left_of_outage(self) -> float | None:
        """Seconds for which the present outage is still waited out; None: there is none."""
        if self._down_since is None:
            return None
        return self._settings.patience - (time.monotonic() - self._down_since)

    def rest(self) -> float:
        """Seconds until an endpoint may be asked again."""
        soonest = min(one.rests_until for one in self._endpoints)
        return max(0.0, soonest - time.monotonic())

    async def _once(self, do: Callable[[Endpoint], Awaitable[T]]) -> T:
        async with self._gate:
            self._refuse_while_given_up()
            await self._turn()
            endpoint = self._choose()
            try:
                reply = await do(endpoint)
            except TransientError as error:
                self._failed(endpoint, error)
                await self._look_after(endpoint, error)
                raise
            except RefusedError:
                self._answered(endpoint)
                raise
            self._answered(endpoint)
            return reply

    def _refuse_while_given_up(self) -> None:
        left = self.left_of_outage()
        if left is None or left > 0 or self._down_since is None:
            return
        now = time.monotonic()
        if now >= self._next_probe:
            self._next_probe = now + PROBE_SECONDS
            return
        raise TransientError(f"{self._last_error} (down for {now - self._down_since:.0f} s)")

    def _choose(self) -> Endpoint:
        now = time.monotonic()
        return min(self._endpoints, key=lambda one: (max(0.0, one.rests_until - now), one.open))

    def _answered(self, endpoint: Endpoint) -> None:
        endpoint.rests_until = 0.0
        endpoint.failures = 0
        self._down_since = None

    def _failed(self, endpoint: Endpoint, error: TransientError) -> None:
        now = time.monotonic()
        self._last_error = str(error)
        rest = min(LONGEST_REST, FIRST_PAUSE * 2.0 ** min(endpoint.failures, 10))
        endpoint.failures += 1
        endpoint.rests_until = now + max(error.retry_after, rest)
        all_rest = all(one.rests_until > now for one in self._endpoints)
        if all_rest and not error.is_busy and self._down_since is None:
            self._down_since = now
            self._next_probe = now + self._settings.patience + PROBE_SECONDS

    async def _look_after(self, endpoint: Endpoint, error: TransientError) -> None:
        if self._revive is None or error.is_busy:
            return
        async with self._reviving:
            if endpoint not in self._endpoints:
                return  # replaced for another request already
            revived = await self._revive(endpoint)
            if revived is not endpoint:
                self._endpoints[self._endpoints.index(endpoint)] = revived
                await endpoint.aclose()

    async def _turn(self) -> None:
        """Wait for this request's turn under `requests_per_minute`."""
        if self._settings.requests_per_minute is None:
            return
        now = time.monotonic()
        at = max(now, self._next_turn)
        self._next_turn = at + 60 / self._settings.requests_per_minute
        await asyncio.sleep(at - now)

    @property
    def patience(self) -> float:
        """Seconds for which a failure is waited out."""
        return self._settings.patience


class _Patience:
    """How long one request is tried, and the pauses between."""

    def __init__(self, client: EndpointClient) -> None:
        self._client = client
        self._first_failure: float | None = None

    def is_over(self, state: RetryCallState) -> bool:
        """Whether to give up, after a failure."""
        if self._first_failure is None:
            self._first_failure = time.monotonic()
        return self._left() <= 0 or self._asked(state) > self._left()

    def pause(self, state: RetryCallState) -> float:
        """Seconds until the next try; none where another endpoint can be asked at once."""
        rest = self._client.rest()
        if rest <= 0:
            return 0.0
        grown = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** (state.attempt_number - 1))
        wanted = max(self._asked(state), grown * random.uniform(0.5, 1.0))
        return max(0.0, min(wanted, self._left()))

    def _asked(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome is not None else None
        retry_after = error.retry_after if isinstance(error, TransientError) else 0.0
        return min(retry_after, self._client.rest())

    def _left(self) -> float:
        began = self._first_failure or time.monotonic()
        own = self._client.patience - (time.monotonic() - began)
        outage = self._client.left_of_outage()
        return own if outage is None else min(own, outage)
