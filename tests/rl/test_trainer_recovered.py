"""A learner that is lost at any instant begins again inside the run, as a resumed run would."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from data.adaptive import AdaptiveStream
from rl.errors import CheckpointError, LearnerError, LearnerLostError
from tests.rl.trainer_world import PROMPTS, World, draw
from tests.virtual_time import run

STEPS = 6
SETTINGS: dict[str, Any] = {"train": {"steps": STEPS, "checkpoint_every": 2, "eval_every": 2}}
MODES: dict[str, dict[str, Any]] = {
    "lag 0": {},
    "lag 2": {"sampler": {"max_lag": 2}},
    "lag 2, two engines": {"sampler": {"max_lag": 2}, "rollout": {"engines": 2}},
    "lag 0, adaptive": {},
}
LOST = LearnerLostError("learner rank 0 died")


def useless(prompt: str) -> bool:
    return draw(prompt) % 3 == 0


def world_in(folder: Path, mode: str, **more: Any) -> World:
    source = AdaptiveStream(PROMPTS[:24], seed=0, epochs=None) if "adaptive" in mode else None
    sections = {name: dict(section) for name, section in (SETTINGS | MODES[mode]).items()}
    for name, section in more.items():
        sections[name] = sections.get(name, {}) | section
    world = World(folder, source=source, **sections)
    world.useless = useless
    return world


def once(world: World, step: int, where: str) -> None:
    """Let the learner be lost once, at a step."""
    left = [LOST]

    def fail() -> None:
        if left:
            raise left.pop()

    if where == "learning":
        world.learner.before = lambda now: fail() if now == step else None
    elif where == "saving":
        world.learner.saving = fail
    elif where == "publishing":
        send = world.publisher.send

        async def sending(version: int) -> Any:
            if version == step:
                fail()
            return await send(version)

        world.publisher.send = sending  # type: ignore[method-assign]


def check(world: World) -> None:
    """Every step is there once, and every index is in one place."""
    assert [row["step"] for row in world.written()] == list(range(STEPS + 1))
    measured = [row["step"] for row in world.written() if row.get("eval_accuracy") is not None]
    assert measured == [0, 2, 4, 6], "an evaluation that the loss cut short is made up for"
    ended = [
        (row["group"], row["prompt_id"], row["ending"])
        for step in range(1, STEPS + 1)
        for row in world.episodes(step)
        if row["episode"] == 0 and row["ending"] != "returned"
    ]
    assert max(Counter(index for index, _, _ in ended).values()) == 1
    assert Counter(ending for _, _, ending in ended)["trained"] == 4 * STEPS
    last = world.store.newest(world.config)
    assert last is not None
    assert last.step == STEPS
    held = {index for index, _ in last.dispatch.again} | {g.index for g in last.dispatch.ready}
    assert {index for index, _, _ in ended} | held == set(range(last.dispatch.next_index))
    assert not {index for index, _, _ in ended} & held


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("where", ["learning", "publishing", "saving"])
@pytest.mark.parametrize("step", [1, 4])
def test_no_prompt_is_lost_and_none_is_doubled(
    mode: str, where: str, step: int, tmp_path: Path
) -> None:
    world = world_in(tmp_path, mode)
    once(world, step, where)
    run(world.run())
    assert world.learner.restarts == 1
    assert any(line.startswith("the learner is lost: learner rank 0 died") for line in world.said)
    back = next(line for line in world.said if line.startswith("the learner is back after "))
    expected = "the run's start" if step == 1 or where == "saving" else "the checkpoint of step 2"
    assert back.endswith(f", from {expected}")
    check(world)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("instant", [0.5, 8.0, 20.0, 33.0, 47.0])
def test_a_learner_that_dies_with_nothing_to_do_is_noticed_meanwhile(
    mode: str, instant: float, tmp_path: Path
) -> None:
    world = world_in(tmp_path, mode)

    async def work() -> None:
        running = asyncio.ensure_future(world.run())
        await asyncio.wait({running}, timeout=instant)
        world.learner.dead.set()
        await running

    run(work())
    assert world.learner.restarts == 1
    check(world)


@pytest.mark.parametrize("instant", [500.0, 1500.0])
def test_a_learner_that_dies_beside_a_long_evaluation_is_noticed_at_once(
    instant: float, tmp_path: Path
) -> None:
    """Before the first step, and after the last: nothing is asked of the learner then."""
    train = {"steps": STEPS, "checkpoint_every": 2, "eval_every": 0}
    world = World(
        tmp_path, seconds=lambda session: 1.0 if session.isdecimal() else 1000.0, train=train
    )
    died: list[float] = []
    noticed: list[float] = []
    restart = world.learner.restart

    async def restarting() -> None:
        noticed.append(asyncio.get_running_loop().time())
        await restart()

    async def work() -> None:
        world.learner.restart = restarting  # type: ignore[method-assign]
        running = asyncio.ensure_future(world.run())
        await asyncio.wait({running}, timeout=instant)
        died.append(asyncio.get_running_loop().time())
        world.learner.dead.set()
        await running

    run(work())
    assert noticed == died
    assert [row["step"] for row in world.written()] == list(range(STEPS + 1))


def test_a_learner_that_dies_while_one_evaluation_waits_for_another_is_noticed_at_once(
    tmp_path: Path,
) -> None:
    train = {"steps": STEPS, "checkpoint_every": 2, "eval_every": 1}
    world = World(
        tmp_path,
        seconds=lambda session: 1.0 if session.isdecimal() else 1000.0,
        train=train,
        sampler={"max_lag": 2},
        rollout={"engines": 2},
    )
    times: dict[str, float] = {}
    restart = world.learner.restart

    async def restarting() -> None:
        times["noticed"] = asyncio.get_running_loop().time()
        await restart()

    async def work() -> None:
        world.learner.restart = restarting  # type: ignore[method-assign]
        running = asyncio.ensure_future(world.run())
        while not any(row["step"] == 2 for row in world.written()):
            await asyncio.sleep(1.0)
        await asyncio.sleep(100.0)
        times["died"] = asyncio.get_running_loop().time()
        world.learner.dead.set()
        await running

    run(work())
    assert times["noticed"] == times["died"]
    measured = [row["step"] for row in world.written() if row.get("eval_accuracy") is not None]
    assert measured == list(range(STEPS + 1)), "what the loss cut short is made up for"


@pytest.mark.parametrize("mode", ["lag 0", "lag 0, adaptive"])
@pytest.mark.parametrize("step", [1, 2, 3, 6])
def test_a_synchronous_run_trains_on_the_same_batches(step: int, mode: str, tmp_path: Path) -> None:
    whole = world_in(tmp_path / "whole", mode)
    run(whole.run())
    world = world_in(tmp_path / "run", mode)
    once(world, step, "learning")
    run(world.run())
    assert world.learner.weights == whole.learner.weights
    assert world.learner.steps == whole.learner.steps


def test_engines_get_the_checkpoints_version_before_anything_is_sampled(tmp_path: Path) -> None:
    world = world_in(tmp_path, "lag 2")
    once(world, 4, "learning")
    asked_before: list[int] = []
    reconnect = world.publisher.reconnect

    async def reconnecting() -> None:
        asked_before.append(len(world.engines.asked))
        assert world.engines.live == 0, "what was asked before is given up"
        await reconnect()

    world.publisher.reconnect = reconnecting  # type: ignore[method-assign]
    run(world.run())
    assert world.publisher.sent == [0, 1, 2, 3, 2, 3, 4, 5, 6]
    (before,) = asked_before
    assert world.engines.asked[before][1] == 2


def test_a_learner_that_is_lost_again_as_it_starts_is_started_again(tmp_path: Path) -> None:
    world = world_in(tmp_path, "lag 0")
    once(world, 4, "learning")
    world.learner.start_fails = ["once", "twice"]
    run(world.run())
    assert world.learner.restarts == 1
    assert sum(line.startswith("the learner is lost: ") for line in world.said) == 3
    check(world)


def test_one_loss_too_many_ends_the_run_by_name(tmp_path: Path) -> None:
    world = world_in(tmp_path, "lag 0", cluster={"max_learner_restarts": 2})

    def dies(step: int) -> None:
        if step == 4:
            raise LOST

    world.learner.before = dies
    with pytest.raises(LearnerError) as caught:
        run(world.run())
    assert str(caught.value) == (
        "the learner was lost more than cluster.max_learner_restarts=2 times within an hour, the "
        "last time: learner rank 0 died"
    )
    assert world.learner.restarts == 2
    assert world.store.steps() == [2]
    assert caught.value.__notes__ == ["what it had learnt after step 2 is lost"]


@pytest.mark.parametrize("where", ["restart", "load"])
def test_a_stop_while_it_comes_back_saves_nothing_under_a_later_step(
    where: str, tmp_path: Path
) -> None:
    """The ranks stand at the checkpoint by then, or at the very start."""
    world = world_in(tmp_path, "lag 0")
    world.learner.before = lambda step: dies() if step == 4 else None
    reached = asyncio.Event()

    def dies() -> None:
        raise LOST

    async def waits(*_: object) -> None:
        reached.set()
        await asyncio.Event().wait()

    setattr(world.learner, where, waits)

    async def work() -> None:
        running = asyncio.ensure_future(world.run())
        await reached.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await running
        assert caught.value.__notes__ == ["what it had learnt after step 2 is lost"]

    run(work())
    assert world.store.steps() == [2]


def test_a_checkpoint_that_cannot_be_read_ends_the_run_and_saves_nothing(tmp_path: Path) -> None:
    world = world_in(tmp_path, "lag 0")
    once(world, 4, "learning")

    async def load(checkpoint: object) -> None:
        raise CheckpointError("step_000002 is damaged")

    world.learner.load = load  # type: ignore[method-assign]
    with pytest.raises(CheckpointError, match="damaged"):
        run(world.run())
    assert world.store.steps() == [2]


@pytest.mark.parametrize("begins_at", [0, 2])
def test_models_of_steps_that_are_given_up_are_given_up_too(begins_at: int, tmp_path: Path) -> None:
    every = 2 if begins_at else 0
    world = world_in(tmp_path, "lag 0", train={"export_every": 1, "checkpoint_every": every})
    once(world, 4, "learning")
    lose, models, seen = world.learner.before, tmp_path / "models", list[set[str]]()

    async def export(folder: Path) -> None:
        for made in (folder, folder.with_name(f"{folder.name}_ema")):
            made.mkdir(exist_ok=True)
            (made / "weights").write_text(str(world.learner.weights))

    def before(step: int) -> None:
        seen.append({path.name for path in models.glob("*")})
        lose(step)

    world.learner.export = export  # type: ignore[attr-defined]
    world.learner.before = before
    run(world.run())
    assert len(seen) == 4 + STEPS - begins_at
    assert seen[3] == {f"step_{n:06d}{end}" for n in (1, 2, 3) for end in ("", "_ema")}
    kept = {f"step_{n:06d}{end}" for n in range(1, begins_at + 1) for end in ("", "_ema")}
    assert seen[4] == kept, "the learner is back at the checkpoint, and trains the step after it"
    assert {path.name for path in models.iterdir()} == {
        f"step_{n:06d}{end}" for n in range(1, STEPS + 1) for end in ("", "_ema")
    }


def test_a_stop_is_not_taken_for_a_loss(tmp_path: Path) -> None:
    """A scheduler's signal reaches the ranks too: they die in the step that is being finished."""
    world = world_in(tmp_path, "lag 0")
    learning, dead = asyncio.Event(), asyncio.Event()

    async def dies() -> None:
        learning.set()
        await dead.wait()
        raise LOST

    world.learner.before = lambda step: dies() if step == 4 else None

    async def work() -> None:
        running = asyncio.ensure_future(world.run())
        await learning.wait()
        running.cancel()
        await asyncio.sleep(1)
        dead.set()
        with pytest.raises(asyncio.CancelledError):
            await running

    run(work())
    assert world.learner.restarts == 0
