"""One server of several, as a client sees it.

Guarantee: what was sent to a server that falls silent ends with `ServerLostError`, however the
server went: also when no connection was closed.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final

import httpx
from pydantic import ValidationError

from sandbox.faults import Fault, FaultBody
from sandbox.types import Health

CHECK_SECONDS: Final = 5.0  # for a health check
SILENT_CHECKS: Final = 3  # without an answer, until what was sent is given up
MOST_OUTSTANDING: Final = 256  # requests at one server


class ServerLostError(Exception):
    """The server did not answer; the request may be sent to another."""


class RefusedError(Exception):
    """The server answered with a fault."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


class Server:
    """A server.

    Attributes:
        load: Requests that are there.
        health: What it said last; None while it is left out.
        fault: Why it was left out.
    """

    def __init__(self, url: str, connect: Callable[[], httpx.AsyncClient]) -> None:
        self.url = url
        self.load = 0
        self.health: Health | None = None
        self.fault = "not asked yet"
        self._connect = connect
        # A client for each request under way: one that has hundreds searches them all each time.
        self._idle: list[httpx.AsyncClient] = []
        self._silent = 0
        self._rests_until = 0.0
        self._lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def is_free(self) -> bool:
        """Whether a request may be sent there now."""
        has_room = self.load < MOST_OUTSTANDING
        return self.health is not None and has_room and time.monotonic() >= self._rests_until

    def rest(self, seconds: float, fault: str) -> None:
        """Send nothing there for a while."""
        self._rests_until = time.monotonic() + seconds
        self.fault = fault

    def leave_out(self, fault: str) -> None:
        """Send nothing there until a health check succeeds."""
        self.health = None
        self.fault = fault

    async def check(self) -> None:
        """Ask for its health; never fails."""
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                response = await self._request("GET", "/v1/health")
                health = Health.model_validate_json(response.content)
        except ValidationError:
            self._silent = 0
            self.leave_out(f"no sandbox answers there (HTTP {response.status_code})")
        except (httpx.HTTPError, TimeoutError) as error:
            self._silent += 1
            self.leave_out(_line(error) if str(error) else f"no answer in {CHECK_SECONDS:g} s")
            if self._silent >= SILENT_CHECKS:
                self._lost.set_result(None)
                self._lost = asyncio.get_running_loop().create_future()
                self._silent = 0
        else:
            self._silent = 0
            if response.status_code == 200:
                self.health = health
            else:
                self.leave_out(health.fault or "it is down")

    async def ask(self, method: str, path: str, content: bytes | None = None) -> bytes:
        """The body of a good answer.

        Raises:
            RefusedError: The server says why not.
            ServerLostError: There was no answer that can be read.
        """
        self.load += 1
        lost = self._lost
        sending = asyncio.create_task(self._send(method, path, content))
        ends: set[asyncio.Future[Any]] = {sending, lost}
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            if not sending.done():
                raise ServerLostError(self.fault)
            return sending.result()
        except ServerLostError as error:
            self.leave_out(str(error))
            raise
        finally:
            self.load -= 1
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)

    async def move(self, url: str) -> None:
        """Go on at another address, where another process answers."""
        self.leave_out("not asked yet")
        self.url, self._silent, self._rests_until = url, 0, 0.0
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        clients, self._idle = self._idle, []
        await asyncio.gather(*(client.aclose() for client in clients))

    async def _request(self, method: str, path: str, **content: Any) -> httpx.Response:
        client = self._idle.pop() if self._idle else self._connect()
        try:
            return await client.request(method, f"{self.url}{path}", **content)
        finally:
            self._idle.append(client)

    async def _send(self, method: str, path: str, content: bytes | None) -> bytes:
        headers: dict[str, Any] = {"Content-Type": "application/json"} if content else {}
        try:
            response = await self._request(method, path, content=content, headers=headers)
        except httpx.HTTPError as error:
            raise ServerLostError(_line(error)) from error
        if response.status_code == 200:
            return response.content
        try:
            fault = FaultBody.model_validate_json(response.content).error
        except ValidationError as error:
            raise ServerLostError(f"HTTP {response.status_code} of no sandbox") from error
        raise RefusedError(fault)


def _line(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]
