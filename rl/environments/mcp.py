"""The tools of any MCP server, over standard input and output or over streamable HTTP.

Guarantees: each episode has a connection of its own, and a subprocess of its own, unless the server
is declared stateless. Its tools are those that it listed when the run began: one that lists others
later is refused by name. A server that is killed or cannot be reached is a failure of
infrastructure; one that ends, floods or hangs over a call is an observation of that call. A server
runs on this machine and outside of the sandbox: name one that you would run yourself.
"""

import asyncio
import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final

from rl.environments.mcp_server import (
    Address,
    Declaration,
    EndedError,
    Server,
    ToolError,
    differences,
)
from rl.episodes.given import named, refuse_unreadable
from rl.errors import ConfigError, InfrastructureError

_MARKS: Final = re.compile(
    r"<[|\uff5c]|[|\uff5c]>|</?s>|\[/?INST\]|\[/?[A-Z]+_[A-Z_]+\]"
    r"|<(?:start|end)_of_(?:turn|role)>|</?(?:tool_call|tool_response|tools|think)>"
)
"""What opens or ends turns and calls in the chat templates that there are."""
LONGEST: Final = 240.0
"""Seconds for a server to start at most: an episode waits no longer for what it begins with."""
PASSED: Final = ("PATH", "LANG", "LC_ALL", "TZ")
"""What a server's process has of our environment: nothing that is secret or says who we are."""


class Mcp:
    """The tools of a server.

    Args:
        command: Starts the server, a list; or give `url`. Files in it are found from here.
        url: Of a server's endpoint, such as http://host:8000/mcp.
        environment: Variables for the server's process.
        pass_environment: Names of variables of ours that it has too, such as keys.
        headers: Of each HTTP request: the name of the variable that holds each, such as
            `{Authorization: SEARCH_AUTHORIZATION}`.
        only: Names of tools that are offered; none: all.
        stateless: Whether one connection may serve all episodes.
        start_seconds: For a server to start and to list its tools.
        message_kb: One message of a server may take.
    """

    declared: ClassVar[tuple[Declaration, ...]] = ()
    _pinned: ClassVar[tuple[Declaration, ...]] = ()
    _shared: ClassVar["Shared | None"] = None

    def __init__(self, only: Sequence[str] = (), stateless: bool = False, **server: Any) -> None:
        self._address = address_of(**server)
        self._stateless = stateless
        self._server: Server | None = None
        self._calls_ended = 0

    @classmethod
    async def start(cls, only: Sequence[str] = (), stateless: bool = False, **server: Any) -> None:
        """Ask the server for its tools, which stay those of the run.

        Raises:
            ConfigError: It cannot be had, or lacks a tool of `only`.
        """
        address = address_of(**server)
        asked = Server(address)
        try:
            found = await asked.start()
        except InfrastructureError as error:
            raise ConfigError(f"env: {error}") from error
        finally:
            await asked.aclose()
        names = [one["function"]["name"] for one in found]
        if missing := [name for name in only if name not in names]:
            raise ConfigError(
                f"env: the MCP server has no tool {missing[0]!r}; it has {', '.join(names)}"
            )
        cls._pinned = tuple(found)
        cls.declared = tuple(one for one in found if not only or one["function"]["name"] in only)
        if not cls.declared:
            raise ConfigError("env: the MCP server has no tools")
        for one in cls.declared:
            refuse_marks(one)
        cls._shared = Shared(address, cls._pinned) if stateless else None

    @classmethod
    async def aclose(cls) -> None:
        """End what is shared."""
        shared, cls._shared = cls._shared, None
        cls.declared = cls._pinned = ()
        if shared is not None:
            await shared.aclose()

    async def reset(self, prompt: Any) -> None:
        """Connect, where the episode has a connection of its own."""
        if not self._stateless:
            self._server = Server(self._address)
            await begin(self._server, self._pinned)

    async def call_tool(self, name: str, arguments: Mapping[str, Any]) -> str:
        """What a tool gave, as text."""
        try:
            if self._server is not None:
                return read(name, await self._server.call(name, arguments))
            assert self._shared is not None, "`start` makes it"
            return read(name, await self._shared.call(name, arguments))
        except EndedError:
            self._calls_ended += 1
            raise

    def metrics(self) -> dict[str, float]:
        """Calls over which, or after which, the server had ended."""
        return {"calls_server_ended": self._calls_ended}

    async def close(self) -> None:
        """End the episode's own connection."""
        server, self._server = self._server, None
        if server is not None:
            await server.aclose()


class Shared:
    """A stateless server, begun again where it ended."""

    def __init__(self, address: Address, pinned: Sequence[Declaration]) -> None:
        self._address = address
        self._pinned = pinned
        self._server: Server | None = None
        self._lock = asyncio.Lock()

    async def call(self, name: str, arguments: Mapping[str, Any]) -> Any:
        """As `Server.call`; what ended it may have been another's call, so it is asked twice."""
        server = await self._living()
        try:
            return await server.call(name, arguments)
        except EndedError:
            server = await self._living()
            return await server.call(name, arguments)

    async def aclose(self) -> None:
        """End it."""
        if self._server is not None:
            await self._server.aclose()

    async def _living(self) -> Server:
        async with self._lock:
            if self._server is not None and self._server.is_over:
                await self._server.aclose()
                self._server = None
            if self._server is None:
                server = Server(self._address)
                try:
                    await begin(server, self._pinned)
                except BaseException:
                    await server.aclose()
                    raise
                self._server = server
            return self._server


async def begin(server: Server, pinned: Sequence[Declaration]) -> None:
    """Start a server, and see that its tools are those of the run.

    Raises:
        InfrastructureError: It does not answer.
        ConfigError: They are others; says which.
    """
    if changed := differences(pinned, await server.start()):
        raise ConfigError(
            f"env: the MCP server has changed its tools since the run began: {changed[0]}; run a "
            "server whose tools stay as they are"
        )


def refuse_marks(tool: Declaration) -> None:
    """Refuse a tool whose declaration would be read as turns, where a chat template shows it.

    Raises:
        ConfigError: It has marks of a chat template; names the tool.
    """
    if _MARKS.search(json.dumps(tool, ensure_ascii=False)):
        raise ConfigError(
            f"env: the MCP server declares the tool {tool['function']['name']!r:.100} with marks "
            "of a chat template in it: leave it out by `only`, or mend the server"
        )


def read(name: str, result: Any) -> str:
    """The text of a result.

    Raises:
        ToolError: It says that it failed.
        UnreadableError: A part of it is no text.
    """
    texts = []
    for given in result.content:
        part = getattr(given, "resource", given)  # which may be a text as well
        if not isinstance(getattr(part, "text", None), str):
            refuse_unreadable(named(given.type, getattr(part, "mime_type", None) or ""))
        texts.append(part.text)
    if not texts and result.structured_content is not None:
        texts = [json.dumps(result.structured_content, ensure_ascii=False)]
    text = "\n".join(texts)
    if result.is_error:
        raise ToolError(text or "it failed")
    return text


def address_of(
    command: Sequence[str] = (),
    url: str = "",
    environment: Mapping[str, str] | None = None,
    pass_environment: Sequence[str] = (),
    headers: Mapping[str, str] | None = None,
    start_seconds: float = 60.0,
    message_kb: int = 1024,
) -> Address:
    """Where the server is, and what it is told; arguments as of `Mcp`.

    Raises:
        ConfigError: The options name none, or variables that are not set.
    """
    if isinstance(command, str) or bool(command) == bool(url):
        raise ConfigError("give either command, a list such as [python, server.py], or url")
    if url and not url.startswith(("http://", "https://")):
        raise ConfigError(f"the url {url!r:.100} does not begin with http:// or https://")
    if url and (environment or pass_environment):
        raise ConfigError("environment and pass_environment are for a server that command starts")
    if not 0 < start_seconds <= LONGEST or message_kb < 1:
        raise ConfigError(
            f"start_seconds has to be above 0 and at most {LONGEST:g}, and message_kb above 0"
        )
    passed = {name: os.environ[name] for name in PASSED if name in os.environ}
    named = {name: _set(name) for name in pass_environment}
    sent = {name: _set(variable) for name, variable in (headers or {}).items()}
    own = {str(name): str(value) for name, value in (environment or {}).items()}
    words = tuple(_found(str(one), place) for place, one in enumerate(command))
    variables = {**passed, **named, **own}
    return Address(words, url, variables, sent, message_kb << 10, start_seconds)


def _found(word: str, place: int) -> str:
    """A word of a command; a file that is here by its whole path, as the server runs elsewhere."""
    is_path = "/" in word if place == 0 else len(word) < 1000 and Path(word).is_file()
    return str(Path(word).absolute()) if is_path else word


def _set(name: str) -> str:
    value = os.environ.get(name, "")
    if not value:
        raise ConfigError(f"the environment variable {name} is not set: set it")
    return value
