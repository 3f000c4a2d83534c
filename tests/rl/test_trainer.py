"""Whatever stops a run in a controlled way, the last complete step is saved and written down."""

import asyncio
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from rewards.errors import PoolError
from rl.errors import (
    ClusterError,
    EngineError,
    LearnerError,
    NotFiniteError,
    PlumbError,
    StorageError,
)
from rl.recorder import Recorder
from tests.rl.trainer_world import PROMPTS, World, draw
from tests.virtual_time import run

MODES: list[dict[str, Any]] = [{}, {"sampler": {"max_lag": 2}}]
both = pytest.mark.parametrize("mode", MODES, ids=["lag 0", "lag 2"])


def stopped(world: World, *errors: type[BaseException]) -> BaseException:
    """The error that ends a run."""
    with pytest.raises(errors) as caught:
        run(world.run())
    return caught.value


def void(_: object) -> None:
    """For what is called for its effect."""


def useful(world: World) -> list[int]:
    """Indices of the groups that were trained on, in order."""
    return [group for step in world.learner.batches.values() for group in dict(step)]


@both
def test_a_step_accounts_for_all_of_its_time(mode: dict[str, Any], tmp_path: Path) -> None:
    world = World(tmp_path, **mode)
    run(world.run())
    rows = world.written()
    assert [row["step"] for row in rows] == [0, 1, 2, 3, 4, 5]
    assert [row["policy_version"] for row in rows] == [0, 1, 2, 3, 4, 5]
    for row in rows[1:]:
        seconds = dict(row["seconds"])
        total = seconds.pop("total")
        assert sum(seconds.values()) <= total + 1e-9
        assert seconds.keys() == {"generate", "grade", "learn", "sync", "record", "evaluate"}
        assert row["verdicts"] == {"passed": 0.5}
        assert row["loss"] == 0.0
        assert row["canary_gap"] == 1e-3
        assert row["idle"]["engines"] == 0.25
        assert 0 <= row["idle"]["learner"] <= 1
        assert row["groups_trained"] == 4
        assert row["tasks"]["sums"]["accuracy"] == 0.5
    measured = [row.get("eval_accuracy") for row in rows]
    assert measured == [1.0, None, 1.0, None, 1.0, 1.0]
    assert [row["step"] for row in world.rows] == [1, 2, 3, 4, 5]
    assert [line.split(":")[0] for line in world.said] == [
        f"evaluation of held_out after step {step}" for step in (0, 2, 4, 5)
    ]
    assert world.publisher.sent == [0, 1, 2, 3, 4, 5]
    assert world.store.steps() == [5]


@pytest.fixture
def on_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seconds are those of the loop, which begins at 0."""

    def now() -> float:
        with suppress(RuntimeError):
            return asyncio.get_running_loop().time()
        return 0.0

    monkeypatch.setattr("time.perf_counter", now)


@pytest.mark.usefixtures("on_the_clock")
@pytest.mark.parametrize(
    ("mode", "waiting"),
    [
        pytest.param({}, {3: 16.0, 5: 16.0}, id="the next weights wait"),
        pytest.param(
            {"sampler": {"max_lag": 1}, "rollout": {"engines": 2}},
            {4: 16.0, 5: 25.0},
            id="the next evaluation waits",
        ),
    ],
)
def test_what_waits_for_an_evaluation_is_that_and_nothing_else(
    mode: dict[str, Any], waiting: dict[int, float], tmp_path: Path
) -> None:
    """Requests take 9 s, learning 5 and an evaluation 30; each second is of one phase."""
    world = World(
        tmp_path,
        seconds=lambda session: 9.0 if session.isdecimal() else 30.0,
        **{"train": {"steps": 5, "eval_every": 2, "checkpoint_every": 2}, **mode},
    )
    run(world.run())
    for row in world.steps():
        seconds = row["seconds"]
        assert seconds["learn"] == pytest.approx(5.0)
        assert seconds["sync"] == pytest.approx(0.0, abs=1e-6)
        assert seconds.get("checkpoint", 0.0) == pytest.approx(0.0, abs=1e-6)
        assert seconds["evaluate"] == pytest.approx(waiting.get(row["step"], 0.0)), row["step"]
        assert sum(seconds.values()) == pytest.approx(2 * seconds["total"])


@both
def test_every_group_is_written_down_once(mode: dict[str, Any], tmp_path: Path) -> None:
    """Surplus that max_lag forbids to train is written down as such, and is sampled again."""
    world = World(tmp_path, **mode)
    world.useless = lambda prompt: draw(prompt) % 3 == 0
    run(world.run())
    found = [row for step in range(1, 6) for row in world.episodes(step)]
    ended = [(row["group"], row["episode"]) for row in found if row["ending"] != "returned"]
    assert len(ended) == len(set(ended))
    for step in range(1, 6):
        rows = world.episodes(step)
        trained = [(row["group"], row["episode"]) for row in rows if row["used"]]
        assert trained == sorted(trained) == world.learner.batches[step]
        assert [(row["group"], row["episode"]) for row in world.tokens(step)] == [
            (row["group"], row["episode"]) for row in rows
        ]
        ends = Counter(row["ending"] for row in rows if row["episode"] == 0)
        line = world.steps()[step - 1]
        assert ends["trained"] == line["groups_trained"] == 4
        assert ends["returned"] == line["groups_returned"]
        assert ends["rejected_incorrect"] == line["groups_all_incorrect"]
    returned = {row["group"] for row in found if row["ending"] == "returned"}
    if world.config.sampler.max_lag:
        assert not returned
    else:
        # Those of the last step wait in the checkpoint.
        last = world.store.newest(world.config)
        assert last is not None
        waiting = {index for index, _ in last.dispatch.again}
        assert len(returned) > 4
        assert returned - waiting <= {group for group, _ in ended}
        asked = Counter(int(name) for name, _ in world.engines.asked if name.isdecimal())
        assert all(asked[index] > 2 for index in returned - waiting)


def test_a_checkpoint_has_a_time_of_its_own(tmp_path: Path) -> None:
    world = World(tmp_path, train={"checkpoint_every": 2})
    run(world.run())
    saved = [row["step"] for row in world.steps() if "checkpoint" in row["seconds"]]
    assert saved == [2, 4]


@both
@pytest.mark.parametrize(
    "failure",
    [
        EngineError("rollout engine 0 was lost more than rollout.restarts=3 times"),
        PoolError("the grading workers are lost"),
        RuntimeError("a defect"),
    ],
)
def test_what_stops_sampling_saves_the_step_before(
    failure: Exception, mode: dict[str, Any], tmp_path: Path
) -> None:
    world = World(tmp_path, **mode)
    world.engines.fails["18"] = failure
    assert stopped(world, type(failure)) is failure
    (step,) = world.store.steps()
    assert 1 <= step < 5
    assert [row["step"] for row in world.written()] == list(range(step + 1))
    again = World(tmp_path, **mode)
    run(again.run())
    assert again.learner.steps == [1, 2, 3, 4, 5]
    assert [row["step"] for row in again.written()] == [0, 1, 2, 3, 4, 5]
    trained = useful(world)[: 4 * step] + useful(again)
    assert sorted(trained) == sorted(set(trained)), "no group is trained on twice"


@both
def test_a_signal_while_sampling_saves_the_step_before(
    mode: dict[str, Any], tmp_path: Path
) -> None:
    world = World(tmp_path, **mode)

    async def work() -> None:
        running = asyncio.create_task(world.run())
        world.engines.hooks["17"] = lambda: void(running.cancel())
        await running

    with pytest.raises(asyncio.CancelledError):
        run(work())
    assert world.engines.live == 0, "nothing goes on behind a run that has ended"
    (step,) = world.store.steps()
    assert step == world.written()[-1]["step"]


@both
def test_a_signal_while_learning_lets_the_step_end(mode: dict[str, Any], tmp_path: Path) -> None:
    world = World(tmp_path, **mode)

    async def work() -> None:
        running = asyncio.create_task(world.run())
        world.learner.before = lambda step: void(running.cancel())
        await running

    with pytest.raises(asyncio.CancelledError):
        run(work())
    assert world.store.steps() == [1]
    assert [row["step"] for row in world.written()] == [0, 1]


def test_a_second_signal_does_not_wait(tmp_path: Path) -> None:
    world = World(tmp_path)

    async def work() -> None:
        running = asyncio.create_task(world.run())
        held = asyncio.Event()
        entered = asyncio.Event()

        def hold(step: int) -> Any:
            entered.set()
            return held.wait()

        world.learner.before = hold
        await entered.wait()
        for _ in range(2):
            running.cancel()
            await asyncio.sleep(0)
        await running

    with pytest.raises(asyncio.CancelledError):
        run(work())
    assert world.store.steps() == []


@pytest.mark.parametrize("failing", [1, 3])
def test_a_learner_that_fails_is_not_saved(failing: int, tmp_path: Path) -> None:
    order = World(tmp_path / "order")
    run(order.run())
    group = 4 * failing - 2
    prompts = {row["prompt_id"] for row in order.episodes(failing) if row["group"] == group}
    world = World(tmp_path / "failing")

    def fail(step: int) -> None:
        if step == failing:
            raise NotFiniteError("the loss is not finite", (group,))

    world.learner.before = fail
    error = stopped(world, LearnerError)
    prompt = repr(*prompts)
    assert str(error) == (
        f"step {failing}, with samples of prompt {prompt}: the loss is not finite"
    )
    assert world.store.steps() == []
    noted = getattr(error, "__notes__", [])
    assert noted == ["step 2 could not be saved: it happened while learning"] * (failing == 3)


def test_a_starved_run_is_saved_and_names_its_prompts(tmp_path: Path) -> None:
    order = World(tmp_path / "order")
    run(order.run())
    useless = [row["prompt_id"] for step in (3, 4, 5) for row in order.episodes(step)]
    world = World(tmp_path / "starved", sampler={"give_up_after": 6})
    world.useless = lambda prompt: prompt in useless
    error = stopped(world, PlumbError)
    assert f"useless were '{useless[0]}' (0 of 2 right)" in str(error)
    assert world.store.steps() == [2]


@both
def test_a_publish_that_fails_leaves_a_saved_step(mode: dict[str, Any], tmp_path: Path) -> None:
    """The learner has its whole step by then."""
    world = World(tmp_path, **mode)
    world.publisher.fails[3] = ClusterError("a process died while sending weights")
    stopped(world, ClusterError)
    assert world.store.steps() == [3]
    assert [row["step"] for row in world.written()] == [0, 1, 2, 3]
    assert world.written()[-1]["canary_gap"] is None
    assert world.episodes(3)
    again = World(tmp_path, **mode)
    run(again.run())
    assert again.learner.steps == [1, 2, 3, 4, 5]
    assert again.publisher.sent[0] == 3, "the engines get what the failed update was to bring"


def test_a_full_disk_is_told_beside_what_stopped_the_run(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.engines.fails["14"] = EngineError("no engine is left")

    def full() -> None:
        raise StorageError("the disk is full")

    world.learner.saving = full
    error = stopped(world, EngineError)
    assert error.__notes__ == ["step 3 could not be saved: the disk is full"]
    assert world.store.steps() == []


def test_a_step_is_saved_though_its_rollouts_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(recorder: Recorder, batch: object, advantages: object) -> None:
        raise StorageError("the disk is full")

    world = World(tmp_path)
    monkeypatch.setattr(Recorder, "trained", full)
    error = stopped(world, StorageError)
    assert getattr(error, "__notes__", []) == []
    assert world.store.steps() == [1]


def test_a_signal_while_the_last_checkpoint_is_written_lets_it_end(tmp_path: Path) -> None:
    world = World(tmp_path)
    saves = []

    async def work() -> None:
        running = asyncio.create_task(world.run())

        def signal() -> Any:
            saves.append(running.cancel())
            return asyncio.sleep(1)

        world.learner.saving = signal
        await running

    with pytest.raises(asyncio.CancelledError):
        run(work())
    assert len(saves) == 1, "two at once would write the same files"
    assert world.store.steps() == [5]


def test_prompts_that_run_out_end_the_run_with_its_evaluation(tmp_path: Path) -> None:
    world = World(tmp_path, train={"steps": 100, "eval_every": 0})
    run(world.run())
    assert len(useful(world)) == len(PROMPTS)
    assert world.learner.steps[-1] == 50
    assert [row["step"] for row in world.written() if "eval_accuracy" in row] == [0, 50]
    assert world.store.steps() == [50]
