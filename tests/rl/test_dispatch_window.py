"""When a run stops: too little teaches, too much cannot be graded, or something broke."""

import asyncio
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rl.dispatch.dispatcher import LOSSES
from rl.errors import EngineError, SamplerStarvedError, StorageError, UngradableError
from rl.groups import Batch, Group
from tests.rl.dispatch_world import (
    ACCEPTED,
    VERDICTS,
    World,
    dispatcher_in,
    drain,
    indices,
    shuffled,
)
from tests.virtual_time import run

outcome_lists = st.lists(st.sampled_from(sorted(VERDICTS)), min_size=1, max_size=60)
orders = st.integers(0, 2**32)


def first_batch(world: World, **settings: object) -> Batch:
    return run(dispatcher_in(world, **settings).batch())


@given(outcome_lists, st.integers(1, 7), st.integers(1, 30), orders)
def test_giving_up_happens_at_the_limit_and_not_before(
    outcomes: list[str], size: int, limit: int, order: int
) -> None:
    outcomes = [*outcomes, *["wrong"] * 40]
    world = World(outcomes, shuffled(order))
    dispatcher = dispatcher_in(world, prompts_per_step=size, give_up_after=limit)
    found = sum(outcome in ACCEPTED for outcome in outcomes[:limit])
    if found >= size:
        assert len(run(dispatcher.batch()).groups) == size
        assert len(world.dispatched) <= limit
        return
    with pytest.raises(SamplerStarvedError) as caught:
        run(dispatcher.batch())
    assert [index for index, _ in world.dispatched] == list(range(limit))
    assert world.in_flight == 0
    message = str(caught.value)
    assert f"after {limit} prompts" in message
    assert f"acceptance rate {found / limit:.1%}, {found} of {size} groups" in message
    assert "raise sampler.samples_per_prompt (now 3) in a new run, or raise sampler.give" in message
    useless = [i for i, outcome in enumerate(outcomes[:limit]) if outcome not in ACCEPTED]
    told = re.findall(r"'(p\d+)' \(\d of \d right\)", message)
    asked = dict(world.dispatched)
    assert told == [asked[index] for index in useless[:3]]
    assert ("all were useful, and too few" in message) == (not useless)
    assert (f" and {len(useless) - 3} more;" in message) == (len(useless) > 3)
    assert len(dispatcher.state().ready) == found


@pytest.mark.parametrize("lag", [1, 4])
def test_an_asynchronous_run_gives_up_too(lag: int) -> None:
    """It counts what has ended since the last batch, as nothing ever drains."""
    world = World([*["mixed"] * 12, *["wrong"] * 500], shuffled(lag))
    dispatcher = dispatcher_in(world, prompts_per_step=4, max_lag=lag, give_up_after=100)
    with pytest.raises(SamplerStarvedError, match=r"after 1\d\d prompts: .* of 4 groups"):
        run(drain(world, dispatcher))
    assert 100 < len(world.graded) <= 12 + 100 + 20


@pytest.mark.parametrize("lag", [0, 2])
def test_a_source_that_ends_at_the_limit_gives_a_short_batch(lag: int) -> None:
    """Nothing is left that could be sampled, so there is nothing to give up."""
    world = World(["right", "mixed", "wrong"], shuffled(0))
    dispatcher = dispatcher_in(world, prompts_per_step=2, give_up_after=3, max_lag=lag)
    assert [indices(batch) for batch in run(drain(world, dispatcher))] == [[1]]


@pytest.mark.parametrize(
    ("outcome", "rule", "remedy"),
    [
        ("right", "correctness", "too easy for this policy: use harder data"),
        ("wrong", "correctness", "too hard for this policy: use easier data"),
        ("right", "reward", "rewards do not differ"),
        ("broken", "correctness", "could not be graded"),
    ],
)
def test_the_remedy_fits_what_went_wrong(outcome: str, rule: str, remedy: str) -> None:
    world = World([outcome] * 100, shuffled(1))
    with pytest.raises(SamplerStarvedError, match=remedy):
        first_batch(world, prompts_per_step=2, filter=rule, give_up_after=None)
    assert len(world.dispatched) == 40, "by default a batch may consume 20 times its size"


def test_the_ungradable_share_may_be_reached_but_not_passed() -> None:
    world = World(["partly"] * 30, shuffled(1))
    assert len(first_batch(world, max_ungradable=1 / 3).groups) == 30
    world = World(["partly"] * 30, shuffled(1))
    with pytest.raises(UngradableError, match=r"30 of 90 .*max_ungradable=0.33 .*30 x infrastr"):
        first_batch(world, max_ungradable=0.33)
    assert world.in_flight == 0


def test_an_asynchronous_run_notices_an_outage_before_it_starves() -> None:
    world = World([*["mixed"] * 40, *["broken"] * 2000], shuffled(4))
    dispatcher = dispatcher_in(world, prompts_per_step=8, max_lag=2, max_ungradable=0.1)
    with pytest.raises(UngradableError, match="infrastructure: the verifier is away"):
        run(drain(world, dispatcher))
    assert len(world.graded) <= 40 + 8 * 4


def test_too_many_ungradable_answers_are_counted_by_kind() -> None:
    world = World(["astray"] * 10, shuffled(0))
    with pytest.raises(UngradableError, match=r"30 of 30 .*: 30 x tests: line \d+ does not"):
        first_batch(world, prompts_per_step=10, max_ungradable=0.5)


@pytest.mark.parametrize("lag", [0, 2])
def test_answers_that_make_grading_explode_cannot_stop_a_run(lag: int) -> None:
    """They are left out; only where there is nothing else the batch starves, with the reasons."""
    world = World(["exploded", "mixed"] * 30, shuffled(3))
    batch = first_batch(world, prompts_per_step=20, max_ungradable=0.0, max_lag=lag)
    assert batch.endings["ungradable"] > 0
    assert len(batch.groups) == 20
    world = World(["exploded"] * 100, shuffled(3))
    with pytest.raises(SamplerStarvedError, match=r"40 ungradable \(40 x crash: it did; 40 x dead"):
        first_batch(world, prompts_per_step=2, max_ungradable=0.0, give_up_after=None, max_lag=lag)


def test_what_stands_with_the_data_does_not_count_as_a_failure_of_grading() -> None:
    world = World(["right", "refused", "mixed"] * 5, shuffled(2))
    assert first_batch(world, max_ungradable=0.0).endings["ungradable"] > 0


@pytest.mark.parametrize("lag", [0, 2])
def test_what_breaks_a_group_ends_the_batch_with_its_error(lag: int) -> None:
    world = World(["mixed"] * 20, shuffled(2), fails_at=3)
    dispatcher = dispatcher_in(world, prompts_per_step=10, max_lag=lag)
    for _ in range(2):
        with pytest.raises(ConnectionError, match="the verifier is gone"):
            run(dispatcher.batch())
    assert 3 in [index for index, _ in dispatcher.state().again]


def test_a_disk_that_is_full_when_a_group_is_written_ends_the_batch() -> None:
    def full(group: Group, ending: str) -> None:
        raise StorageError(f"no space left for group {group.index}")

    world = World(["wrong"] * 20, shuffled(2))
    dispatcher = dispatcher_in(world, prompts_per_step=4)
    dispatcher._ended = full
    with pytest.raises(StorageError, match="no space left for group"):
        run(dispatcher.batch())


def test_a_group_that_loses_every_engine_ends_the_run() -> None:
    world = World(["mixed"] * 4, lambda _index, _attempt: 1.0, deaths=1.1)
    with pytest.raises(EngineError, match=rf"has lost its engine {LOSSES + 1} times: engine 0"):
        first_batch(world, prompts_per_step=2)
    assert max(world.tries.values()) == LOSSES + 1


def test_a_group_whose_task_is_cancelled_from_without_begins_again() -> None:
    """As where an environment's library cancels whatever calls it."""
    world = World(["mixed"] * 4, lambda _index, _attempt: 10.0)
    dispatcher = dispatcher_in(world, prompts_per_step=2)

    async def work() -> None:
        waiting = asyncio.ensure_future(dispatcher.batch())
        await asyncio.sleep(1)
        for task in asyncio.all_tasks() - {asyncio.current_task(), waiting}:
            task.cancel()
        batch = await waiting
        assert [group.index for group in batch.groups] == [0, 1]
        assert batch.endings["restarted"] == 2
        await dispatcher.aclose()

    run(work())
