"""A stream gives every prompt once an epoch, and continues exactly where it stood."""

import json
from dataclasses import replace
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.arithmetic import arithmetic_prompts
from data.errors import PromptError, StreamError, StreamStateError
from data.schema import Prompt, PromptSource
from data.stream import PromptStream

PROMPTS = arithmetic_prompts(12)


def take(stream: PromptStream, count: int) -> list[str | None]:
    prompts = (stream.next() for _ in range(count))
    return [None if prompt is None else prompt.id for prompt in prompts]


@given(
    size=st.integers(1, 12),
    seed=st.integers(),
    epochs=st.none() | st.integers(1, 4),
    shuffle=st.booleans(),
    before=st.integers(0, 60),
)
def test_a_resumed_stream_continues_exactly(
    size: int, seed: int, epochs: int | None, shuffle: bool, before: int
) -> None:
    def fresh() -> PromptStream:
        return PromptStream(PROMPTS[:size], seed=seed, epochs=epochs, shuffle=shuffle)

    whole = take(fresh(), before + 30)
    interrupted = fresh()
    assert take(interrupted, before) == whole[:before]
    resumed = fresh()
    take(resumed, 3)
    resumed.load_state_dict(json.loads(json.dumps(interrupted.state_dict())))
    assert take(resumed, 30) == whole[before:]


@given(st.integers(1, 12), st.integers(), st.integers(1, 4), st.booleans())
def test_every_epoch_gives_every_prompt_once(
    size: int, seed: int, epochs: int, shuffle: bool
) -> None:
    stream = PromptStream(PROMPTS[:size], seed=seed, epochs=epochs, shuffle=shuffle)
    ids = sorted(prompt.id for prompt in PROMPTS[:size])
    for _ in range(epochs):
        assert sorted(str(name) for name in take(stream, size)) == ids
    assert take(stream, 2) == [None, None]
    assert stream.total == epochs * size


def test_epochs_differ_in_order_and_can_be_endless() -> None:
    stream = PromptStream(PROMPTS, seed=5, epochs=None)
    orders = [tuple(take(stream, 12)) for _ in range(20)]
    assert len(set(orders)) == 20
    assert stream.total is None
    plain = PromptStream(PROMPTS, seed=5, epochs=2, shuffle=False)
    assert take(plain, 24) == [prompt.id for prompt in PROMPTS] * 2


def test_the_order_is_pinned() -> None:
    """A resumed run on another machine or Python must see the same order."""
    prompts = [Prompt(str(number), ({"role": "user", "content": "q"},)) for number in range(8)]
    stream = PromptStream(prompts, seed=1, epochs=1)
    assert "".join(str(name) for name in take(stream, 8)) == "15427036"
    assert stream.fingerprint[:16] == "615bdb08564dca79"


def test_a_finished_run_can_be_made_longer() -> None:
    short = PromptStream(PROMPTS, seed=0, epochs=1)
    take(short, 13)
    longer = PromptStream(PROMPTS, seed=0, epochs=2)
    expected = take(longer, 24)[12:]
    longer.load_state_dict(short.state_dict())
    assert take(longer, 12) == expected


@pytest.mark.parametrize(
    ("prompts", "difference"),
    [
        (PROMPTS[:11], "it was saved with 12 prompts, there are now 11"),
        (PROMPTS[::-1], "the same 12 prompts now come in another order"),
        ([replace(PROMPTS[0], reference="x"), *PROMPTS[1:]], "the ids are the same, but some text"),
        ([replace(PROMPTS[0], id="x"), *PROMPTS[1:]], "12 prompts, as before, but with other ids"),
    ],
)
def test_other_data_are_refused_with_the_difference(prompts: list[Prompt], difference: str) -> None:
    state = PromptStream(PROMPTS, seed=0, epochs=1).state_dict()
    stream = PromptStream(prompts, seed=0, epochs=1)
    with pytest.raises(StreamStateError) as caught:
        stream.load_state_dict(state)
    assert difference in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"seed": 1}, "was taken with seed=1 and this run has seed=0"),
        ({"shuffle": False}, "was taken with shuffle=False and this run has shuffle=True"),
        ({"index": 12}, "is damaged"),
        ({"index": -1}, "is damaged"),
        ({"epoch": "0"}, "is damaged"),
        ({"data": None}, "does not say which data"),
    ],
)
def test_a_state_that_does_not_fit_is_refused_and_changes_nothing(
    change: dict[str, object], expected: str
) -> None:
    stream = PromptStream(PROMPTS, seed=0, epochs=1)
    whole = take(stream, 12)
    other = PromptStream(PROMPTS, seed=0, epochs=1)
    assert take(other, 4) == whole[:4]
    with pytest.raises(StreamStateError) as caught:
        other.load_state_dict(other.state_dict() | change)
    assert expected in str(caught.value)
    assert take(other, 8) == whole[4:]


def test_impossible_streams_are_refused() -> None:
    with pytest.raises(StreamError, match="no prompts to stream"):
        PromptStream([], seed=0, epochs=1)
    with pytest.raises(StreamError, match="epochs is 0"):
        PromptStream(PROMPTS, seed=0, epochs=0)
    with pytest.raises(PromptError, match=r"1 prompt ids occur more than once, the first is "):
        PromptStream([*PROMPTS, PROMPTS[0]], seed=0, epochs=1)


def test_a_stream_is_a_prompt_source() -> None:
    source: PromptSource = PromptStream(PROMPTS, seed=0, epochs=1)
    assert isinstance(source, PromptSource)
    assert [prompt for prompt in islice(iter(source.next, None), 2) if prompt]


def test_digests_see_content_and_nothing_else() -> None:
    prompt = Prompt("a", ({"role": "user", "content": "\ud800 é"},), reference={"x": 1, "y": [2]})
    same = Prompt("a", ({"content": "\ud800 é", "role": "user"},), reference={"y": [2], "x": 1})
    assert prompt.digest() == replace(same, metadata={"level": 3}).digest()
    assert prompt.digest() != replace(prompt, reference=None).digest()
    assert prompt.text_digest() == replace(prompt, id="b", reference=None).text_digest()
    with pytest.raises(PromptError, match="'a': its reference has no stable identity"):
        replace(prompt, reference=object()).digest()
