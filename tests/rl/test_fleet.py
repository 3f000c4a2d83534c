"""All engines as one policy: who answers, who is lost, who comes back; scripted cores."""

import asyncio
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rl.engines.actor
import rl.engines.handle
from rl.config import RunConfig
from rl.engines.fleet import Fleet
from rl.engines.handle import EngineHandle
from rl.engines.health import HOUR, Idle, Restarts, Silence
from rl.errors import EngineError, EngineLostError, ModelError
from rl.tokens import Sampled, Sampling
from tests.clock import Clock
from tests.rl.scripted_engines import Remote, Scripted, ScriptedActor, prompt
from tests.rl.scripted_engines import settings as rollout


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rl.engines.actor, "GATHER_SECONDS", 0.0)
    monkeypatch.setattr(rl.engines.actor, "parameters", lambda how: how)
    monkeypatch.setattr(rl.engines.handle, "POLL_SECONDS", 0.02)


class Lines(list[str]):
    def __call__(self, line: str) -> None:
        self.append(line)


async def started(config: RunConfig) -> tuple[Fleet, Scripted, Lines]:
    make, lines = Scripted(config), Lines()
    fleet = Fleet(config, say=lines, make=make, kill=Remote.kill)
    await fleet.start()
    return fleet, make, lines


def asked(
    fleet: Any, count: int, session: str = "s", tokens: int = 4
) -> list["asyncio.Task[Sampled]"]:
    how = Sampling(temperature=1.0, max_tokens=tokens)
    return [asyncio.create_task(fleet.sample(prompt(), how, session=session)) for _ in range(count)]


async def until(true: Any, make: Scripted | None = None) -> None:
    """Wait for something, with a deadline; engines go on meanwhile where they are given."""
    async with asyncio.timeout(60):
        while not true():
            if make is not None:
                await make.tick()
            await asyncio.sleep(0.001)


async def test_requests_of_one_tick_are_one_call() -> None:
    fleet, make, _ = await started(rollout(engines=2))
    tasks = [task for group in range(6) for task in asked(fleet, 8, session=str(group))]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert [Counter(remote.calls)["submit"] for remote in make.made] == [1, 1]
    await until(lambda: all(task.done() for task in tasks), make)
    # All turns ended in the same step: each engine told of its own in one report.
    assert [remote.core.asked for remote in make.made] == [24, 24]
    told = sum(Counter(remote.calls)["take"] for remote in make.made)
    assert told < 48
    await fleet.stop()


async def test_a_session_stays_with_its_engine_and_a_new_one_goes_where_least_is_to_do() -> None:
    fleet, make, _ = await started(rollout(engines=3))
    asked(fleet, 4, session="a")
    asked(fleet, 2, session="b")
    asked(fleet, 1, session="c")
    await make.tick()
    assert [remote.core.asked for remote in make.made] == [4, 2, 1]
    asked(fleet, 3, session="a")
    asked(fleet, 1, session="d")
    await make.tick()
    assert [remote.core.asked for remote in make.made] == [7, 2, 2]
    assert fleet.free_groups(2) == (3 * 1024 - 11) / 2
    await fleet.stop()


async def test_what_a_lost_engine_had_not_finished_is_asked_of_another_once() -> None:
    fleet, make, lines = await started(rollout(engines=2))
    one, two = asked(fleet, 5, session="a"), asked(fleet, 3, session="b")
    await make.tick(3)  # the first of which is before the requests have come
    await until(lambda: fleet._engines[0]._report.tokens == 10)
    make.made[0].kill()
    answers = asyncio.gather(*one, *two)
    await until(answers.done, make)
    assert [len(answer.segment.ids) for answer in answers.result()] == [4] * 8
    assert make.made[1].core.asked == 8
    assert fleet.tokens_lost == 10
    assert any("rollout engine 0 is lost" in line for line in lines)
    await fleet.stop()


async def test_a_lost_engine_comes_back_with_the_current_weights() -> None:
    fleet, make, lines = await started(rollout(engines=2))
    attached: list[tuple[str, int]] = []

    async def attach(engine: EngineHandle) -> None:
        attached.append((engine.name, len(fleet.live())))
        await engine.resume(7, recompute=True)

    fleet.attach = attach
    for engine in fleet.live():
        await engine.resume(7, recompute=True)
    make.made[1].kill()
    await until(lambda: len(make.made) == 3 and len(fleet.live()) == 2)
    # It takes no part in anything before it has its weights.
    assert attached == [("rollout engine 1", 1)]
    assert [engine.version for engine in fleet.live()] == [7, 7]
    assert lines[-1] == "rollout engine 1 is back, at policy version 7"
    assert [one.actor for one in fleet.handles] == [make.made[0], make.made[2]]
    await fleet.stop()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Of the handles."""
    made = Clock()
    monkeypatch.setattr(rl.engines.handle, "time", made)
    return made


async def test_an_engine_that_makes_no_token_is_lost_though_it_answers(clock: Clock) -> None:
    fleet, make, lines = await started(rollout(engines=2, silence=0.2))
    tasks = asked(fleet, 3, session="a")
    await asyncio.sleep(0)
    # Nobody makes tokens on the first engine; the second works as soon as it is asked.
    while not any("no token within rollout.silence=0.2 s" in line for line in lines):
        clock.now += 0.01
        await asyncio.sleep(0.02)
    assert "rollout engine 0" in lines[0]
    await until(lambda: all(task.done() for task in tasks), make)
    await fleet.stop()


async def test_a_paused_engine_and_an_idle_one_are_not_silent(clock: Clock) -> None:
    fleet, make, lines = await started(rollout(engines=2, silence=0.1))
    (task,) = asked(fleet, 1)
    await make.tick()
    for engine in fleet.live():
        await engine.pause()
    for _ in range(20):
        clock.now += 0.02
        await asyncio.sleep(0.02)
    assert not lines
    for engine in fleet.live():
        await engine.resume(1, recompute=False)
    await until(task.done, make)
    assert [remote.core.recomputed for remote in make.made] == [[False], [False]]
    await fleet.stop()


async def test_an_actor_that_hangs_is_lost_within_its_deadline(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rl.engines.handle, "SLACK_SECONDS", 0.1)
    fleet, make, lines = await started(rollout(engines=2, silence=0.2))
    make.made[0].hangs = True
    told = "rollout engine 0 is lost: `take` took longer than"
    await until(lambda: any(line.startswith(told) for line in lines))
    await fleet.stop()


async def test_a_broken_core_says_why_and_its_requests_go_elsewhere() -> None:
    fleet, make, lines = await started(rollout(engines=2))
    tasks = asked(fleet, 4)
    await make.tick()
    make.made[0].core.fail("the vLLM engine failed: out of memory")
    await until(lambda: all(task.done() for task in tasks), make)
    assert lines[0] == "rollout engine 0 is lost: the vLLM engine failed: out of memory"
    assert all(not task.exception() for task in tasks)
    await fleet.stop()


async def test_one_that_is_lost_too_often_ends_the_run_by_name() -> None:
    fleet, make, _ = await started(rollout(engines=2, restarts=2))
    (task,) = asked(fleet, 1, tokens=1000)
    for losses in range(1, 4):
        await until(lambda: len(fleet.live()) == 2)
        fleet.lost(fleet.live()[0], "it fell over")
        assert losses == 3 or not task.done()
    told = (
        "rollout engine 0 was lost more than rollout.restarts=2 times within an hour, the last "
        "time: it fell over"
    )
    make.made[1].kill()
    for again in (task, *asked(fleet, 2)):
        with pytest.raises(EngineError, match=told) as caught:
            await asyncio.wait_for(again, 60)
        assert not isinstance(caught.value, EngineLostError)  # which would be tried again
    await fleet.stop()


async def test_an_engine_that_cannot_start_again_ends_the_run_with_the_cause() -> None:
    fleet, make, _ = await started(rollout(engines=1, restarts=2))

    class Broken(ScriptedActor):
        async def start(self) -> None:
            raise ModelError("vLLM cannot load the model")

    make._actor = Broken
    make.made[0].kill()
    (task,) = asked(fleet, 1)
    with pytest.raises(EngineError, match=r"lost more than .* it did not start: vLLM cannot load"):
        await asyncio.wait_for(task, 60)
    assert len(make.made) == 3
    await fleet.stop()


async def test_an_engine_that_does_not_start_at_first_is_an_error_at_once() -> None:
    config = rollout(engines=2, start_deadline=0.1)

    class Slow(ScriptedActor):
        async def start(self) -> None:
            await asyncio.sleep(30)

    make = Scripted(config, Slow)
    fleet = Fleet(config, make=make, kill=Remote.kill)
    with pytest.raises(EngineError, match=r"did not start: rollout engine \d is lost: `start`"):
        await fleet.start()
    await fleet.stop()
    assert len(make.made) == 2


async def test_an_error_of_one_request_is_its_own() -> None:
    fleet, make, lines = await started(rollout(engines=1))
    good = asked(fleet, 1)

    class Refusing:
        max_tokens = property(lambda self: 1 / 0)

    bad = asyncio.create_task(fleet.sample(prompt(), Refusing(), session="b"))  # type: ignore[arg-type]
    with pytest.raises(EngineError, match="vLLM failed on a request"):
        await asyncio.wait_for(bad, 60)
    await until(good[0].done, make)
    assert not lines
    await fleet.stop()


async def test_a_cancelled_request_is_taken_out_and_its_tokens_are_counted() -> None:
    fleet, make, _ = await started(rollout(engines=1))
    kept, dropped = asked(fleet, 2)
    await make.tick(2)
    dropped.cancel()
    await until(kept.done, make)
    await until(lambda: fleet.tokens_lost > 0)
    assert fleet.tokens_lost == 2
    assert make.made[0].core.counts() == {}
    await fleet.stop()


async def test_a_lease_keeps_its_version_and_takes_no_training_request() -> None:
    fleet, make, _ = await started(rollout(engines=2))

    async def attach(engine: EngineHandle) -> None:
        await engine.resume(1, recompute=True)

    fleet.attach = attach
    async with fleet.lease() as policy:
        (leased,) = [engine for engine in fleet._engines if engine.leased]
        evaluation = asked(policy, 4, session="e")
        training = asked(fleet, 4, session="t")
        await make.tick()
        for engine in fleet.live():  # what a weight update goes to
            assert engine is not leased
            await engine.call("load", 1)
            await engine.resume(1, recompute=True)
        await until(lambda: all(task.done() for task in evaluation + training), make)
        assert {v for t in evaluation for v in t.result().segment.versions} == {(4, 0)}
        assert [remote.core.asked for remote in make.made] == [4, 4]
        assert fleet.free_groups(1) == 1024
    # With old weights it still takes none; then it is brought up.
    assert fleet.free_groups(1) == 1024
    await until(lambda: fleet.free_groups(1) == 2048)
    assert leased.version == 1
    await fleet.stop()


async def test_a_lease_leaves_an_engine_for_training() -> None:
    fleet, make, _ = await started(rollout(engines=2))
    with pytest.raises(EngineError, match=r"2 of the run's 2 engines .* raise rollout\.engines"):
        await fleet.lease(2).__aenter__()
    fleet.lost(fleet.live()[1], "it fell over")
    async with fleet.lease() as policy:  # once the lost one is back
        assert len(make.made) == 3
        assert len(fleet.live()) == 1
        second = asyncio.create_task(fleet.lease().__aenter__())
        (task,) = asked(policy, 1)
        await until(task.done, make)
        assert not second.done()
    await until(second.done)
    await fleet.stop()


async def test_an_evaluation_goes_on_with_the_rest_of_its_lease() -> None:
    fleet, make, _ = await started(rollout(engines=3))
    async with fleet.lease(2) as policy:
        tasks = [task for i in range(4) for task in asked(policy, 2, session=str(i))]
        await make.tick()
        busy = [engine for engine in fleet._engines if engine.leased]
        fleet.lost(busy[0], "it fell over")
        await until(lambda: all(task.done() for task in tasks), make)
        assert all(len(task.result().segment.ids) == 4 for task in tasks)
        (last,) = asked(policy, 1)
        await make.tick()
        fleet.lost(busy[1], "it fell over too")
        with pytest.raises(EngineLostError, match="every engine of an evaluation is lost"):
            await last
    await fleet.stop()


def test_silence_is_no_token_while_there_is_something_to_do() -> None:
    silence = Silence(60, now=0)
    silence.note(live=0, tokens=0, paused=False, now=100)
    assert not silence.broken(160)
    silence.note(live=3, tokens=5, paused=False, now=150)
    silence.note(live=3, tokens=5, paused=False, now=209)
    assert not silence.broken(210)
    assert silence.broken(211)
    silence.note(live=3, tokens=5, paused=True, now=220)
    assert not silence.broken(270)


def test_restarts_are_counted_over_an_hour() -> None:
    restarts = Restarts(2)
    assert restarts.lost(0)
    assert restarts.lost(1)
    assert not restarts.lost(HOUR - 1)
    assert not restarts.lost(HOUR)  # the first is forgotten, two are not
    assert restarts.lost(3 * HOUR)
    assert not Restarts(0).lost(0)


def test_idle_time_is_counted_once() -> None:
    idle = Idle(0)
    idle.note(2, 3)
    idle.note(1, 4)
    idle.note(0, 10)
    assert idle.take(12) == 3 + 2
    assert idle.take(13) == 1
    idle.note(1, 13)
    assert idle.take(99) == 0


Step = tuple[str, int]


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["ask", "tick", "update", "kill", "cancel"]),
            st.integers(0, 5),
        ),
        max_size=25,
    )
)
def test_every_token_has_the_version_that_made_it(steps: list[Step]) -> None:
    """Updates, deaths and cancellations in any order: each request is answered once, completely,
    and its spans say of each token what its id says, which never falls."""
    asyncio.run(_play(steps))


async def _play(steps: list[Step]) -> None:
    fleet, make, _ = await started(rollout(engines=3, restarts=1000))
    version = 0

    async def load(engine: EngineHandle, number: int) -> None:
        await engine.pause()
        await engine.call("load", number)
        await engine.resume(number, recompute=True)

    async def attach(engine: EngineHandle) -> None:
        while engine.version < version:
            await load(engine, version)

    fleet.attach = attach
    tasks: list[asyncio.Task[Sampled]] = []
    for step, number in steps:
        if step == "ask":
            tasks += asked(fleet, number, session=str(number), tokens=1 + number)
        elif step == "tick":
            await make.tick(number)
        elif step == "update":
            version += 1
            updating = (load(engine, version) for engine in fleet.live())
            for error in await asyncio.gather(*updating, return_exceptions=True):
                assert error is None or isinstance(error, EngineLostError)
        elif step == "kill" and len(fleet.live()) > 1:
            make.made[number % len(make.made)].kill()
        elif step == "cancel" and tasks:
            tasks.pop(number % len(tasks)).cancel()
    await until(lambda: all(task.done() for task in tasks), make)
    for task in tasks:
        segment = task.result().segment
        spans = [v for span in segment.versions for v in [span.version] * span.tokens]
        assert segment.ids.tolist() == spans == sorted(spans)
    await fleet.stop()


async def test_an_engine_goes_back_to_older_weights_as_soon_as_nobody_waits_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As where the learner begins again from a checkpoint."""
    fleet, make, _ = await started(rollout(engines=1))
    (engine,) = fleet.handles
    await engine.resume(5, recompute=True)
    tasks = asked(fleet, 3)
    await make.tick()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await engine.pause()
    await engine.resume(2, recompute=True)
    (task,) = asked(fleet, 1)
    await until(task.done, make)
    assert [span.version for span in task.result().segment.versions] == [2]

    monkeypatch.setattr(rl.engines.actor, "QUIET_SECONDS", 0.05)
    asked(fleet, 1)
    await make.tick()
    with pytest.raises(EngineError, match="was to go back to 1 in the midst of 1 answers"):
        await engine.resume(1, recompute=True)
    await fleet.stop()
