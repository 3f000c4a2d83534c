"""What goes on at once: sampling beside learning, and evaluations beside both."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from rl.errors import EngineError, EngineLostError
from tests.rl.trainer_world import HELD_OUT, World, draw, uneven
from tests.virtual_time import run

TWO = {"engines": 2}
LAG_2 = {"max_lag": 2}


def slow_evaluation(session: str) -> float:
    return 60.0 if session.startswith("held_out") else uneven(session)


def watched(world: World) -> dict[int, list[tuple[int, int]]]:
    """Of each step: groups in flight, and answers so far, as it begins and as it ends."""
    found: dict[int, list[tuple[int, int]]] = {}
    train = world.learner.train

    async def watching(shares: Any, step: int, version: int) -> Any:
        def look() -> None:
            seen = found.setdefault(step, [])
            seen.append((world.dispatcher.in_flight, world.engines.answered))

        look()
        result = await train(shares, step, version)
        look()
        return result

    world.learner.train = watching  # type: ignore[method-assign]
    return found


def test_nothing_is_sampled_while_a_synchronous_run_learns(tmp_path: Path) -> None:
    world = World(tmp_path, held_out=())
    found = watched(world)
    run(world.run())
    for before, after in found.values():
        assert before == after
        assert before[0] == 0
    for row in world.steps():
        assert (row["lag_mean"], row["lag_max"], row["groups_carried"]) == (0, 0, 0)


@pytest.mark.parametrize("engines", [1, 2])
def test_an_asynchronous_run_samples_while_it_learns_and_never_drains(
    engines: int, tmp_path: Path
) -> None:
    settings: dict[str, Any] = {
        "sampler": LAG_2,
        "rollout": {"engines": engines},
        "train": {"steps": 10},
    }
    world = World(tmp_path, learn=2.0, **settings)
    found = watched(world)
    run(world.run())
    for before, after in found.values():
        assert before[0] > 0, "a batch is taken while other groups are in flight"
        assert after[0] > 0
    more = [after[1] - before[1] for before, after in found.values()]
    assert sum(more) > 10, "answers end while the policy learns"
    lags = [row["lag_max"] for row in world.steps()]
    assert max(lags) == 2, "stale answers are trained on, but none is too old"
    assert any(row["groups_carried"] for row in world.steps())


@pytest.mark.parametrize("max_lag", [0, 1, 3])
def test_the_numbers_of_lag_and_tokens_are_those_of_the_tokens(
    max_lag: int, tmp_path: Path
) -> None:
    settings: dict[str, Any] = {"sampler": {"max_lag": max_lag}, "train": {"steps": 8}}
    world = World(tmp_path, held_out=(), **settings)
    world.useless = lambda prompt: draw(prompt) % 3 == 0
    run(world.run())
    totals: Counter[str] = Counter()
    for row in world.steps():
        step = row["step"]
        used = {(r["group"], r["episode"]): r for r in world.episodes(step) if r["used"]}
        lags = []
        for tokens in world.tokens(step):
            key = (tokens["group"], tokens["episode"])
            if key in used:
                own = [
                    step - 1 - version
                    for version, is_trained in zip(tokens["versions"], tokens["mask"], strict=True)
                    if is_trained
                ]
                assert used[key]["lag"] == max(own)
                lags += own
        assert row["tokens"]["trained"] == len(lags) == 16
        assert row["lag_max"] == max(lags) <= max_lag
        assert row["lag_mean"] == pytest.approx(sum(lags) / len(lags))
        totals["written"] += sum(r["tokens"] for r in world.episodes(step))
        totals["returned"] += sum(
            r["tokens"] for r in world.episodes(step) if r["ending"] == "returned"
        )
        totals["sampled"] += row["tokens"]["sampled"]
        totals["lost"] += row["tokens"]["lost"]
    assert totals["lost"] == totals["returned"]
    assert (totals["lost"] > 0) == (max_lag == 0)
    last = world.store.newest(world.config)
    assert last is not None
    ready = sum(group.sampled for group in last.dispatch.ready)
    # A group that is returned is sampled again, and counts again.
    assert totals["sampled"] == totals["written"] + ready


def test_evaluations_change_no_batch_of_a_synchronous_run(tmp_path: Path) -> None:
    """Neither do their number, their length, or what comes of them."""
    settings: dict[str, Any] = {
        "sampler": {"prompts_per_step": 4},
        "train": {"steps": 6, "eval_every": 1},
    }
    found = []
    for name, held_out, seconds in [
        ("none", (), uneven),
        ("some", HELD_OUT, uneven),
        ("slow", HELD_OUT, slow_evaluation),
    ]:
        world = World(tmp_path / name, held_out=held_out, seconds=seconds, **settings)
        world.useless = lambda prompt: draw(prompt) % 2 == 0
        run(world.run())
        rows = [
            {key: row[key] for key in ("groups_sampled", "groups_returned", "acceptance_rate")}
            for row in world.steps()
        ]
        found.append((world.learner.batches, world.learner.weights, world.engines.trained(), rows))
        assert len([row for row in world.written() if "eval_accuracy" in row]) == 7 * bool(held_out)
    assert found[0] == found[1] == found[2]


def answered_versions(world: World, step: int) -> set[int]:
    """The versions that the tokens of an evaluation name."""
    return {
        version
        for row in _evaluation(world, step)
        for version, is_sampled in zip(row["versions"], row["mask"], strict=True)
        if is_sampled
    }


def _evaluation(world: World, step: int) -> list[dict[str, Any]]:
    from pyarrow import parquet

    folder = world.config.run_dir / "evaluations" / "held_out"
    rows: list[dict[str, Any]] = parquet.read_table(
        folder / f"step_{step:06d}.tokens.parquet"
    ).to_pylist()
    return rows


@pytest.mark.parametrize(
    ("sampler", "rollout", "train", "mixed", "goes_on"),
    [
        ({}, {}, {}, False, False),
        (LAG_2, {}, {}, False, False),
        (LAG_2, TWO, {}, False, True),
        (LAG_2, {}, {"evaluation_pause": False}, True, True),
    ],
    ids=["synchronous", "one engine", "two engines", "no pause"],
)
def test_an_evaluation_is_of_one_version(
    sampler: dict[str, Any],
    rollout: dict[str, Any],
    train: dict[str, Any],
    mixed: bool,
    goes_on: bool,
    tmp_path: Path,
) -> None:
    """It lasts for several steps: the next update waits, or an engine is set aside."""
    world = World(
        tmp_path,
        seconds=slow_evaluation,
        learn=2.0,
        sampler=sampler,
        rollout=rollout,
        train={"steps": 12, "eval_every": 4, **train},
    )
    passed: dict[int, int] = {}
    evaluated = world.parts.recorder.evaluated

    def noted(name: str, step: int, groups: Any) -> None:
        passed[step] = world.parts.versions.current - step
        evaluated(name, step, groups)

    world.parts.recorder.evaluated = noted  # type: ignore[method-assign]
    run(world.run())
    rows = {row["step"]: row for row in world.written()}
    for step in (4, 8):
        numbers = rows[step]["evaluations"]["held_out"]
        assert numbers["mixed_versions"] == mixed
        assert (answered_versions(world, step) == {step}) == (not mixed)
        assert (passed[step] > 0) == goes_on
    assert rows[12]["eval_accuracy"] == 1.0
    assert world.publisher.sent == list(range(13))


def test_sampling_goes_on_beside_an_evaluation(tmp_path: Path) -> None:
    """In a synchronous run too: the next batch and the evaluation share the engines."""
    world = World(
        tmp_path, seconds=slow_evaluation, learn=80.0, train={"steps": 4, "eval_every": 2}
    )
    sampled: dict[int, int] = {}
    evaluated = world.parts.recorder.evaluated

    def noted(name: str, step: int, groups: Any) -> None:
        sampled[step] = world.parts.recorder.tally.endings["accepted"]
        evaluated(name, step, groups)

    world.parts.recorder.evaluated = noted  # type: ignore[method-assign]
    run(world.run())
    assert sampled == {0: 0, 2: 4, 4: 0}, "the third batch was there, and waited for its step"


@pytest.mark.parametrize("lag", [0, 2])
def test_an_evaluation_that_fails_ends_the_run_at_once(lag: int, tmp_path: Path) -> None:
    """Not where the next one is due, many steps later; with its own error, and a saved step."""
    settings: dict[str, Any] = {
        "sampler": {"max_lag": lag},
        "train": {"steps": 40, "eval_every": 20},
    }
    world = World(tmp_path, rollout=TWO, **settings)
    failing = f"held_out/{HELD_OUT[2].id}"

    def fail_later(step: int) -> None:
        if step == 20:
            world.engines.fails[failing] = EngineError("vLLM refused a request")

    world.learner.before = fail_later
    with pytest.raises(EngineError, match="vLLM refused"):
        run(world.run())
    (saved,) = world.store.steps()
    assert saved in ({20} if lag == 0 else {20, 21})
    assert "eval_accuracy" not in world.written()[20]
    settings["train"]["steps"] = 23
    again = World(tmp_path, rollout=TWO, **settings)
    run(again.run())
    assert [r["step"] for r in again.written() if "eval_accuracy" in r] == [0, saved, 23]


def test_an_evaluation_whose_engine_is_lost_begins_anew(tmp_path: Path) -> None:
    world = World(tmp_path, sampler=LAG_2, rollout=TWO, train={"steps": 4, "eval_every": 2})
    lost = f"held_out/{HELD_OUT[1].id}"

    def lose(step: int) -> None:
        if step == 2:
            world.engines.fails[lost] = EngineLostError("rollout engine 1 is lost: killed")
            world.engines.hooks[lost] = lambda: setattr(world.engines, "away", 1)

    def found(line: str) -> None:
        said.append(line)
        world.engines.fails.pop(lost, None)

    said = world.said
    world.parts.evaluations._say = found
    world.learner.before = lose
    run(world.run())
    told = [line for line in said if "begins anew" in line]
    assert told == ["the evaluation of held_out begins anew: rollout engine 1 is lost: killed"]
    numbers = world.written()[2]["evaluations"]["held_out"]
    assert (numbers["accuracy"], numbers["mixed_versions"], numbers["prompts"]) == (1.0, False, 4)
    assert world.learner.steps == [1, 2, 3, 4]


def test_evaluations_that_a_stop_has_cut_short_are_made_up_for(tmp_path: Path) -> None:
    """One that went on beside later steps is asked of the policy that is left."""
    settings: dict[str, Any] = {
        "sampler": LAG_2,
        "rollout": TWO,
        "train": {"steps": 8, "eval_every": 4},
    }
    world = World(tmp_path, seconds=slow_evaluation, learn=2.0, **settings)

    async def work() -> None:
        running = asyncio.create_task(world.run())
        world.learner.before = lambda step: running.cancel() and None if step == 6 else None
        await running

    with pytest.raises(asyncio.CancelledError):
        run(work())
    assert world.store.steps() == [6]
    assert "eval_accuracy" not in world.written()[4]
    again = World(tmp_path, seconds=slow_evaluation, learn=2.0, **settings)
    run(again.run())
    assert [row["step"] for row in again.written() if "eval_accuracy" in row] == [0, 6, 8]
    assert answered_versions(again, 6) == {6}


def test_what_engines_made_for_nothing_counts_in_its_step(tmp_path: Path) -> None:
    world = World(tmp_path, held_out=())

    def lose(step: int) -> None:
        world.engines.tokens_lost += {2: 70, 4: 5}.get(step, 0)

    world.learner.before = lose
    run(world.run())
    assert [row["tokens"]["lost"] for row in world.steps()] == [0, 70, 0, 5, 0]
