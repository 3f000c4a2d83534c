"""How many groups are in flight: bounds of `Flow`, and waves that cost few rounds."""

import math
import random
from collections import Counter
from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rl.dispatch.flow import LEAST, PRIOR, TOP_UP, WINDOW, Flow
from rl.dispatch.ledger import Ledger
from rl.dispatch.waves import OrderedRate, Waves
from tests.rl.dispatch_world import ACCEPTED, World, dispatcher_in, indices
from tests.virtual_time import run


@given(
    st.integers(1, 8),
    st.integers(1, 4),
    st.floats(0, 1),
    st.lists(st.integers(0, 3), max_size=200),
    st.integers(0, 2**32),
)
@settings(max_examples=50)
def test_flow_fills_a_version_up_to_its_bound_and_then_only_what_is_missing(
    size: int, lag: int, share: float, doings: list[int], seed: int
) -> None:
    """Settling, taking and publishing in any order: room is exactly what the rule says."""
    draw = random.Random(seed)
    ledger: Ledger[int] = Ledger(size, lag, "ready", share * lag)
    flow = Flow(ledger)
    version = index = 0
    is_new = True
    seen: list[bool] = []

    def fits() -> bool:
        flying = ledger.open + 1
        ahead = min(share * lag + TOP_UP, lag)
        capacity = int((version + ahead + 1 - ledger.taken) * size) - ledger.ready
        spread = 2 * math.sqrt(flow.rate * (1 - flow.rate) * flying)
        return flying <= capacity or flow.rate * flying + spread <= capacity

    def lacks() -> bool:
        return lag == 1 or flow.rate * (ledger.open + 1) + ledger.ready <= LEAST * size

    for doing in doings:
        while flow.room(version, 1000):
            assert fits()
            assert is_new or lacks()
            assert flow.dispatched() == index
            ledger.dispatch(index, version)
            index += 1
        assert not fits() or not (is_new or lacks())
        is_new = False
        assert not flow.room(version, 0.9), "without a free engine nothing starts"
        if doing == 0:
            is_new = ledger.take() is not None
            version += is_new
            ledger.expire()
        elif ledger.open:
            settled = draw.choice(ledger.opened)
            seen.append(doing == 1)
            ledger.settle(settled, settled if doing == 1 else None)
            flow.note(settled, doing == 1)
            rate = (sum(seen[-WINDOW:]) + PRIOR) / (len(seen[-WINDOW:]) + PRIOR)
            assert math.isclose(flow.rate, rate)
    again = Flow(ledger)
    again.load_state_dict(flow.state_dict())
    assert again.state_dict() == flow.state_dict()
    assert again.rate == flow.rate


def test_one_group_starts_however_few_places_there_are() -> None:
    ledger: Ledger[int] = Ledger(4, 2)
    flow = Flow(ledger)
    assert flow.room(0, 0.25)
    ledger.dispatch(flow.dispatched(), 0)
    assert not flow.room(0, 0.25)


@given(st.lists(st.booleans(), max_size=400), st.integers(0, 2**32))
def test_the_rate_counts_outcomes_in_the_order_of_dispatch(outcomes: list[bool], seed: int) -> None:
    places = list(range(len(outcomes)))
    random.Random(seed).shuffle(places)
    rate = OrderedRate()
    counted = [one for place in places for one in rate.observe(place, outcomes[place])]
    assert counted == outcomes
    values = accumulate(
        enumerate(outcomes, 1),
        lambda value, item: value + (item[1] - value) / min(item[0], WINDOW),
        initial=1.0,
    )
    assert rate.value == list(values)[-1]


@pytest.mark.parametrize(
    ("rate", "oversampling", "most"), [(0.1, 16.0, 3.5), (0.1, 4.0, 12), (0.5, 4.0, 3.5)]
)
def test_a_low_acceptance_rate_costs_few_waves(
    rate: float, oversampling: float, most: float
) -> None:
    draw = random.Random(f"waves/{rate}")
    outcomes = ["mixed" if draw.random() < rate else "wrong" for _ in range(8000)]
    world = World(outcomes, lambda _index, _attempt: 1.0)
    dispatcher = dispatcher_in(world, prompts_per_step=32, max_oversampling=oversampling)

    async def work() -> list[int]:
        waves = []
        for _ in range(12):
            start = len(world.graded)
            batch = await dispatcher.batch()
            assert len(indices(batch)) == 32
            sent = Counter(known for known in world.graded_before if known >= start)
            waves.append(len(sent))
            for known, count in sorted(sent.items()):
                found = sum(world.outcomes[i] in ACCEPTED for i in world.graded[start:known])
                assert count <= math.ceil((32 - found) * oversampling)
            world.version += 1
        return waves

    waves = run(work())
    assert sum(waves[1:]) / len(waves[1:]) <= most, waves


def test_nothing_is_sent_between_a_batch_and_the_policy_that_it_makes() -> None:
    ledger: Ledger[int] = Ledger(1, 0)
    waves = Waves(ledger, oversampling=4.0, limit=20)
    assert waves.room(0, 0.0)
    ledger.dispatch(waves.dispatched(), 0)
    ledger.settle(0, 0)
    waves.note(0, True)
    assert ledger.take() is not None
    waves.taken()
    assert not waves.room(0, 100.0)
    assert waves.room(1, 0.0)


def test_what_is_known_behind_a_gap_counts_once_the_gap_is_sent_anew() -> None:
    ledger: Ledger[int] = Ledger(4, 0)
    waves = Waves(ledger, oversampling=4.0, limit=80)
    for _ in range(4):
        assert waves.room(0, 0.0)
        ledger.dispatch(waves.dispatched(), 0)
    for place in (3, 1):
        waves.note(place, False)
    assert waves.rate == 1.0
    state = waves.state_dict()
    again = Waves(Ledger(4, 0), oversampling=4.0, limit=80)
    again.load_state_dict(state)
    assert again.rate == 0.0
    assert again.state_dict() == state
    assert again.dispatched() == 4
    again.note(4, True)
    assert math.isclose(again.rate, 1 / 3)
