"""A box seen from outside: requests go in, answers come out, in any order.

Guarantees: every request ends: with its answer, or with `BoxLostError` once the box has died or has
said that it is broken, or is silent beyond all limits. A request whose caller gives up is cancelled
in the box too.
"""

import asyncio
import json
from collections.abc import Mapping
from itertools import count
from typing import Any, Protocol

from sandbox.walls import faults

READY_SECONDS = 30.0  # for a box to put up its walls and look at them
LINE_BYTES = 512 << 20  # of one answer


class BoxLostError(Exception):
    """The box died, or could not do what it was asked; nothing was measured."""


class Channel(Protocol):
    """How a box is reached.

    Attributes:
        name: The container's id, or the process id of bubblewrap.
    """

    name: str

    async def readline(self) -> bytes:
        """The next line; empty once the box has gone."""

    async def write(self, data: bytes) -> None:
        """Send data; raises OSError once the box has gone."""

    async def close(self) -> None:
        """End the box, and leave nothing of it behind."""

    def last_words(self) -> str:
        """What the box complained of, in one line."""


class Box:
    """A running box.

    Attributes:
        name: The container's id, or the process id of bubblewrap.
        facts: What it said of itself when it was ready.
        built: Keys of what is kept in it, as far as is known here.
        load: Slots that are taken; whoever takes one counts.
        compiler: Held by the one request that its Java compiler works on.
    """

    def __init__(self, channel: Channel, facts: Mapping[str, Any]) -> None:
        self.facts = facts
        self.name = channel.name
        self.built: set[str] = set()
        self.load = 0
        self.compiler = asyncio.Lock()
        self._channel = channel
        self._numbers = count()
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._cancelling: set[asyncio.Task[None]] = set()
        self._compiling: set[asyncio.Task[dict[str, Any]]] = set()
        self._lost = ""
        self._reader = asyncio.get_running_loop().create_task(self._read())

    @classmethod
    async def greet(cls, channel: Channel) -> "Box":
        """Wait until the box behind `channel` is ready.

        Raises:
            BoxLostError: It is not, or its walls are not proven; it has then been closed.
        """
        try:
            async with asyncio.timeout(READY_SECONDS):
                line = await channel.readline()
            facts = json.loads(line) if line else {"reason": channel.last_words()}
        except (TimeoutError, ValueError, OSError) as error:
            facts = {"reason": channel.last_words() or str(error) or "no answer"}
        except BaseException:
            await channel.close()
            raise
        if not facts.get("ready"):
            await channel.close()
            raise BoxLostError(facts.get("reason") or "it died without a word")
        if missing := faults(facts):
            await channel.close()
            raise BoxLostError(f"its walls do not hold: {'; '.join(missing)}")
        return cls(channel, facts)

    @property
    def slots(self) -> int:
        """How many requests it works on at a time."""
        return int(self.facts["slots"])

    @property
    def is_lost(self) -> bool:
        """Whether it has died."""
        return bool(self._lost)

    async def ask(self, request: Mapping[str, Any], patience: float) -> dict[str, Any]:
        """The answer to `request`.

        Args:
            request: What is to be done.
            patience: Seconds after which a box that does not answer counts as dead; far more than
                the request's own limits, which the box keeps itself.

        Raises:
            BoxLostError: The box died, or broke over this request.
        """
        if self._lost:
            raise BoxLostError(self._lost)
        number = next(self._numbers)
        future: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        try:
            async with asyncio.timeout(patience):
                await self._send({**request, "id": number})
                answer = await future
        except TimeoutError as error:
            self._lose(f"it gave no answer for {patience:g} s")
            self._reader.cancel()  # whoever tends it sees that it is lost
            raise BoxLostError(self._lost) from error
        except asyncio.CancelledError:
            if not self._lost:
                task = asyncio.get_running_loop().create_task(self._cancel(number))
                self._cancelling.add(task)
                task.add_done_callback(self._cancelling.discard)
            raise
        finally:
            self._waiting.pop(number, None)
        if "broken" in answer:
            raise BoxLostError(answer["broken"])
        return answer

    async def ask_compiler(self, request: Mapping[str, Any], patience: float) -> dict[str, Any]:
        """The answer to a request for the compiler, which the caller holds and loses by this.

        A caller who gives up does not end it: the compiler is free once it has answered.

        Raises:
            BoxLostError: As `ask` does.
        """
        task = asyncio.get_running_loop().create_task(self.ask(request, patience))
        self._compiling.add(task)
        task.add_done_callback(self._free_compiler)
        return await asyncio.shield(task)

    def _free_compiler(self, task: asyncio.Task[dict[str, Any]]) -> None:
        self._compiling.discard(task)
        self.compiler.release()
        if not task.cancelled():
            task.exception()  # whoever gave up does not ask for it

    async def lost(self) -> str:
        """Wait until the box is lost; gives the reason."""
        await asyncio.wait([self._reader])
        return self._lost

    async def close(self) -> None:
        """End the box."""
        self._lose("it was closed")
        self._reader.cancel()
        await asyncio.gather(self._reader, return_exceptions=True)
        await self._channel.close()

    async def _send(self, message: Mapping[str, Any]) -> None:
        try:
            await self._channel.write(json.dumps(message).encode() + b"\n")
        except OSError as error:
            self._lose(f"it cannot be reached: {error}")
            raise BoxLostError(self._lost) from error

    async def _cancel(self, number: int) -> None:
        try:
            await self._send({"op": "cancel", "target": number, "id": -1})
        except BoxLostError:
            return  # and with it the request

    async def _read(self) -> None:
        try:
            while line := await self._channel.readline():
                answer = json.loads(line)
                future = self._waiting.get(answer.pop("id"))
                if future is not None and not future.done():
                    future.set_result(answer)
            self._lose(self._channel.last_words() or "it died")
        except (OSError, ValueError, KeyError) as error:
            self._lose(f"it cannot be understood: {error}")

    def _lose(self, reason: str) -> None:
        self._lost = self._lost or reason
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(BoxLostError(self._lost))
