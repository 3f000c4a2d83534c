"""A sandbox behind one HTTP service, or spread over several.

Guarantees: answers and errors are those of the sandbox in process. A server that fails is left out
until it is healthy again, and what it had is sent to another, since a run changes nothing outside
of its box. Everything ends: a server that is silent is left out, and a request that has a deadline
ends with a message that names the server once that and its time for waiting have passed.
"""

import asyncio
import json
import ssl
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import httpx
from pydantic import BaseModel, ValidationError

from sandbox.errors import DeadlineError, RequestError, UnavailableError
from sandbox.faults import error_of
from sandbox.judge import parse_tests
from sandbox.service.client_endpoint import RefusedError, Server, ServerLostError
from sandbox.service.models import JudgeRequest, LanguagesResponse, RunRequest
from sandbox.transport import DEFAULT_LIMITS, QUEUE_SECONDS, Transport
from sandbox.types import Health, Judgement, Limits, Program, RunResult, TestsLike

M = TypeVar("M", bound=BaseModel)

HEALTH_SECONDS: Final = 2.0  # between two health checks
ATTEMPTS: Final = 6  # servers that one request may lose
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 2.0  # seconds before it is sent again
NOTICE_SECONDS: Final = 0.05  # between two looks for a free server
PATIENCE: Final = 60.0  # seconds without any healthy server
START_PATIENCE: Final = 10.0
CONNECT_SECONDS: Final = 5.0
IDLE_SECONDS: Final = 30.0  # an idle connection is kept; shorter than the service keeps it
AGAIN: Final = frozenset({"busy", "shutting_down"})  # another server, or later, can do it
FAILED: Final = frozenset({"unavailable", "internal", "timeout"})  # the same, but it counts


class HttpSandbox(Transport):
    """A client of services that `plumb sandbox serve` runs.

    Args:
        urls: Such as http://10.0.0.7:8080; the least busy one is asked.
        token: Their bearer token.
        deadline: Seconds of work in the slots there, for a request that brings none; None: as its
            limits let it.
        queue_seconds: Seconds that a request with a deadline may wait, beside that.
        patience: Seconds without any healthy service, after which a request is given up.

    Attributes:
        servers: The services, once it is started.

    Raises:
        RequestError: An URL is none.
    """

    def __init__(
        self,
        urls: Sequence[str],
        *,
        token: str | None,
        deadline: float | None = None,
        queue_seconds: float = QUEUE_SECONDS,
        patience: float = PATIENCE,
    ) -> None:
        self._urls = [url.rstrip("/") for url in dict.fromkeys(urls)]
        wrong = [url for url in urls if not _is_address(url)]
        if wrong or not self._urls:
            named = ", ".join(map(repr, wrong)) or "nothing"
            raise RequestError(f"{named} is no URL of a sandbox; give http://HOST:PORT")
        self._token = token
        self._deadline = deadline
        self._queue_seconds = queue_seconds
        self._patience = patience
        self.servers: list[Server] = []
        self._watch: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._seen = asyncio.Event()

    async def start(self) -> None:
        if self.servers:
            raise RequestError("the sandbox is open already")
        self.servers = [Server(url, self._connector()) for url in self._urls]
        self._watch = asyncio.create_task(self._keep_watch())
        try:
            await self._first_answer()
        except BaseException:
            await self.aclose()
            raise

    async def aclose(self) -> None:
        watch, self._watch = self._watch, None
        if watch is not None:
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)
        servers, self.servers = self.servers, []
        await asyncio.gather(*(server.close() for server in servers))

    async def run(
        self,
        program: Program,
        *,
        stdin: str = "",
        limits: Limits = DEFAULT_LIMITS,
        deadline: float | None = None,
    ) -> RunResult:
        request = _checked(RunRequest, program=program, stdin=stdin, limits=limits)
        return await self._ask("POST", "/v1/run", RunResult, request, deadline)

    async def judge(
        self,
        program: Program,
        tests: TestsLike,
        *,
        limits: Limits = DEFAULT_LIMITS,
        stop_at_first_failure: bool = True,
        deadline: float | None = None,
    ) -> Judgement:
        request = _checked(
            JudgeRequest,
            program=program,
            tests=parse_tests(tests),
            limits=limits,
            stop_at_first_failure=stop_at_first_failure,
        )
        began = time.monotonic()
        judgement = await self._ask("POST", "/v1/judge", Judgement, request, deadline)
        return judgement.model_copy(update={"wall_seconds": round(time.monotonic() - began, 6)})

    async def languages(self) -> dict[str, str]:
        answer = await self._ask("GET", "/v1/languages", LanguagesResponse, None, None)
        return answer.languages

    async def health(self) -> Health:
        await asyncio.gather(*(server.check() for server in self.servers))
        known = [server.health for server in self.servers if server.health is not None]
        every = all(one.status == "ok" for one in known) and len(known) == len(self.servers)
        faults = [one.fault for one in known if one.fault]
        return Health(
            status="ok" if every and known else "degraded" if known else "down",
            backend=", ".join(sorted({one.backend for one in known})) or "http",
            boxes=sum(one.boxes for one in known),
            live=sum(one.live for one in known),
            slots=sum(one.slots for one in known),
            busy=sum(one.busy for one in known),
            waiting=sum(one.waiting for one in known),
            replaced=sum(one.replaced for one in known),
            fault="; ".join(filter(None, [self._faults(), *faults])),
        )

    def _connector(self) -> Callable[[], httpx.AsyncClient]:
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        context = ssl.create_default_context()
        return lambda: httpx.AsyncClient(
            headers=headers,
            timeout=httpx.Timeout(None, connect=CONNECT_SECONDS),
            limits=httpx.Limits(max_connections=1, keepalive_expiry=IDLE_SECONDS),
            verify=context,
            trust_env=False,  # nodes of a cluster are not behind its proxy
        )

    async def _ask(
        self, method: str, path: str, kind: type[M], request: BaseModel | None, asked: float | None
    ) -> M:
        if not self.servers:
            raise RequestError("the sandbox is not open: use `async with Sandbox.open(...)`")
        seconds = self._deadline if asked is None else asked
        call = _Call(method, path, request, seconds)
        most = None if seconds is None else seconds + self._queue_seconds
        try:
            async with asyncio.timeout(most):
                return kind.model_validate_json(await self._send(call))
        except TimeoutError as error:
            told = f"; the last error: {call.fault}" if call.fault else ""
            urls = call.url or self._faults() or ", ".join(self._urls)
            raise DeadlineError(
                f"no answer within the request's {seconds:g} s and {self._queue_seconds:g} s of "
                f"waiting ({urls}){told}"
            ) from error

    async def _send(self, call: "_Call") -> bytes:
        lost, pause = 0, FIRST_PAUSE
        while True:
            server = await self._free_server()
            call.url = server.url
            try:
                return await server.ask(call.method, call.path, call.content())
            except ServerLostError as error:
                call.fault = f"{server.url}: {error}"
                self._wake.set()
                lost += 1
            except RefusedError as error:
                call.fault = f"{server.url}: {error}"
                fault = error.fault
                if fault.kind not in AGAIN | FAILED:
                    raise error_of(fault) from error
                if fault.kind in AGAIN:
                    server.rest(fault.retry_after or 1.0, str(error))
                lost += fault.kind in FAILED
            if lost == ATTEMPTS:
                raise UnavailableError(f"{lost} attempts failed; the last: {call.fault}")
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _free_server(self) -> Server:
        """The least busy server that may be asked."""
        last_seen = time.monotonic()
        while not (free := [server for server in self.servers if server.is_free]):
            if not self.servers:
                raise RequestError("the sandbox was closed")
            if any(server.health is not None for server in self.servers):
                last_seen = time.monotonic()
            if time.monotonic() - last_seen > self._patience:
                raise UnavailableError(
                    f"no sandbox has answered for {self._patience:g} s: {self._faults()}"
                )
            await asyncio.sleep(NOTICE_SECONDS)
        return min(free, key=lambda server: server.load)

    async def move(self, server: Server, url: str) -> None:
        """Ask for what a server did at another address from now on."""
        await server.move(url)
        self._wake.set()

    async def _keep_watch(self) -> None:
        while True:
            await asyncio.gather(*(server.check() for server in self.servers))
            if any(server.health is not None for server in self.servers):
                self._seen.set()
            self._wake.clear()
            with suppress(TimeoutError):  # then it is time to look without a cause
                async with asyncio.timeout(HEALTH_SECONDS):
                    await self._wake.wait()
                await asyncio.sleep(FIRST_PAUSE)  # many requests are lost at the same time

    async def _first_answer(self) -> None:
        try:
            async with asyncio.timeout(START_PATIENCE):
                await self._seen.wait()
        except TimeoutError as error:
            raise UnavailableError(
                f"no sandbox answers: {self._faults()}; start one with `plumb sandbox serve`"
            ) from error
        await self.languages()  # tells a wrong token now and not at the first program

    def _faults(self) -> str:
        out = [server for server in self.servers if server.health is None]
        return "; ".join(f"{server.url}: {server.fault}" for server in out)


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


class _Call:
    """A request, and what has become of it so far."""

    def __init__(
        self, method: str, path: str, request: BaseModel | None, deadline: float | None
    ) -> None:
        self.method = method
        self.path = path
        self.url = ""
        self.fault = ""
        self._deadline = deadline
        self._request = request.model_dump() if request is not None else None

    def content(self) -> bytes | None:
        """The body."""
        if self._request is None:
            return None
        text = json.dumps({**self._request, "deadline": self._deadline}, ensure_ascii=False)
        try:
            return text.encode()
        except UnicodeEncodeError as error:
            raise RequestError(
                "the request holds half a surrogate pair, which is no text"
            ) from error


def _checked(kind: type[M], **fields: Any) -> M:
    try:
        return kind(**fields)
    except ValidationError as error:
        fault = error.errors()[0]
        place = ".".join(str(part) for part in fault["loc"])
        raise RequestError(f"{place}: {fault['msg']}") from error
