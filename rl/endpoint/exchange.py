"""Requests of one episode and their answers, each begun once and perhaps given twice.

A client that got no answer asks again. It says so (the header of OpenAI's clients), or it is known
by this: an equal request came before, and whoever sent that had gone before all of the answer was
written. An equal request of a client that had its answer, or still waits for it, wants another.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine
from itertools import count
from typing import Any

from rl.endpoint.answers import Turn


class Exchange:
    """One request; `turn` is its answer.

    Attributes:
        accepted: Set once it is going to be sampled, or has failed.
        is_lost: Whether the client had gone before it had all of the answer.
        number: Of the episode's turns; -1 until it is accepted.
        created: Unix time in seconds.
    """

    def __init__(self, created: int) -> None:
        self.accepted = asyncio.Event()
        self.is_lost = False
        self.number = -1
        self.created = created
        self._task: asyncio.Task[Turn] | None = None

    @property
    def task(self) -> "asyncio.Task[Turn]":
        """The sampling."""
        assert self._task is not None, "it was begun"
        return self._task

    @property
    def has_failed(self) -> bool:
        """Whether it has ended without a turn."""
        done = self.task.done()
        return done and (self.task.cancelled() or self.task.exception() is not None)

    def start(self, work: Coroutine[Any, Any, Turn]) -> None:
        """Begin."""
        self._task = asyncio.get_running_loop().create_task(work)
        self._task.add_done_callback(lambda task: self.accepted.set())
        self._task.add_done_callback(lambda task: task.cancelled() or task.exception())


class Exchanges:
    """All requests of an episode."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._by_key: dict[str, list[Exchange]] = {}
        self._numbers = count()
        self.open = 0
        """Requests that are not answered."""

    def number(self) -> int:
        """The next number of a turn."""
        return next(self._numbers)

    def sent_again(self, key: str, *, again: bool) -> Exchange | None:
        """The request that came before and is sent again; None: it is a new one.

        Args:
            key: Requests that ask for the same have the same.
            again: Whether the client says so.
        """
        known = [one for one in self._by_key.get(key, ()) if not one.has_failed]
        lost = [one for one in known if one.is_lost]
        if not lost and not (again and known):
            return None
        found = lost[0] if lost else known[-1]
        found.is_lost = False
        return found

    def begin(self, key: str, work: Callable[[Exchange], Coroutine[Any, Any, Turn]]) -> Exchange:
        """Begin a new one."""
        exchange = Exchange(int(self._clock()))
        exchange.start(work(exchange))
        self._by_key.setdefault(key, []).append(exchange)
        self.open += 1
        exchange.task.add_done_callback(lambda _: self._drop(key, exchange))
        return exchange

    def give_up(self) -> None:
        """End all that are being answered."""
        for same in self._by_key.values():
            for one in same:
                one.task.cancel()

    async def settle(self) -> None:
        """Wait until none is being answered."""
        tasks = [one.task for same in self._by_key.values() for one in same]
        await asyncio.gather(*tasks, return_exceptions=True)

    def _drop(self, key: str, exchange: Exchange) -> None:
        """Forget one that has failed: it is not given again, and its error holds what it was."""
        self.open -= 1
        if exchange.has_failed:
            self._by_key[key].remove(exchange)
            if not self._by_key[key]:
                del self._by_key[key]
