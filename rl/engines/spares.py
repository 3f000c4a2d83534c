"""Processes that have imported what an engine needs, for the next engine that is lost.

Of the processor time in which an engine starts, most goes into importing vLLM. On each node with
engines one process more has done so by the time an engine is lost, and becomes the new one.

Guarantees: the first engines do not wait for it, as it begins `rollout.spare_after` seconds after
they have; it imports at a lower priority than training has; where it dies, that is told, and
another is begun.
"""

import asyncio
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import ray
from ray.exceptions import RayError

LOOK_SECONDS: Final = 2.0
"""Between two looks at whether a prepared process lives."""


@dataclass(eq=False)
class _Spare:
    node: Hashable
    actor: Any
    taken: asyncio.Event = field(default_factory=asyncio.Event)


class Spares:
    """Makes the actors of engines, out of prepared processes where there are any.

    Args:
        make: makes an actor from nothing, by the engine's index.
        node: where an engine has its place now.
        say: told what a user should know.
        kill: ends an actor.
    """

    def __init__(
        self,
        make: Callable[[int], Any],
        node: Callable[[int], Hashable],
        *,
        say: Callable[[str], None],
        kill: Callable[[Any], None] = ray.kill,
    ) -> None:
        self._make = make
        self._node = node
        self._say = say
        self._kill = kill
        self._prepared: list[_Spare] = []
        self._begun: list[Any] = []
        self._keeping: list[asyncio.Task[None]] = []

    def __call__(self, engine: int) -> Any:
        """The actor of an engine that is to be started."""
        node = self._node(engine)
        for spare in self._prepared:
            if spare.node == node:
                self._prepared.remove(spare)
                spare.taken.set()
                return spare.actor
        return self._make(engine)

    def begin(self, engines: Iterable[int], after: float) -> None:
        """Keep one process prepared on every node of these engines.

        Args:
            engines: by their index.
            after: seconds until it is begun, and until another is after it was taken or died.
        """
        nodes = {self._node(engine): engine for engine in engines}
        self._keeping = [
            asyncio.create_task(self._keep(engine, after), name=f"spare of engine {engine}")
            for engine in nodes.values()
        ]

    async def aclose(self) -> None:
        """End those that nobody took."""
        for task in self._keeping:
            task.cancel()
        await asyncio.gather(*self._keeping, return_exceptions=True)

    async def _keep(self, engine: int, after: float) -> None:
        while True:
            await asyncio.sleep(after)
            spare = _Spare(self._node(engine), self._make(engine))
            try:
                await spare.actor.prepare.remote()
                self._prepared.append(spare)
                while not spare.taken.is_set():
                    await spare.actor.whereabouts.remote()
                    await _wait(spare.taken, LOOK_SECONDS)
            except RayError:
                if not spare.taken.is_set():
                    self._say(
                        "the process that was ready to be the next rollout engine died; "
                        f"another is prepared in {after:g} s"
                    )
            finally:
                if not spare.taken.is_set():
                    self._kill(spare.actor)
                    self._prepared = [one for one in self._prepared if one is not spare]


async def _wait(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
