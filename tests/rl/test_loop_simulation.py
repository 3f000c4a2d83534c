"""Dispatch over simulated engines: lags of tokens, not of groups; what asynchronous steps gain."""

import asyncio
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.bench.loop.simulation import Case, simulate
from tests.bench.loop.synchronous import Done, WavesWithCarry
from tests.rl.dispatch_world import ACCEPTED, World, dispatcher_in, indices, shuffled
from tests.virtual_time import run

SMALL = {"size": 12, "samples": 8, "engines": 2, "steps": 20}


@given(st.sampled_from([0, 1, 2, 4]), st.sampled_from(["ready", "dispatch"]), st.integers(0, 99))
@settings(max_examples=6)
def test_no_token_is_trained_older_than_it_may_be_though_engines_die(
    lag: int, order: str, seed: int
) -> None:
    found = simulate(
        Case("any", 0.5, 1.0, lag, order=order, seed=seed, deaths=4, **SMALL)  # type: ignore[arg-type]
    )
    assert found.lag_max <= lag
    assert found.lag_mean <= lag
    assert found.lost <= (0.25 if lag == 0 else 0.15)


def test_an_asynchronous_step_takes_a_fraction_of_a_synchronous_one() -> None:
    before = simulate(Case("synchronous before", 0.5, 1.0, **SMALL))  # type: ignore[arg-type]
    for lag, ahead, most in ((0, None, 1.3), (2, None, 0.6), (4, 2.0, 0.5)):
        step = simulate(Case("any", 0.5, 1.0, lag, ahead, **SMALL)).step  # type: ignore[arg-type]
        assert step <= most * before.step, (lag, step, before.step)


@given(st.integers(0, 2**32), st.sampled_from([1, 4, 16]), st.sampled_from([0.25, 0.6, 0.95]))
@settings(max_examples=40)
def test_a_synchronous_batch_is_that_of_the_sampler_before(
    seed: int, size: int, rate: float
) -> None:
    """Equal first batches, of equally many prompts, though groups finish in other orders."""
    draw = random.Random(seed)
    outcomes = ["mixed" if draw.random() < rate else "wrong" for _ in range(400)]
    world = World(outcomes, shuffled(seed))
    batch = run(dispatcher_in(world, prompts_per_step=size).batch())
    delay, sent = shuffled(seed + 1), 0

    async def sample() -> Done:
        nonlocal sent
        index, sent = sent, sent + 1
        await asyncio.sleep(delay(index, 0))
        return Done(index, outcomes[index] in ACCEPTED, {}, 0)

    before = run(WavesWithCarry(sample, size).batch(0))
    assert indices(batch) == [one.index for one in before]
    assert len(world.dispatched) == sent
