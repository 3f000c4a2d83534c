"""What a listening source is told depends on outcomes alone, and so does its order at max_lag 0."""

import json
import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.adaptive import AdaptiveStream
from data.curriculum import CurriculumStream
from data.mixture import Mixture
from data.schema import Answered, ListeningSource, Prompt
from data.stream import PromptStream
from rl.dispatch.dispatcher import Dispatcher
from rl.dispatch.state import DispatchState
from tests.rl.dispatch_world import (
    VERDICTS,
    World,
    dispatcher_in,
    drain,
    indices,
    make_prompts,
    shape,
    shuffled,
)
from tests.virtual_time import run

PROMPTS, EPOCHS = 24, 4


def adaptive() -> ListeningSource:
    return AdaptiveStream(make_prompts(PROMPTS), seed=3, epochs=EPOCHS)


def curriculum() -> ListeningSource:
    prompts = [
        Prompt(
            one.id,
            one.messages,
            one.reference,
            metadata={"pass_rate": {"k": 8, "correct": number % 9}},
        )
        for number, one in enumerate(make_prompts(PROMPTS))
    ]
    return CurriculumStream(prompts, seed=3, epochs=EPOCHS, batches=12)


def mixture() -> ListeningSource:
    parts = {
        name: AdaptiveStream(
            [prompt.of_source(name) for prompt in make_prompts(PROMPTS // 2)], seed=1, epochs=EPOCHS
        )
        for name in "ab"
    }
    return Mixture(parts, {"a": 2.0, "b": 1.0})


SOURCES: dict[str, Callable[[], ListeningSource]] = {
    "adaptive": adaptive,
    "curriculum": curriculum,
    "mixture": mixture,
}
names = st.sampled_from(sorted(SOURCES))
sizes = st.integers(1, 7)
orders = st.integers(0, 2**32)
lags = st.sampled_from([0, 1, 2])


def outcomes(seed: int) -> list[str]:
    draw = random.Random(f"outcomes/{seed}")
    kinds = sorted(VERDICTS) + ["mixed"] * 6
    return [draw.choice(kinds) for _ in range(EPOCHS * PROMPTS)]


class Told(PromptStream):
    """An order that does not listen to what it is told, but keeps it."""

    def __init__(self, count: int) -> None:
        super().__init__(make_prompts(count), seed=5, epochs=1)
        self.said: list[list[Answered]] = []

    def note(self, answered: list[Answered]) -> None:
        self.said.append(answered)


def saved(state: DispatchState) -> DispatchState:
    return DispatchState.from_json(json.loads(json.dumps(state.to_json())), state.ready)


@given(names, orders, sizes, st.floats(1.0, 6.0), orders, orders)
@settings(max_examples=20, deadline=None)
def test_the_order_is_a_function_of_outcomes_alone(
    name: str, seed: int, size: int, oversampling: float, first: int, second: int
) -> None:
    """Neither order of completion, nor lost engines, nor free engines change what is asked."""
    runs = []
    for order, dying, free in ((first, 0.0, 1000.0), (second, 0.3, 0.5)):
        world = World(outcomes(seed), shuffled(order), dying, free=free)
        dispatcher = dispatcher_in(
            world,
            source=SOURCES[name](),
            prompts_per_step=size,
            max_oversampling=oversampling,
        )
        batches = run(drain(world, dispatcher))
        runs.append((world.dispatched, shape(batches), dispatcher.state()))
    assert runs[0] == runs[1]


@given(names, orders, sizes, orders, st.integers(0, 8))
@settings(max_examples=20, deadline=None)
def test_a_resumed_synchronous_run_asks_what_an_uninterrupted_one_does(
    name: str, seed: int, size: int, order: int, before: int
) -> None:
    def started(world: World) -> Dispatcher:
        return dispatcher_in(world, source=SOURCES[name](), prompts_per_step=size)

    world = World(outcomes(seed), shuffled(order))
    whole = run(drain(world, started(world)))
    first = World(outcomes(seed), shuffled(order))
    dispatcher = started(first)
    start = run(drain(first, dispatcher, batches=before))
    second = World(outcomes(seed), shuffled(order + 1), version=first.version)
    other = started(second)
    other.restore(saved(dispatcher.state()))
    rest = run(drain(second, other))
    assert shape([*start, *rest]) == shape(whole)
    known = dict(first.dispatched) | dict(second.dispatched)
    assert known == dict(world.dispatched)


@given(names, orders, sizes, lags, st.sampled_from([0.0, 0.3]), orders)
@settings(max_examples=20, deadline=None)
def test_every_group_ends_once_whatever_the_order(
    name: str, seed: int, size: int, lag: int, dying: float, order: int
) -> None:
    world = World(outcomes(seed), shuffled(order), dying)
    dispatcher = dispatcher_in(world, source=SOURCES[name](), prompts_per_step=size, max_lag=lag)
    trained = [index for batch in run(drain(world, dispatcher)) for index in indices(batch)]
    assert sorted([*trained, *world.gone]) == list(range(EPOCHS * PROMPTS))
    assert sorted(trained) == world.accepted


@given(orders, sizes, lags, st.sampled_from([0.0, 0.3]), st.integers(1, 6))
@settings(max_examples=20, deadline=None)
def test_a_source_is_told_of_every_ending_once_in_dispatch_order(
    seed: int, size: int, lag: int, dying: float, before: int
) -> None:
    """Also of those that end between a batch and a stop, by the run that goes on."""
    kinds = outcomes(seed)
    world = World(kinds, shuffled(seed), dying)
    source = Told(len(kinds))
    dispatcher = dispatcher_in(world, source=source, prompts_per_step=size, max_lag=lag)
    state: list[DispatchState] = []

    async def work() -> None:
        await drain(world, dispatcher, batches=before)
        await dispatcher.aclose()
        state.append(saved(dispatcher.state()))

    run(work())
    second = World(kinds, shuffled(seed + 1), version=world.version)
    rest = Told(len(kinds))
    other = dispatcher_in(second, source=rest, prompts_per_step=size, max_lag=lag)
    other.restore(state[0])
    run(drain(second, other))
    prompt_of = dict(world.dispatched) | dict(second.dispatched)
    told = [one for batch in [*source.said, *rest.said] for one in batch]
    ended = [index for index, ending in [*world.ended, *second.ended] if ending != "returned"]
    expected = []
    for index in ended:
        verdicts = [one for one in VERDICTS[kinds[index]] if one.is_gradable]
        right = sum(one.is_correct for one in verdicts)
        expected.append(Answered(prompt_of[index], len(verdicts), right))
    assert sorted(told) == sorted(expected)
    places = {prompt: index for index, prompt in prompt_of.items()}
    for batch in [*source.said, *rest.said]:
        assert [places[one.prompt] for one in batch] == sorted(places[one.prompt] for one in batch)


def test_a_source_that_does_not_listen_costs_nothing() -> None:
    world = World(["mixed", "wrong"] * 20, shuffled(1))
    dispatcher = dispatcher_in(world, prompts_per_step=3)
    run(drain(world, dispatcher, batches=3))
    assert dispatcher.state().untold == ()


@pytest.mark.parametrize("name", SOURCES)
def test_outcomes_do_change_the_order(name: str) -> None:
    """Else the tests above would show nothing."""
    asked = []
    for kinds in (["mixed"] * EPOCHS * PROMPTS, (["right"] * 3 + ["mixed"]) * PROMPTS):
        world = World(kinds, shuffled(2))
        run(drain(world, dispatcher_in(world, source=SOURCES[name](), prompts_per_step=4)))
        asked.append([prompt for _, prompt in world.dispatched])
    assert asked[0] != asked[1]
