"""Engines and learner that have the same memory in turns: in which order, whatever happens."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
import pytest

from rl.config import RunConfig
from rl.errors import EngineLostError
from rl.hardware import Hardware
from rl.memory_watch import MemoryWatch
from rl.turns import InTurns
from rl.versions import Versions
from rl.weights.messages import Sent
from rl.weights.publisher import WeightPublisher

OWN = np.linspace(-3, -1, 7, dtype=np.float32)


class World:
    """Engines, ranks and what they do, in order; it checks that memory is never had twice."""

    def __init__(self, engines: int = 2, ranks: int = 2, *, base_stays: bool = False) -> None:
        self.log: list[str] = []
        self.lines: list[str] = []
        self.optimizer = self.weights = False  # whether the learner has them on its GPUs
        self.faults: dict[str, Exception] = {}
        self.handles = [Handle(self, index) for index in range(engines)]
        self.actors = [Rank(self, rank) for rank in range(ranks)]
        self.version = 0
        self.reasons: dict[str, str] = {}
        self.versions = Versions()
        self.turns = InTurns(
            self, self, self.versions, seconds=5, say=self.lines.append, base_stays=base_stays
        )
        config = RunConfig.model_validate({"sync": {"deadline": 60.0}})
        hardware = Hardware("cpu", 1)
        self.publisher = WeightPublisher(config, hardware, self, self, range(8), self.turns)

    async def start(self) -> "World":
        below = [(0,), (1,)][: len(self.handles)]
        await self.publisher.connect(lambda: "ipc", below)
        return self

    def live(self) -> list["Handle"]:
        return [one for one in self.handles if one.name not in self.reasons]

    def lost(self, engine: Any, reason: str) -> None:
        self.reasons[engine.name] = reason

    async def residence(self, method: str, *arguments: Any) -> list[Any]:
        if method == "memory":
            used = 10.0 * self.weights + 40.0 * self.optimizer
            used += sum(5.0 * one.has_weights + 20.0 * one.has_cache for one in self.live())
            return [(used, 80.0)] * len(self.actors)
        if method == "come_back":
            assert not any(one.has_weights or one.has_cache for one in self.live())
            self.optimizer = self.weights = True
        elif arguments == ("optimizer",):
            self.optimizer = False
        else:
            assert not self.optimizer
            self.weights = False
        self.log.append("-".join([method, *arguments]))
        return [0] * len(self.actors)

    async def learn(self, version: int) -> None:
        """A step as the trainer makes it."""
        async with self.turns.learning():
            assert self.optimizer and self.weights
            self.log.append("train")
            self.version = version
            await self.versions.publish(self.publisher)

    def take(self) -> list[str]:
        log, self.log = self.log, []
        return log


class Rank:
    def __init__(self, world: World, rank: int) -> None:
        self._world, self._rank = world, rank
        self.call = self

    def remote(self, method: str, *arguments: Any) -> "asyncio.Future[Any]":
        return asyncio.ensure_future(self._answer(method, *arguments))

    async def _answer(self, method: str, *arguments: Any) -> Any:
        world = self._world
        if method == "canary":
            assert world.weights
            await asyncio.sleep(0.01)
            assert world.weights, "its weights left while it computed"
            return OWN
        if arguments[0] == "open_buffer":
            return f"gpu {self._rank}", b""
        assert world.weights and not world.optimizer
        assert all(one.has_weights and not one.has_cache for one in world.live())
        if self._rank == 0:
            world.log.append("push")
            for one in world.live():
                one.whole = True
        return Sent({}, True, 1)


class Handle:
    def __init__(self, world: World, index: int) -> None:
        self.name, self.index, self.actor = f"engine {index}", index, object()
        self.leased, self.version = False, 0
        self.has_weights = self.has_cache = self.whole = True
        self.paused = False
        self.link: Any = None
        self._world = world

    async def _do(self, what: str) -> None:
        if error := self._world.faults.pop(f"{what} {self.index}", None):
            raise error
        if self.index == 0:
            self._world.log.append(what)

    async def pause(self) -> None:
        await self._do("pause")
        self.paused = True

    async def sleep(self, level: int) -> None:
        await self._do(f"sleep-{level}")
        self.paused = True
        self.has_weights = self.has_cache = False
        self.whole = self.whole and level == 1

    async def wake(self, memory: str) -> None:
        assert not self._world.optimizer
        await self._do(f"wake-{memory}")
        if memory == "weights":
            self.has_weights = True
        else:
            assert self.has_weights and not self._world.weights
            self.has_cache = True

    async def resume(self, version: int, recompute: bool) -> None:
        assert self.has_weights and self.has_cache and self.whole and not recompute
        await self._do("resume")
        self.paused, self.version = False, version

    async def canary(self, ids: Any) -> Any:
        assert not self.paused
        await self._do("canary")
        return OWN

    async def call(self, method: str, *arguments: Any) -> Any:
        assert method == "init_weight_transfer_engine"
        (self.link,) = arguments


START = [
    "pause", "sleep-2", "come_back", "leave-optimizer", "wake-weights", "push", "leave-weights",
    "wake-kv_cache", "resume", "canary",
]  # fmt: skip
STEP = [
    "sleep-2", "come_back", "train", "pause", "leave-optimizer", "wake-weights", "push",
    "leave-weights", "wake-kv_cache", "resume", "canary",
]  # fmt: skip


async def test_a_step_has_the_order_of_the_sleep_mode() -> None:
    world = await World().start()
    await world.versions.start(world.publisher)
    assert world.take() == START
    for version in (1, 2):
        await world.learn(version)
        assert world.take() == STEP
    assert [one.version for one in world.handles] == [2, 2]
    # Each engine's workers map the buffer of the rank below.
    assert [one.link for one in world.handles] == [
        {"handles": [(f"gpu {rank}", b"")]} for rank in (0, 1)
    ]
    row = world.turns.measured()
    assert row["memory"] == {"asleep": 0.0, "update": 20.0, "sampling": 50.0, "learning": 50.0}
    assert world.lines == [
        "memory in use, GiB of 80.0: asleep 0.0, update 20.0, sampling 50.0",
        "memory in use, GiB of 80.0: asleep 0.0, update 20.0, sampling 50.0, learning 50.0",
    ]


async def test_engines_that_are_sent_adapters_alone_keep_the_weights_below() -> None:
    world = await World(base_stays=True).start()
    await world.versions.start(world.publisher)
    await world.learn(1)
    slept = [name.replace("sleep-2", "sleep-1") for name in (*START, *STEP)]
    assert world.take() == slept


async def test_an_evaluation_is_waited_for_and_the_next_one_waits() -> None:
    world = await World().start()
    await world.versions.start(world.publisher)
    world.take()
    ended = asyncio.Event()

    async def evaluation() -> int:
        async with world.versions.hold() as version:
            await ended.wait()
            world.log.append("evaluated")
            return version

    first = asyncio.create_task(evaluation())
    await asyncio.sleep(0)
    step = asyncio.create_task(world.learn(1))
    await asyncio.sleep(0.05)
    second = asyncio.create_task(evaluation())
    await asyncio.sleep(0.05)
    assert world.take() == []
    ended.set()
    await asyncio.gather(first, step, second)
    assert world.take() == ["evaluated", *STEP, "evaluated"]
    assert (first.result(), second.result()) == (0, 1)


async def test_what_is_saved_between_steps_is_saved_while_engines_sleep() -> None:
    world = await World().start()
    await world.versions.start(world.publisher)
    await world.learn(1)
    world.take()
    async with world.turns.visiting():
        assert world.optimizer and world.weights
        world.log.append("save")
    assert world.take() == [
        "sleep-1", "come_back", "save", "leave-optimizer", "wake-weights", "leave-weights",
        "wake-kv_cache", "resume",
    ]  # fmt: skip
    assert [one.version for one in world.handles] == [1, 1]
    async with world.turns.visiting(fresh=True):
        assert "come_back" not in world.take()
        world.optimizer = world.weights = True
    await world.learn(2)
    # A step that breaks off leaves the learner where it is, to be saved.
    with pytest.raises(ZeroDivisionError):
        async with world.turns.learning():
            raise ZeroDivisionError
    world.take()
    async with world.turns.visiting():
        assert world.optimizer and world.weights
    assert world.take() == []


async def test_an_engine_that_comes_back_has_them_all_sent_again() -> None:
    world = await World().start()
    world.reasons = {"engine 1": "it fell over"}
    await world.versions.start(world.publisher)
    world.version = 0
    await world.learn(1)
    world.take()
    back = world.handles[1]
    back.whole = True  # of the model's files
    del world.reasons["engine 1"]
    fleet: Any = world
    fleet.live = lambda: [world.handles[0]] if "push" not in world.log else world.handles
    await world.publisher.attach(back)  # type: ignore[arg-type]
    assert world.take() == START
    assert [one.version for one in world.handles] == [1, 1]


@pytest.mark.parametrize(
    "fault",
    ["sleep-2 1", "wake-weights 1", "wake-kv_cache 1", "resume 1", "canary 1"],
)
async def test_an_engine_that_fails_is_lost_and_the_others_go_on(fault: str) -> None:
    world = await World().start()
    await world.versions.start(world.publisher)
    world.take()
    world.faults[fault] = EngineLostError("CUDA out of memory")
    await world.learn(1)
    assert set(world.reasons) == {"engine 1"}
    assert "CUDA out of memory" in world.reasons["engine 1"]
    assert world.take() == STEP
    assert world.handles[0].version == 1


async def test_an_engine_is_started_again_while_the_learner_is_away() -> None:
    world = await World().start()
    await world.versions.start(world.publisher)
    order: list[str] = []

    async def restart() -> None:
        async with world.turns.alone():
            assert not world.optimizer and not world.weights
            order.append("restarted")

    async with world.turns.learning():
        restarting = asyncio.create_task(restart())
        await asyncio.sleep(0.02)
        order.append("trained")
        await world.versions.publish(world.publisher)
    await restarting
    assert order == ["trained", "restarted"]


async def test_a_version_is_kept_quiet_and_let_go_whatever_happens() -> None:
    versions = Versions()
    with suppress(ZeroDivisionError):
        async with versions.quiet():
            raise ZeroDivisionError
    async with asyncio.timeout(60), versions.hold():
        pass


def test_memory_is_told_when_it_is_news() -> None:
    lines: list[str] = []
    watch = MemoryWatch(lines.append)
    tell: Callable[..., None] = watch.note
    tell("asleep", [(2.0, 80.0), (3.0, 80.0)])
    tell("sampling", [(60.0, 80.0), (59.0, 80.0)])
    watch.tell()
    tell("sampling", [(61.0, 80.0)])
    watch.tell()
    assert lines == ["memory in use, GiB of 80.0: asleep 3.0, sampling 60.0"]
    assert watch.row() == {"asleep": 3.0, "sampling": 61.0}
    tell("learning", [(78.0, 80.0)])
    tell("learning", [(79.0, 80.0)])
    watch.tell()
    assert [line[:40] for line in lines[1:]] == [
        "78.0 of a GPU's 80.0 GiB are in use (lea",
        "memory in use, GiB of 80.0: asleep 3.0, ",
    ]
