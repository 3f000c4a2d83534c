"""Publishing weights, with engines and learner that do as they are told."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rl.config import RunConfig
from rl.errors import EngineError, EngineLostError, LearnerLostError
from rl.hardware import Hardware
from rl.versions import Versions
from rl.weights import transport
from rl.weights.messages import BROKEN, Loss, Sent
from rl.weights.publisher import SyncStats, WeightPublisher

OWN = np.linspace(-3, -1, 7, dtype=np.float32)
STEPS = ("pause", "init_weight_transfer_engine", "resume", "canary")


class Call:
    """What a Ray method is, on this loop: `remote` begins the call."""

    def __init__(self, work: Any) -> None:
        self._work = work

    def remote(self, *arguments: Any) -> "asyncio.Future[Any]":
        return asyncio.ensure_future(self._work(*arguments))


class Rank:
    """The learner's only rank; `losses` are those of each push, one after the other."""

    def __init__(self, losses: Sequence[Mapping[str, Loss] | None] = ()) -> None:
        self.call = Call(self._call)
        self.groups: list[Mapping[str, Any]] = []
        self.pushes: list[list[str]] = []
        self._losses = list(losses)

    async def _call(self, method: str, *arguments: Any) -> Any:
        if method == "canary":
            return OWN
        name, *rest = arguments
        if name == "open_buffer":
            return "cpu", b"handle"
        if name == "open_store":
            return "host", 1
        if name == "join":
            self.groups.append(rest[0])
            return None
        self.pushes.append([engine.name for engine in rest[0]])
        losses = self._losses.pop(0) if self._losses else {}
        return Sent(losses or {}, losses is not None and not (losses and self.groups), 100)


class Learner:
    def __init__(self, rank: Rank) -> None:
        self.actors = [rank]
        self.version = 0


class Handle:
    """An engine; `faults` is what each method does instead."""

    def __init__(self, name: str, faults: Mapping[str, Any] | None = None) -> None:
        self.name = name
        self.index = 0
        self.actor: Any = object()
        self.leased = False
        self.version: int | None = None
        self.log: list[Any] = []
        self.logprobs = OWN
        self._faults = dict(faults or {})

    async def _do(self, what: str, *more: Any) -> None:
        fault = self._faults.get(what)
        if fault == "hangs":
            await asyncio.sleep(3600)
        if fault is not None:
            raise fault
        self.log.append((what, *more) if more else what)

    async def pause(self) -> None:
        await self._do("pause")

    async def resume(self, version: int, recompute: bool) -> None:
        await self._do("resume", version, recompute)
        self.version = version

    async def canary(self, ids: Sequence[int]) -> Any:
        await self._do("canary")
        return self.logprobs

    async def call(self, method: str, *arguments: Any) -> Any:
        await self._do(method)


class Fleet:
    def __init__(self, handles: Sequence[Handle]) -> None:
        self.handles = list(handles)
        self.reasons: dict[str, str] = {}

    def live(self) -> list[Handle]:
        return [handle for handle in self.handles if handle.name not in self.reasons]

    def lost(self, engine: Any, reason: str) -> None:
        self.reasons[engine.name] = reason


async def publisher_of(
    handles: Sequence[Handle], rank: Rank, kind: Any = "ipc", **sync: Any
) -> tuple[WeightPublisher, Fleet, Learner]:
    config = RunConfig.model_validate({"sync": {"deadline": 60.0, **sync}})
    fleet, learner = Fleet(handles), Learner(rank)
    hardware = Hardware(device="cpu", cores=1)
    publisher = WeightPublisher(config, hardware, learner, fleet, list(range(8)))
    await publisher.connect(lambda: kind)
    return publisher, fleet, learner


@pytest.mark.parametrize("kv", ["recompute", "keep"])
async def test_an_engine_is_paused_sent_to_resumed_and_compared(kv: str) -> None:
    handles = [Handle("engine 0"), Handle("engine 1")]
    publisher, fleet, _ = await publisher_of(handles, rank := Rank(), kv=kv)
    for version in (4, 5):
        stats = await publisher.send(version)
        assert stats.canary_gap == 0.0 and not stats.lost and not stats.findings
        assert 0 < stats.pause_seconds <= stats.seconds
    for handle in handles:
        around = [
            "pause",
            "init_weight_transfer_engine",
            ("resume", 4, kv == "recompute"),
            "canary",
        ]
        assert handle.log == [*around, "pause", ("resume", 5, kv == "recompute"), "canary"]
    assert rank.pushes == [["engine 0", "engine 1"]] * 2
    assert fleet.reasons == {}


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize(
    "fault", [EngineLostError("it is gone"), ValueError("it refuses"), "hangs"], ids=str
)
@pytest.mark.parametrize("kind", ["ipc", "broadcast"])
async def test_an_engine_that_fails_at_any_step_is_lost_and_holds_up_nobody(
    step: str, fault: Any, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "JOIN_SECONDS", 1.5 if fault == "hangs" else 60.0)
    monkeypatch.setattr(transport, "SLACK", 0.0)
    handles = [Handle("engine 0"), Handle("engine 1", {step: fault}), Handle("engine 2")]
    deadline = 1.5 if fault == "hangs" else 60.0
    publisher, fleet, _ = await publisher_of(handles, Rank(), kind, deadline=deadline)
    stats = await publisher.send(1)
    assert stats.lost == ("engine 1",) == tuple(fleet.reasons)
    assert stats.canary_gap == 0.0
    assert [handle.version for handle in handles[::2]] == [1, 1]
    told = "longer than" if fault == "hangs" else str(fault)
    assert told in fleet.reasons["engine 1"]


@pytest.mark.parametrize("died", [True, False])
async def test_engines_lost_while_buckets_are_sent(died: bool) -> None:
    rank = Rank([{"engine 0": Loss("no more", died)}])
    handles = [Handle("engine 0"), Handle("engine 1")]
    publisher, fleet, _ = await publisher_of(handles, rank)
    stats = await publisher.send(1)
    assert stats.lost == ("engine 0",)
    assert fleet.reasons == {"engine 0": "no more"}
    assert [handle.version for handle in handles] == [None, 1]


async def test_all_engines_dead_is_no_error_as_they_are_restarted_but_all_refusing_is() -> None:
    publisher, _, _ = await publisher_of(
        [Handle("engine 0")], Rank([{"engine 0": Loss("gone", died=True)}])
    )
    stats = await publisher.send(1)
    assert stats.lost == ("engine 0",) and stats.canary_gap is None
    publisher, _, _ = await publisher_of(
        [Handle("engine 0")], Rank([{"engine 0": Loss("no parameter q_proj", died=False)}])
    )
    with pytest.raises(EngineError, match=r"no engine took.*engine 0: no parameter q_proj"):
        await publisher.send(1)


async def test_a_leased_engine_keeps_its_version() -> None:
    handles = [Handle("engine 0"), Handle("engine 1")]
    publisher, _, _ = await publisher_of(handles, rank := Rank())
    await publisher.send(1)
    handles[0].leased = True
    await publisher.send(2)
    assert [handle.version for handle in handles] == [1, 2]
    assert rank.pushes[-1] == ["engine 1"]


@pytest.mark.parametrize(
    ("shift", "outcome"),
    [(0.0, ""), (0.04, ""), (0.06, "warns"), (0.49, "warns"), (0.51, "stops"), (np.nan, "stops")],
)
async def test_the_canary_warns_and_stops(shift: float, outcome: str) -> None:
    good, odd = Handle("engine 0"), Handle("engine 1")
    odd.logprobs = OWN + np.float32(shift)
    publisher, _, _ = await publisher_of([good, odd], Rank())
    if outcome == "stops":
        with pytest.raises(EngineError, match=r"engine 1.*sync\.canary\.stop=0\.5"):
            await publisher.send(3)
        return
    stats = await publisher.send(3)
    assert stats.canary_gap == pytest.approx(shift, abs=1e-5)
    assert [(one.subject, one.step, one.level) for one in stats.findings] == (
        [("engine 1", 3, "warn")] if outcome else []
    )
    assert all(
        "engine 1" in one.line and "sync.canary.warn=0.05" in one.line for one in stats.findings
    )


@pytest.mark.parametrize(("every", "looked_at"), [(1, [0, 1, 2, 3, 4]), (2, [0, 2, 4]), (0, [0])])
async def test_the_canary_is_looked_at_at_the_start_and_every_so_often(
    every: int, looked_at: list[int]
) -> None:
    publisher, _, _ = await publisher_of([Handle("engine 0")], Rank(), canary={"every": every})
    gaps = {version: (await publisher.send(version)).canary_gap for version in range(5)}
    assert [version for version, found in gaps.items() if found is not None] == looked_at


async def test_a_group_is_formed_anew_exactly_when_its_members_change() -> None:
    handles = [Handle("engine 0"), Handle("engine 1"), Handle("engine 2")]
    publisher, fleet, _ = await publisher_of(handles, rank := Rank(), "broadcast")
    sizes = []

    async def send(version: int) -> None:
        await publisher.send(version)
        sizes.append((len(rank.groups), rank.groups[-1]["world_size"]))

    await send(0)
    await send(1)
    fleet.lost(handles[0], "died")
    await send(2)
    handles[0].actor = object()  # it came back
    del fleet.reasons["engine 0"]
    await send(3)
    await send(4)
    assert sizes == [(1, 4), (1, 4), (2, 3), (3, 4), (3, 4)]
    names = [group["group"] for group in rank.groups]
    assert len(set(names)) == len(names)


async def test_a_broken_broadcast_begins_anew_with_the_survivors() -> None:
    rank = Rank([{"engine 1": Loss("its process died", died=True)}, {}])
    handles = [Handle("engine 0"), Handle("engine 1"), Handle("engine 2")]
    publisher, _, _ = await publisher_of(handles, rank, "broadcast")
    stats = await publisher.send(1)
    assert rank.pushes == [["engine 0", "engine 1", "engine 2"], ["engine 0", "engine 2"]]
    assert [group["world_size"] for group in rank.groups] == [4, 3]
    assert stats.lost == ("engine 1",)
    assert [handle.version for handle in handles] == [1, None, 1]


async def test_a_broadcast_that_breaks_each_time_though_nobody_dies_is_given_up() -> None:
    rank = Rank([None] * 20)
    publisher, _, _ = await publisher_of([Handle("e 0"), Handle("e 1")], rank, "broadcast")
    with pytest.raises(EngineError, match="could not be broadcast to 2 engines"):
        await publisher.send(1)
    assert len(rank.pushes) == 3


async def test_survivors_of_a_group_that_did_not_form_are_not_blamed() -> None:
    class Impatient(Handle):
        async def call(self, method: str, *arguments: Any) -> Any:
            if len(self.log) < 2:
                self.log.append(method)
                raise RuntimeError(f"Call failed: {BROKEN} after 60 s")

    gone = Handle("engine 1", {"init_weight_transfer_engine": EngineLostError("gone")})
    handles = [Impatient("engine 0"), gone]
    publisher, _, _ = await publisher_of(handles, rank := Rank(), "broadcast")
    stats = await publisher.send(1)
    assert stats.lost == ("engine 1",)
    assert rank.pushes == [["engine 0"]]


async def test_a_restarted_engine_waits_for_weights_that_are_not_published_yet() -> None:
    handles = [Handle("engine 0"), Handle("engine 1")]
    publisher, fleet, learner = await publisher_of(handles[:1], rank := Rank())
    await publisher.send(0)
    await publisher.attach(handles[1])
    assert (handles[1].version, rank.pushes[-1]) == (0, ["engine 1"])
    learner.version = 1  # a step was submitted: what a push would find is not what engines have
    attaching = asyncio.create_task(publisher.attach(handles[1]))
    await asyncio.sleep(0.05)
    assert not attaching.done() and len(rank.pushes) == 2
    await publisher.send(1)
    await attaching
    assert (handles[1].version, rank.pushes[-1]) == (1, ["engine 0", "engine 1"])
    assert fleet.reasons == {}, "the fleet is told by the error alone"


async def test_a_step_that_is_submitted_meanwhile_gives_no_engine_weights_of_no_version() -> None:
    """A learner that trains without a break holds published weights for an instant alone."""

    class Slow(Handle):
        async def pause(self) -> None:
            await super().pause()
            learner.version += 1  # the trainer submits its next step

    late = Slow("engine 1")
    publisher, fleet, learner = await publisher_of([Handle("engine 0")], rank := Rank())
    await publisher.send(0)
    attaching = asyncio.create_task(publisher.attach(late))
    await asyncio.sleep(0.05)
    assert late.version is None, "what was pushed may be of version 1"
    assert not attaching.done()
    await publisher.send(1)
    await attaching
    assert ("resume", 1, True) in late.log
    assert rank.pushes[-1] == ["engine 0", "engine 1"]
    assert fleet.reasons == {}


async def test_an_update_that_loses_an_engine_that_joins_costs_the_others_nothing() -> None:
    late = Handle("engine 1", {"resume": EngineLostError("it died again")})
    publisher, fleet, learner = await publisher_of([Handle("engine 0")], Rank())
    await publisher.send(0)
    learner.version = 1
    attaching = asyncio.create_task(publisher.attach(late))
    await asyncio.sleep(0)
    stats = await publisher.send(1)
    assert stats.lost == ("engine 1",)
    with pytest.raises(EngineLostError, match=r"engine 1: .*it died again"):
        await attaching
    assert fleet.reasons == {}
    assert (await publisher.send(2)).lost == ()


async def test_an_engine_that_cannot_be_attached_is_named() -> None:
    broken = Handle("engine 1", {"resume": EngineLostError("it died again")})
    publisher, _, _ = await publisher_of([Handle("engine 0")], Rank())
    await publisher.send(0)
    with pytest.raises(EngineLostError, match=r"engine 1: .*it died again"):
        await publisher.attach(broken)


class Dying(Rank):
    """A rank that is lost in its next push, or at the canary."""

    dies_at = ""

    async def _call(self, method: str, *arguments: Any) -> Any:
        if self.dies_at in (method, *arguments):
            raise LearnerLostError("learner rank 0 died")
        return await super()._call(method, *arguments)


@pytest.mark.parametrize("dies_at", ["push", "canary"])
async def test_a_lost_learner_costs_no_engine_and_engines_forget_its_later_weights(
    dies_at: str,
) -> None:
    """Also one that comes up meanwhile waits for the next update, at whatever version that is."""
    running, restarted = Handle("engine 0"), Handle("engine 1")
    rank = Dying()
    publisher, fleet, learner = await publisher_of([running], rank, kv="keep")
    await publisher.send(0)
    learner.version = 1
    waiting = asyncio.create_task(publisher.attach(restarted))
    await asyncio.sleep(0)
    rank.dies_at = dies_at
    with pytest.raises(LearnerLostError):
        await publisher.send(1)
    assert not waiting.done()
    publisher.disconnect()
    late = Handle("engine 2")
    attached_late = asyncio.create_task(publisher.attach(late))
    await asyncio.sleep(0)

    rank.dies_at, learner.version = "", 0
    await publisher.reconnect()
    assert not waiting.done() and not attached_late.done()
    await publisher.send(0)
    await asyncio.gather(waiting, attached_late)
    assert fleet.reasons == {}
    for handle in (running, restarted, late):
        assert handle.version == 0
        assert handle.log[-4:] == [
            "pause", "init_weight_transfer_engine", ("resume", 0, True), "canary"
        ]  # fmt: skip
    learner.version = 1
    await publisher.send(1)
    assert ("resume", 1, False) in running.log, "they go on from what they have computed since"


@pytest.mark.parametrize("before", ["ipc", "broadcast"])
@pytest.mark.parametrize("who", ["learner", "engine"])
async def test_the_way_is_chosen_anew_where_somebody_has_moved(before: str, who: str) -> None:
    after = {"ipc": "broadcast", "broadcast": "ipc"}[before]
    now = [before]
    handles = [Handle("engine 0"), Handle("engine 1")]
    publisher, fleet, _ = await publisher_of(handles, rank := Rank())
    await publisher.connect(lambda: cast(Any, now[0]))
    await publisher.send(0)
    await publisher.send(1)
    formed = len(rank.groups)
    assert formed == (before == "broadcast")
    now[0] = after
    if who == "learner":
        publisher.disconnect()
        await publisher.reconnect()
    await publisher.send(2)
    await publisher.send(3)
    assert len(rank.groups) == formed + (after == "broadcast")
    joined = [handle.log.count("init_weight_transfer_engine") for handle in handles]
    assert joined == [2, 2], "once each way"
    assert fleet.reasons == {}


async def test_an_engine_whose_weights_are_cut_off_by_a_death_waits_for_the_next_ones() -> None:
    rank = Dying()
    publisher, _, _ = await publisher_of([Handle("engine 0")], rank)
    await publisher.send(0)
    rank.dies_at = "push"
    engine = Handle("engine 1")
    attaching = asyncio.create_task(publisher.attach(engine))
    await asyncio.sleep(0.01)
    assert not attaching.done()
    rank.dies_at = ""
    publisher.disconnect()
    await publisher.reconnect()
    await publisher.send(0)
    await attaching
    assert engine.version == 0


class Recorder:
    """A publisher that takes a while."""

    def __init__(self) -> None:
        self.sent: list[int] = []
        self.busy = False

    async def send(self, version: int) -> SyncStats:
        self.busy = True
        try:
            for _ in range(3):
                await asyncio.sleep(0)
        finally:
            self.busy = False
        self.sent.append(version)
        return SyncStats(0.0, 0.0, None)


@given(st.lists(st.tuples(st.sampled_from(["hold", "publish", "cancel"]), st.integers(0, 5))))
def test_a_held_version_does_not_change_and_nobody_waits_for_ever(
    moves: list[tuple[str, int]],
) -> None:
    async def play() -> None:
        versions, publisher = Versions(7), Recorder()
        assert (await versions.start(publisher), versions.current) and publisher.sent == [7]

        async def hold(steps: int) -> None:
            async with versions.hold() as version:
                for _ in range(steps + 1):
                    assert versions.current == version and not publisher.busy
                    await asyncio.sleep(0)

        tasks: list[asyncio.Task[Any]] = []
        for move, steps in moves:
            if move == "hold":
                tasks.append(asyncio.create_task(hold(steps)))
            elif move == "publish":
                tasks.append(asyncio.create_task(versions.publish(publisher)))
            elif tasks:
                tasks[steps % len(tasks)].cancel()
            for _ in range(steps):
                await asyncio.sleep(0)
        results = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 60)
        assert not [result for result in results if isinstance(result, Exception)]
        done = sum(isinstance(result, SyncStats) for result in results)
        assert publisher.sent == list(range(7, 8 + len(publisher.sent) - 1))
        assert versions.current == publisher.sent[-1]
        assert done <= len(publisher.sent) - 1

    asyncio.run(play())


async def test_a_failed_update_leaves_the_version() -> None:
    class Failing(Recorder):
        async def send(self, version: int) -> SyncStats:
            raise EngineError("no")

    versions = Versions(2)
    with pytest.raises(EngineError):
        await versions.publish(Failing())
    assert versions.current == 2
    async with versions.hold() as version:
        assert version == 2
