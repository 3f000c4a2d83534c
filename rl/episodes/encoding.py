"""Encoding beside the loop: long texts, and those of many episodes together.

What an episode does between a tool's answer and the policy's next turn is short, and most of what
it costs is coming to it: code and tables that something else has driven out of the processor's
caches meanwhile. So where many episodes are open, their texts are written and encoded together, and
they ask for their turns in one turn of the event loop, which an engine takes in one call.

Guarantees: one piece of work at a time on the thread, in the order in which they come; encoding
itself lets go of the interpreter's lock. Nothing waits where few are open, and an error is that of
the episode whose text cannot be written or encoded, such as one with half of a surrogate pair.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import Final, TypeVar

from rl.tokens import Ids

T = TypeVar("T")
AT_ONCE: Final = 16_384
"""Characters that are encoded where they are, in a few milliseconds."""
MANY: Final = 64
"""Open episodes from which on they wait for each other."""
SECONDS: Final = 0.02
"""That they wait: as long as an engine does for further turns that end, before it tells of any."""

Write = Callable[[], str | None]
Waiting = list[tuple[Write, "asyncio.Future[Ids | None]"]]


async def apart(work: Callable[[], T]) -> T:
    """What some work gives that is done beside the loop."""
    return await asyncio.get_running_loop().run_in_executor(_thread(), work)


async def at_once(work: Callable[[], T]) -> T:
    """What some work gives that is done here."""
    return work()


class Together:
    """Encodes what episodes go on with.

    Args:
        encode: the ids of each of some texts.
        many: open episodes below which nothing waits.
    """

    def __init__(self, encode: Callable[[Sequence[str]], list[Ids]], many: int = MANY) -> None:
        self._encode = encode
        self._many = many
        self._open = 0
        self._waiting: Waiting = []
        self._loop: asyncio.AbstractEventLoop | None = None

    @contextmanager
    def episode(self) -> Iterator[None]:
        """While this lasts, one more is open."""
        self._open += 1
        try:
            yield
        finally:
            self._open -= 1

    async def __call__(self, write: Write) -> Ids | None:
        """The ids of what `write` gives; None: it gives no text."""
        if self._open < self._many:
            text = write()
            return None if text is None else self._encode([text])[0]
        loop = asyncio.get_running_loop()
        if not self._waiting or self._loop is not loop:
            self._loop, self._waiting = loop, []
            loop.call_later(SECONDS, self._begin, self._waiting)
        done: asyncio.Future[Ids | None] = loop.create_future()
        self._waiting.append((write, done))
        return await done

    def _begin(self, waiting: Waiting) -> None:
        self._waiting = []
        texts: list[str] = []
        dones: list[asyncio.Future[Ids | None]] = []
        for write, done in waiting:
            if done.done():  # its episode was given up
                continue
            try:
                text = write()
            except Exception as error:
                done.set_exception(error)
                continue
            if text is None:
                done.set_result(None)
            else:
                texts.append(text)
                dones.append(done)
        if not texts:
            return
        work = asyncio.get_running_loop().run_in_executor(_thread(), self._each, texts)
        work.add_done_callback(lambda work: _tell(work, dones))

    def _each(self, texts: Sequence[str]) -> list[Ids | Exception]:
        """The ids of each text, or why it has none: a tokenizer refuses all for the sake of one."""
        try:
            return [*self._encode(texts)]
        except Exception as error:
            if len(texts) == 1:
                return [error]
            return [one for text in texts for one in self._each([text])]


def _tell(
    work: "asyncio.Future[list[Ids | Exception]]", dones: Sequence["asyncio.Future[Ids | None]"]
) -> None:
    """Give each its own; all are cancelled where the work was."""
    found = [None] * len(dones) if work.cancelled() else work.result()
    for one, done in zip(found, dones, strict=True):
        if done.done():  # its episode was given up meanwhile
            continue
        if one is None:
            done.cancel()
        elif isinstance(one, Exception):
            done.set_exception(one)
        else:
            done.set_result(one)


@cache
def _thread() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, "encoding")
