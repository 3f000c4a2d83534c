"""When a request has a place on an engine that decodes so many sequences at once.

Guarantee: a request counts as started when fewer sequences are ahead of it than the engine decodes
at once, those of requests that are half done included: never before the engine has begun with it,
as long as the engine's KV cache has room for that many. What waits for memory counts as started.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


class Turns:
    """The requests of one engine, which takes them in the order in which they come.

    Args:
        places: Sequences that the engine decodes at once.
    """

    def __init__(self, places: int) -> None:
        self._places = places
        self._requests: dict[asyncio.Event, int] = {}

    @contextmanager
    def taken(self, sequences: int) -> Iterator[asyncio.Event]:
        """While a request of so many sequences is with the engine; the event: it has started."""
        started = asyncio.Event()
        self._requests[started] = sequences
        self._start()
        try:
            yield started
        finally:
            del self._requests[started]
            self._start()

    def _start(self) -> None:
        ahead = 0
        for started, sequences in self._requests.items():
            if ahead >= self._places:
                return
            started.set()
            ahead += sequences
