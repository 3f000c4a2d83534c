"""Processes that are prepared to be the next engine: who becomes one, and what is said of them."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import cast

import pytest

import rl.engines.handle
from rl.engines.fleet import Fleet
from rl.engines.spares import Spares
from tests.rl.scripted_engines import Remote, Scripted, ScriptedActor, settings
from tests.virtual_time import run

AFTER = 60.0


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rl.engines.handle, "POLL_SECONDS", 1.0)


class Place:
    """Engines on nodes, with spares."""

    def __init__(self, *nodes: str, restarts: int = 3) -> None:
        self.config = settings(engines=len(nodes), restarts=restarts)
        self.nodes = list(nodes)
        self.lines: list[str] = []
        self.made = Scripted(self.config)
        self.spares = Spares(
            self.made, self.nodes.__getitem__, say=self.lines.append, kill=Remote.kill
        )
        self.fleet = Fleet(self.config, make=self.spares, say=self.lines.append, kill=Remote.kill)

    @property
    def prepared(self) -> list[Remote]:
        return [one for one in self.made.made if cast(ScriptedActor, one.actor).prepared]

    def of(self, engine: int) -> Remote:
        return cast(Remote, self.fleet.handles[engine].actor)

    async def lose(self, engine: int) -> None:
        """Let its process die, and wait until it is back."""
        back = self.lines.count(f"rollout engine {engine} is back, at policy version 0") + 1
        self.of(engine).kill()
        async with asyncio.timeout(3 * AFTER):
            while self.lines.count(f"rollout engine {engine} is back, at policy version 0") < back:
                await asyncio.sleep(0.1)


def within(place: Place, story: Callable[[], Awaitable[None]]) -> None:
    async def work() -> None:
        await place.fleet.start()
        place.spares.begin(range(len(place.nodes)), AFTER)
        try:
            await story()
        finally:
            await place.spares.aclose()
            await place.fleet.stop()
        assert all(one.dead.is_set() for one in place.made.made)

    run(work())


def test_a_lost_engine_is_the_process_that_was_prepared_and_another_is_prepared_then() -> None:
    place = Place("a", "a")

    async def story() -> None:
        await asyncio.sleep(AFTER - 1)
        assert len(place.made.made) == 2, "the first engines wait for nothing"
        await asyncio.sleep(2)
        (first,) = place.prepared
        await place.lose(1)
        assert place.of(1) is first
        assert len(place.made.made) == 3
        await asyncio.sleep(2 * AFTER)
        _, second = place.prepared
        await place.lose(0)
        assert (place.of(0), place.of(1)) == (second, first)

    within(place, story)


def test_an_engine_that_is_lost_before_one_is_prepared_is_made_from_nothing() -> None:
    place = Place("a")

    async def story() -> None:
        await place.lose(0)
        assert not place.prepared
        assert len(place.made.made) == 2

    within(place, story)


def test_a_prepared_process_that_dies_is_told_and_another_takes_its_place() -> None:
    place = Place("a")

    async def story() -> None:
        await asyncio.sleep(AFTER + 1)
        (first,) = place.prepared
        first.kill()
        await asyncio.sleep(2 * AFTER)
        assert [line for line in place.lines if "was ready to be the next rollout engine" in line]
        _, second = place.prepared
        await place.lose(0)
        assert place.of(0) is second

    within(place, story)


def test_a_prepared_process_is_of_its_own_node_alone() -> None:
    place = Place("a", "b")

    async def story() -> None:
        await asyncio.sleep(AFTER + 1)
        on_a, on_b = place.prepared
        place.nodes[0] = "b"  # where engine 0 has found another place, as its node is gone
        await place.lose(0)
        assert place.of(0) is on_b
        await place.lose(1)
        assert place.of(1) not in (on_a, on_b)

    within(place, story)
