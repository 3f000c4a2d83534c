"""Killed at any instant, a run goes on from its newest checkpoint as if nothing had happened."""

import asyncio
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from data.adaptive import AdaptiveStream
from rl.dispatch.state import DispatchState
from tests.rl.trainer_world import PROMPTS, World, draw
from tests.virtual_time import run

STEPS = 6
SETTINGS: dict[str, Any] = {"train": {"steps": STEPS, "checkpoint_every": 2, "eval_every": 2}}
MODES: dict[str, dict[str, Any]] = {
    "lag 0": {},
    "lag 2": {"sampler": {"max_lag": 2}},
    "lag 2, in order": {"sampler": {"max_lag": 2, "order": "dispatch"}},
}
SYNCHRONOUS = ("lag 0", "lag 0, adaptive")


def useless(prompt: str) -> bool:
    return draw(prompt) % 3 == 0


def world_in(folder: Path, mode: str) -> World:
    source = AdaptiveStream(PROMPTS[:24], seed=0, epochs=None) if "adaptive" in mode else None
    world = World(folder, source=source, **SETTINGS, **MODES.get(mode, {}))
    world.useless = useless
    return world


def killed(folder: Path, mode: str, instant: float) -> tuple[World, DispatchState]:
    """A run of which nothing is left but its files, as they were at an instant."""
    alive = folder.with_name(f"{folder.name}-alive")
    world = world_in(alive, mode)

    async def work() -> None:
        running = asyncio.create_task(world.run())
        await asyncio.wait({running}, timeout=instant)
        shutil.copytree(alive, folder)

    run(work())
    return world, world.dispatcher.state()


def endings(world: World) -> list[tuple[int, str, str]]:
    """Group, prompt and ending of what the rollouts of all steps hold, but for surplus."""
    return [
        (row["group"], row["prompt_id"], row["ending"])
        for step in range(1, STEPS + 1)
        for row in world.episodes(step)
        if row["episode"] == 0 and row["ending"] != "returned"
    ]


def without_times(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    timed = {"time", "seconds", "idle", "tokens_per_second", "evaluations", "checkpoint"}
    return [{key: row[key] for key in row.keys() - timed} for row in rows]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("instant", [3.0, 31.0, 47.0, 66.0, 90.0])
def test_no_prompt_is_lost_and_none_is_doubled(mode: str, instant: float, tmp_path: Path) -> None:
    killed(tmp_path / "run", mode, instant)
    world = world_in(tmp_path / "run", mode)
    run(world.run())
    assert [row["step"] for row in world.written()] == list(range(STEPS + 1))
    measured = [row["step"] for row in world.written() if row.get("eval_accuracy") is not None]
    assert measured == [0, 2, 4, 6], "an evaluation that the kill cut short is made up for"
    ended = endings(world)
    assert max(Counter(index for index, _, _ in ended).values()) == 1
    assert max(Counter(prompt for _, prompt, _ in ended).values()) == 1
    for _, prompt, ending in ended:
        assert ending == ("rejected_incorrect" if useless(prompt) else "trained")
    assert Counter(ending for _, _, ending in ended)["trained"] == 4 * STEPS
    # Every index that was given out has ended, or the last checkpoint holds it.
    last = world.store.newest(world.config)
    assert last is not None
    held = {index for index, _ in last.dispatch.again} | {g.index for g in last.dispatch.ready}
    assert {index for index, _, _ in ended} | held == set(range(last.dispatch.next_index))
    assert not {index for index, _, _ in ended} & held


@pytest.mark.parametrize("mode", SYNCHRONOUS)
@pytest.mark.parametrize("instant", [3.0, 31.0, 47.0, 66.0, 90.0])
def test_a_synchronous_run_trains_on_the_same_batches(
    instant: float, mode: str, tmp_path: Path
) -> None:
    whole = world_in(tmp_path / "whole", mode)
    run(whole.run())
    killed(tmp_path / "run", mode, instant)
    world = world_in(tmp_path / "run", mode)
    step = world.checkpoint.step if world.checkpoint is not None else 0
    run(world.run())
    later = {number: batch for number, batch in whole.learner.batches.items() if number > step}
    assert world.learner.batches == later
    assert world.learner.weights == whole.learner.weights, "to the last token"
    assert without_times(world.written()) == without_times(whole.written())
    for number in range(1, STEPS + 1):
        # What ends at one time is written in any order.
        assert sorted(world.tokens(number), key=str) == sorted(whole.tokens(number), key=str)


def test_batches_in_order_of_dispatch_are_those_of_an_uninterrupted_run(tmp_path: Path) -> None:
    whole = world_in(tmp_path / "whole", "lag 2, in order")
    run(whole.run())
    killed(tmp_path / "run", "lag 2, in order", 47.0)
    world = world_in(tmp_path / "run", "lag 2, in order")
    assert world.checkpoint is not None
    run(world.run())
    assert world.learner.batches == {
        step: batch for step, batch in whole.learner.batches.items() if step > world.checkpoint.step
    }


@pytest.mark.parametrize("mode", MODES)
def test_a_signal_at_any_instant_loses_no_step(mode: str, tmp_path: Path) -> None:
    """Ctrl-C again and again: each process makes at least the step that it is in."""
    steps: list[int] = []
    ended: list[bool] = []

    def go_on(seconds: float) -> bool:
        world = world_in(tmp_path / "run", mode)

        async def work() -> None:
            running = asyncio.create_task(world.run())
            await asyncio.wait({running}, timeout=seconds)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            ended.append(not running.cancelled())

        run(work())
        saved = world.store.steps()
        steps.append(saved[-1] if saved else 0)
        return not ended[-1]

    instants = iter([11.0, 19.0, 23.0, 17.0, 29.0, 37.0, 500.0])
    while go_on(next(instants)):
        pass
    assert steps == sorted(steps)
    assert len(set(steps)) > 3
    world = world_in(tmp_path / "run", mode)
    counts = Counter(index for index, _, _ in endings(world))
    assert max(counts.values()) == 1
    measured = [row["step"] for row in world.written() if row.get("eval_accuracy") is not None]
    assert measured == [0, 2, 4, 6]
