"""An MCP server as a subprocess, spoken to in lines over its standard input and output.

Guarantees: the server has the environment that it is given, and nothing of ours; a line that is
longer than the bound, or more output between two requests than the bound of a flood, ends it; its
process group is killed at the end, whatever it did; nothing here waits without a bound.
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from mcp.client._transport import TransportStreams

GRACE: Final = 2.0  # seconds to end by itself once its input is closed
EXIT: Final = 10.0  # seconds to end by itself once it has closed its output
FLOOD: Final = 8  # lines of the longest kind between two requests
TAIL: Final = 2_000  # bytes kept of what it says on standard error
KILLED: Final = frozenset({signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP})
"""Signals that come from outside, and not from what the server was asked."""


@dataclass
class Fate:
    """What became of a server.

    Attributes:
        fault: Why it is of no use any more; empty: it is.
        is_ours: Whether that is an affair of the machine (it was killed), not of what was asked.
        said: The end of its standard error.
    """

    fault: str = ""
    is_ours: bool = False
    said: bytearray = field(default_factory=bytearray)

    @property
    def line(self) -> str:
        """The fault with the last that it said, in one line."""
        last = self.said.decode("utf-8", "replace").strip().splitlines()[-1:]
        return ": ".join([self.fault, *last])


@asynccontextmanager
async def stdio(
    command: Sequence[str], environment: Mapping[str, str], folder: str, most: int, fate: Fate
) -> "AsyncIterator[TransportStreams]":
    """Start a server; what the `mcp` package reads from and writes to.

    Args:
        command: Of the server.
        environment: All of it.
        folder: Where it runs.
        most: Bytes of a line.
        fate: Told what becomes of it.

    Raises:
        OSError: It cannot be started.
    """
    import anyio
    from mcp.shared.message import SessionMessage

    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=dict(environment),
        cwd=folder,
        start_new_session=True,
        limit=most,
    )
    into, received = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    sending, out = anyio.create_memory_object_stream[SessionMessage](0)
    wires = _Wires(process, most, fate)
    tasks = [
        asyncio.create_task(work)
        for work in (wires.read(into), wires.write(out), wires.read_errors())
    ]
    try:
        yield received, sending
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for stream in (into, received, sending, out):
            stream.close()
        await asyncio.shield(_ended(process))


class _Wires:
    """The pipes of a server."""

    def __init__(self, process: asyncio.subprocess.Process, most: int, fate: Fate) -> None:
        self._process = process
        self._most = most
        self._fate = fate
        self._since = 0  # bytes since something was asked

    async def read(self, into: Any) -> None:
        """Pass on what it says, until it ends or says too much."""
        from mcp.shared.message import SessionMessage
        from mcp_types import jsonrpc_message_adapter

        assert self._process.stdout is not None
        async with into:
            while True:
                try:
                    line = await self._process.stdout.readline()
                except ValueError:
                    self._too_much(f"it wrote a line of more than {self._most >> 10} KiB")
                    return
                if not line:
                    await self._note_end()
                    return
                self._since += len(line)
                if self._since > FLOOD * self._most:
                    self._too_much(f"it wrote {self._since >> 10} KiB that nobody asked for")
                    return
                try:
                    message = jsonrpc_message_adapter.validate_json(line, by_name=False)
                except (ValueError, RecursionError):
                    continue  # some servers log on their standard output
                await into.send(SessionMessage(message))

    async def write(self, out: Any) -> None:
        """Send what it is asked."""
        stdin = self._process.stdin
        assert stdin is not None
        # Closed with its end, so that nobody waits to send what nobody takes.
        with suppress(OSError), out:  # it has ended, which `read` finds out
            async for one in out:
                self._since = 0
                text = one.message.model_dump_json(by_alias=True, exclude_unset=True)
                stdin.write(f"{text}\n".encode())
                await stdin.drain()

    async def read_errors(self) -> None:
        """Keep the end of its standard error, so that it never waits for a reader."""
        assert self._process.stderr is not None
        said = self._fate.said
        while chunk := await self._process.stderr.read(1 << 16):
            said += chunk
            del said[:-TAIL]

    def _too_much(self, fault: str) -> None:
        self._fate.fault = f"{fault} and was ended"
        _kill(self._process)

    async def _note_end(self) -> None:
        code = await _code(self._process, EXIT)
        by = -code if code is not None and code < 0 else 0
        self._fate.is_ours = by in KILLED
        how = "closed its output" if code is None else f"ended with exit code {code}"
        self._fate.fault = f"it was killed by signal {by}" if by else f"it {how}"


async def _ended(process: asyncio.subprocess.Process) -> None:
    """Let a server end by itself for a moment, then kill its group."""
    assert process.stdin is not None
    with suppress(OSError):
        process.stdin.close()
    await _code(process, GRACE)
    _kill(process)
    await _code(process, GRACE)
    # A pipe that a survivor holds would be waited for without end.
    transport = getattr(process, "_transport", None)
    if transport is not None:
        with suppress(OSError):
            transport.close()


def _kill(process: asyncio.subprocess.Process) -> None:
    with suppress(OSError):  # of a group there is nobody left
        os.killpg(process.pid, signal.SIGKILL)


async def _code(process: asyncio.subprocess.Process, seconds: float) -> int | None:
    """The exit code, if it comes in time; `wait` would wait for the pipes too."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while process.returncode is None:  # noqa: ASYNC110 - there is no event of it alone
                await asyncio.sleep(0.01)
    return process.returncode
