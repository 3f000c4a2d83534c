"""A connection to an MCP server: begun, asked and ended from any task, each within bounds.

The package `mcp` wants its connections to be entered and left by one task: it is a task of its own.
"""

import asyncio
import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Final

from rl.environments.mcp_http import http
from rl.environments.mcp_stdio import Fate, stdio
from rl.errors import InfrastructureError

TOOLS: Final = 512  # of a server, over all pages of its list
PAGES: Final = 64
CLOSING: Final = 15.0  # seconds for a connection to end
SETTLING: Final = 2_000  # looks, 10 ms apart, until it is known how a process ended
_AWAY: Final = frozenset({"Server returned an error response", "Session terminated"})
"""What the package says of an HTTP status that is none of a tool's."""
_LONG: Final = "SSE stream failed"
"""How it begins of an event that is longer than the bound."""

Declaration = Mapping[str, Any]


class ToolError(Exception):
    """A tool says that it failed; its own words."""


class EndedError(Exception):
    """The server has ended over what it was asked."""


@dataclass(frozen=True)
class Address:
    """Where a server is.

    Attributes:
        command: Starts it, if it is a subprocess.
        url: Of its endpoint, if it is spoken to over HTTP.
        environment: All that its process has in its environment, but for a folder of its own.
        headers: Of each request.
        most: Bytes of one message.
        seconds: For it to start and to list its tools.
    """

    command: Sequence[str] = ()
    url: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    most: int = 1 << 20
    seconds: float = 60.0


class Server:
    """One connection.

    Args:
        address: Where the server is.
    """

    def __init__(self, address: Address) -> None:
        self._address = address
        self._fate = Fate()
        self._client: Any = None
        self._task: asyncio.Task[None] | None = None
        self._stop = asyncio.Event()

    @property
    def is_over(self) -> bool:
        """Whether nothing can be asked any more."""
        return bool(self._fate.fault)

    async def start(self) -> list[Declaration]:
        """Connect, and list its tools.

        Raises:
            InfrastructureError: It does not answer as an MCP server does, or not in time.
        """
        begun: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._hold(begun))
        try:
            async with asyncio.timeout(self._address.seconds):
                self._client = await begun
                return await self._listed()
        except TimeoutError as error:
            raise InfrastructureError(
                f"{self._name} did not answer in {self._address.seconds:g} s"
            ) from error
        except Exception as error:
            raise InfrastructureError(
                f"{self._name} does not answer: {self._why(error)}"
            ) from error

    async def call(self, name: str, arguments: Mapping[str, Any]) -> Any:
        """What a tool gave: a result of the package `mcp`.

        Raises:
            ToolError: The server answered that it failed.
            EndedError: It ended over the call, or over one before.
            InfrastructureError: It was killed, or cannot be reached.
        """
        from httpx2 import TransportError
        from mcp.shared.exceptions import MCPError
        from mcp_types import CONNECTION_CLOSED

        if self._fate.fault:
            raise self._ended()
        try:
            return await self._client.call_tool(name, dict(arguments))
        except MCPError as error:
            if self._address.url:
                raised = _over_http(error, self._name)
                if isinstance(raised, InfrastructureError):
                    self._lost_session()
                raise raised from error
            if error.code != CONNECTION_CLOSED:
                raise ToolError(error.message) from error
            await self._settled()
            raise self._ended() from error
        except TransportError as error:
            raised = InfrastructureError(f"{self._name}: {self._why(error)}")
            self._lost_session()
            raise raised from error
        except Exception as error:
            raise ToolError(f"its answer is none: {type(error).__name__}") from error

    async def aclose(self) -> None:
        """End it; nothing where it was not begun."""
        if self._task is None:
            return
        self._stop.set()
        is_held = self._client is not None
        done, _ = await asyncio.wait([self._task], timeout=CLOSING if is_held else 0)
        if not done:
            self._task.cancel()
            await asyncio.wait([self._task], timeout=CLOSING)
        self._task = None

    async def _hold(self, begun: asyncio.Future[Any]) -> None:
        """Be connected until `aclose`."""
        from mcp.client.client import Client

        folder = await asyncio.to_thread(tempfile.mkdtemp, prefix="plumb-mcp-")
        try:
            async with Client(self._transport(folder), cache=None) as client:
                begun.set_result(client)
                await self._stop.wait()
        except Exception as error:
            self._fate.fault = self._fate.fault or f"the connection broke: {_first(error)}"
            if not begun.done():
                begun.set_exception(_first(error))
        finally:
            if not begun.done():
                begun.cancel()
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    def _transport(self, folder: str) -> AbstractAsyncContextManager[Any]:
        address = self._address
        if address.url:
            return http(address.url, address.headers, address.most)
        own = {"HOME": folder, "TMPDIR": folder}
        environment = {**own, **address.environment}
        return stdio(address.command, environment, folder, address.most, self._fate)

    async def _listed(self) -> list[Declaration]:
        found: list[Declaration] = []
        cursor = None
        for _ in range(PAGES):
            page = await self._client.list_tools(cursor=cursor)
            found += [declaration(tool) for tool in page.tools]
            cursor = page.next_cursor
            if len(found) > TOOLS:
                raise InfrastructureError(f"it has more than {TOOLS} tools")
            if cursor is None:
                return found
        raise InfrastructureError(f"its list of tools has more than {PAGES} pages")

    async def _settled(self) -> None:
        """Wait a moment until it is known why the connection is closed."""
        for _ in range(SETTLING):
            if self._fate.fault:
                return
            await asyncio.sleep(0.01)
        self._fate.fault = "the connection was closed"

    def _lost_session(self) -> None:
        """Over HTTP: a server that was away may know no session of before, so another is begun."""
        if self._address.url:
            self._fate.fault = self._fate.fault or "its session has ended"

    def _ended(self) -> Exception:
        if self._fate.is_ours or self._address.url:
            return InfrastructureError(f"{self._name}: {self._fate.line}")
        return EndedError(f"the server of this tool has ended: {self._fate.fault}")

    def _why(self, error: Exception) -> str:
        if self._fate.fault:
            return self._fate.line
        text = " ".join(str(error).split())
        return f"{type(error).__name__}: {text}" if text else type(error).__name__

    @property
    def _name(self) -> str:
        address = self._address
        return f"the MCP server {address.url or ' '.join(address.command)!r:.200}"


def _over_http(error: Any, name: str) -> Exception:
    """An error that came over HTTP: the tool's own, or the server's that cannot be reached."""
    from mcp_types import CONNECTION_CLOSED

    is_closed = error.code == CONNECTION_CLOSED and not error.message.startswith(_LONG)
    if is_closed or error.message in _AWAY:
        return InfrastructureError(f"{name}: {' '.join(error.message.split())}")
    return ToolError(error.message)


def declaration(tool: Any) -> Declaration:
    """A tool of an MCP server as chat templates show it."""
    function = {
        "name": tool.name,
        "description": tool.description or "",
        "parameters": tool.input_schema,
    }
    return {"type": "function", "function": function}


def differences(before: Sequence[Declaration], now: Sequence[Declaration]) -> list[str]:
    """What has changed in a server's tools, a line each."""
    old = {one["function"]["name"]: _canonical(one) for one in before}
    new = {one["function"]["name"]: _canonical(one) for one in now}
    gone = [f"the tool {name!r} is gone" for name in old if name not in new]
    added = [f"the tool {name!r} is new" for name in new if name not in old]
    other = [
        f"the tool {name!r} is declared otherwise"
        for name in old
        if new.get(name, old[name]) != old[name]
    ]
    return gone + added + other


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)


def _first(error: BaseException) -> BaseException:
    """The error within groups of such."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
