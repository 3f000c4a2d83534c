"""Orders that follow the run: what comes more often, what never starves, how they resume."""

import json
import math
import random
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.adaptive import AdaptiveStream
from data.curriculum import CurriculumStream
from data.errors import PromptError, StreamError, StreamStateError
from data.pass_rates import PassRates
from data.schema import Answered, ListeningSource, Prompt, PromptSource, stratum
from data.stream import PromptStream
from data.weighted import BLOCK, WeightedDraw


def prompts(rates: Sequence[float | None], k: int = 10) -> list[Prompt]:
    return [
        Prompt(
            f"p{number}",
            ({"role": "user", "content": f"q{number}"},),
            task="math",
            metadata={}
            if rate is None
            else {"pass_rate": {"k": k, "correct": round(rate * k), "model": "m"}},
        )
        for number, rate in enumerate(rates)
    ]


def adaptive(size: int = 12, **changes: Any) -> AdaptiveStream:
    return AdaptiveStream(prompts([None] * size), **{"seed": 0, "epochs": None} | changes)


def curriculum(size: int = 12, **changes: Any) -> CurriculumStream:
    rates = [number % 11 / 10 for number in range(size)]
    return CurriculumStream(prompts(rates), **{"seed": 0, "epochs": None, "batches": 10} | changes)


STREAMS: dict[str, Callable[..., AdaptiveStream | CurriculumStream]] = {
    "adaptive": adaptive,
    "curriculum": curriculum,
}


def play(source: ListeningSource, batches: int, size: int, seed: int = 0) -> list[str]:
    """What a source gives to a policy whose answers depend on the prompt and the batch alone."""
    given_out = []
    for batch in range(batches):
        answered = []
        for _ in range(size):
            prompt = source.next()
            if prompt is None:
                break
            given_out.append(prompt.id)
            draw = random.Random(f"{seed}/{batch}/{prompt.id}")
            answered.append(Answered(prompt.id, 8, draw.randint(0, 8)))
        source.note(answered)
    return given_out


def through_json(state: Any) -> Any:
    return json.loads(json.dumps(state))


@pytest.mark.parametrize("order", STREAMS)
@given(size=st.integers(1, 30), seed=st.integers(0, 9), batches=st.integers(0, 8))
@settings(max_examples=40)
def test_a_resumed_stream_continues_exactly(order: str, size: int, seed: int, batches: int) -> None:
    made = STREAMS[order]
    first = made(size, seed=seed)
    play(first, batches, 5)
    state = through_json(first.state_dict())
    second = made(size, seed=seed)
    play(second, 2, 3, seed=7)
    second.load_state_dict(state)
    assert second.state_dict() == first.state_dict()
    assert play(second, 6, 5, seed=1) == play(first, 6, 5, seed=1)


@pytest.mark.parametrize("order", STREAMS)
def test_a_stream_in_mid_batch_continues_exactly(order: str) -> None:
    first, second = STREAMS[order](9), STREAMS[order](9)
    play(first, 3, 4)
    flying = [first.next() for _ in range(5)]
    second.load_state_dict(through_json(first.state_dict()))
    answered = [Answered(prompt.id, 4, 1) for prompt in flying if prompt is not None]
    for source in (first, second):
        source.note(answered)
    assert play(second, 5, 4) == play(first, 5, 4)


@pytest.mark.parametrize("order", STREAMS)
def test_an_epoch_is_as_many_prompts_as_there_are(order: str) -> None:
    source = STREAMS[order](12, epochs=2)
    assert isinstance(source, PromptSource) and isinstance(source, ListeningSource)
    assert source.total == 24
    assert len(play(source, 10, 5)) == 24
    assert source.next() is None
    longer = STREAMS[order](12, epochs=3)
    longer.load_state_dict(source.state_dict())
    assert len(play(longer, 10, 5)) == 12
    assert STREAMS[order](12).total is None


@pytest.mark.parametrize("order", STREAMS)
def test_other_data_settings_and_damage_are_refused_and_change_nothing(order: str) -> None:
    made = STREAMS[order]
    source = made(12)
    play(source, 3, 4)
    state = source.state_dict()
    plain = PromptStream(prompts([0.5] * 12), seed=0, epochs=None)
    rest = {key: value for key, value in state.items() if key != "given"}
    for other, saved, said in (
        (made(11), state, "belongs to other data: it was saved with 12 prompts"),
        (made(12, seed=1), state, "was taken with seed=0 and this run has seed=1"),
        (made(12), state | {"order": "uniform"}, f"order=uniform and this run has order={order}"),
        (plain, state | {"data": plain.state_dict()["data"]}, f"was taken with order={order}"),
        (made(12), rest, "the saved position is damaged"),
        (made(12), state | {"given": -1}, "the saved position is damaged"),
        (made(12), state | {"rates": {}, "times": [[99], [1]]}, "the saved position is damaged"),
        (made(12), state | {"awaited": [12], "times": [[0], [-1]]}, "is damaged"),
        (made(12), state | {"walk": {}, "times": None}, "is damaged"),
    ):
        other.next()
        before = other.state_dict()
        with pytest.raises(StreamStateError) as caught:
            other.load_state_dict(saved)
        assert said in str(caught.value), saved
        assert "\n" not in str(caught.value)
        assert other.state_dict() == before


@given(
    size=st.integers(1, 40),
    floor=st.sampled_from([0.1, 0.3, 1.0]),
    batch=st.integers(3, 50),
    seed=st.integers(0, 5),
)
@settings(max_examples=15)
def test_nothing_starves(size: int, floor: float, batch: int, seed: int) -> None:
    """Whatever is answered; what is awaited as a window begins was given just before it."""
    source = adaptive(size, floor=floor, seed=seed)
    window = math.ceil(size / floor)
    given_out = play(source, -(-4 * window // batch), batch, seed)
    assert len(set(given_out[:window])) == size
    for start in (window // 2, window, len(given_out) - 2 * window):
        assert len(set(given_out[max(0, start - batch) : start + 2 * window])) == size


def test_what_can_be_learnt_comes_more_often() -> None:
    """Of easy, medium and hard prompts the medium ones, by the run's own answers alone."""
    rates = [1.0] * 100 + [0.5] * 100 + [0.0] * 100
    source = adaptive(300)
    shares = []
    for _ in range(60):
        batch = [prompt for prompt in (source.next() for _ in range(32)) if prompt is not None]
        numbers = [int(prompt.id[1:]) for prompt in batch]
        source.note([Answered(f"p{at}", 8, int(8 * rates[at])) for at in numbers])
        shares.append(sum(100 <= at < 200 for at in numbers) / len(numbers))
    assert sum(shares[:5]) / 5 < 0.5
    assert sum(shares[-20:]) / 20 > 0.6


def test_rates_that_were_measured_are_what_it_begins_with() -> None:
    source = AdaptiveStream(prompts([1.0] * 50 + [0.5] * 50 + [0.0] * 50), seed=0, epochs=None)
    first = Counter(int(name[1:]) // 50 for name in play(source, 1, 45))
    assert first[1] > first[0] + 4 and first[1] > first[2] + 4


def test_a_prompt_is_not_given_while_it_is_awaited() -> None:
    source = adaptive(20)
    taken = [source.next() for _ in range(20)]
    assert len({prompt.id for prompt in taken if prompt is not None}) == 20
    assert source.next() is not None, "unless all are"


def test_estimates_follow_the_policy_and_forget() -> None:
    data = prompts([0.5] * 40 + [None] * 40)
    known = PassRates(data, half_life=5)
    assert known.estimates() == pytest.approx(0.5)
    for _ in range(30):
        known.note([Answered(f"p{number}", 8, 8) for number in range(10)])
    after = known.estimates()
    assert after[:10].min() > 0.9, "what was asked"
    assert 0.7 < after[10] < after[0], "what is like it, though it was never asked"
    assert after[40:] == pytest.approx(0.5), "what is not like it"
    for _ in range(60):
        known.note([])
    assert known.estimates() == pytest.approx(0.5, abs=0.02)
    known.note([Answered("p0", 0, 0), Answered("another's", 8, 0)])
    assert known.estimates() == pytest.approx(0.5, abs=0.02)


@given(st.lists(st.integers(0, 50), min_size=1, max_size=3 * BLOCK), st.randoms())
@settings(max_examples=30)
def test_draws_are_those_of_the_plain_sum(weights: list[int], draw: random.Random) -> None:
    drawn = WeightedDraw(np.array(weights, np.int64))
    left = list(weights)
    for _ in range(5):
        assert drawn.total == sum(left)
        if not drawn.total:
            break
        at = draw.randrange(drawn.total)
        ends = np.cumsum(left)
        expected = int(np.searchsorted(ends, at, side="right"))
        assert drawn.take(at) == expected
        left[expected] = 0


def test_draws_are_pinned() -> None:
    """A resumed run on another machine or Python must see the same order."""
    assert " ".join(play(adaptive(12), 2, 5)) == "p5 p10 p11 p0 p8 p2 p6 p3 p7 p1"


@pytest.mark.parametrize("batch", [4, 100])
def test_a_curriculum_goes_from_easy_to_hard(batch: int) -> None:
    """A run of less than a pass, and one of many."""
    rates = [number / 200 for number in range(200)]
    source = CurriculumStream(
        prompts(rates, k=200), seed=0, epochs=None, batches=40, start=0.2, until=0.8
    )
    means, times = [], Counter[int]()
    for taken in range(40):
        opened = math.ceil((0.2 + 0.8 * min(1, taken / 32)) * 200)
        numbers = []
        for _ in range(batch):
            prompt = source.next()
            assert prompt is not None
            number = int(prompt.id[1:])
            assert number >= 200 - opened, "not open yet"
            assert times[number] == min(times[one] for one in range(200 - opened, 200))
            times[number] += 1
            numbers.append(number)
        source.note([])
        means.append(sum(numbers) / batch / 200)
    assert means[0] > 0.8
    assert sum(means[32:]) / 8 < 0.6
    assert max(times.values()) == (1 if batch == 4 else 20)


def test_a_curriculum_needs_pass_rates() -> None:
    with pytest.raises(PromptError, match=r"^2 of 3 prompts have no pass_rate .* first is 'p1'"):
        CurriculumStream(prompts([0.5, None, None]), seed=0, epochs=None, batches=1)
    odd = [
        Prompt("x", ({"role": "user", "content": "q"},), metadata={"pass_rate": rate})
        for rate in (0.5, {"k": 0, "correct": 0}, {"k": 2, "correct": 3}, {"k": True}, None)
    ]
    assert [prompt.evidence for prompt in odd] == [None] * 5


def test_impossible_orders_are_refused() -> None:
    for wrong in ({"floor": 0.0}, {"floor": 1.5}, {"half_life": 0.0}, {"half_life": float("nan")}):
        with pytest.raises(StreamError, match="give a share above 0"):
            adaptive(**wrong)
    for wrong in ({"start": 0.0}, {"until": 1.5}, {"batches": 0}):
        with pytest.raises(StreamError, match="give shares and a number"):
            curriculum(**wrong)
    for made in (
        lambda: AdaptiveStream([], seed=0, epochs=1),
        lambda: CurriculumStream([], seed=0, epochs=1, batches=1),
    ):
        with pytest.raises(StreamError, match="no prompts to stream"):
            made()


def test_strata() -> None:
    assert [stratum(5, 5), stratum(1, 5), stratum(4, 5), stratum(0, 5)] == [
        *("easy", "medium", "medium", "hard")
    ]
