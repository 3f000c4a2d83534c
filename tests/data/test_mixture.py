"""Several sources as one: shares by weight are exact, and every state continues exactly."""

import json
from collections import Counter
from collections.abc import Mapping
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.arithmetic import arithmetic_prompts
from data.errors import PromptError, StreamError, StreamStateError
from data.mixture import Mixture
from data.schema import Prompt, PromptSource
from data.shares import Shares
from data.stream import PromptStream

PROMPTS = arithmetic_prompts(12)
NAMES = "abcdef"
weights = st.lists(
    st.sampled_from([1.0, 2.0, 3.0, 0.1, 0.7, 0.25, 1e-3, 12.5]), min_size=1, max_size=6
)


def mixed(
    sizes: Mapping[str, int], parts: Mapping[str, float], epochs: int | None = None, seed: int = 0
) -> Mixture:
    sources = {
        name: PromptStream(
            [prompt.of_source(name) for prompt in PROMPTS[:size]], seed=seed, epochs=epochs
        )
        for name, size in sizes.items()
    }
    return Mixture(sources, parts)


def take(source: PromptSource, count: int) -> list[str]:
    return [prompt.id for prompt in (source.next() for _ in range(count)) if prompt is not None]


@given(weights, st.integers(0, 50))
def test_every_window_holds_exact_shares(parts: list[float], start: int) -> None:
    shares = Shares(parts)
    whole = sum(Fraction(str(part)) for part in parts)
    exact = [Fraction(str(part)) / whole for part in parts]
    period, units = shares.period, shares.units
    assert [Fraction(unit, period) for unit in units] == exact
    turns = [shares.next() for _ in range(min(2 * period, 500) + start)]
    had = [0] * len(parts)
    for number, who in enumerate(turns, start=1):
        had[who] += 1
        off = (abs(had[one] * period - units[one] * number) for one in range(len(parts)))
        assert max(off) < period, "never a whole turn off"
    window = Counter(turns[start : start + period])
    if len(turns) >= start + period:
        assert [window[one] for one in range(len(parts))] == units


def test_shares_are_interleaved_and_pinned() -> None:
    shares = Shares([3, 2, 1])
    assert "".join(NAMES[shares.next()] for _ in range(12)) == "abacba" * 2


@given(
    st.dictionaries(st.sampled_from(NAMES), st.integers(1, 12), min_size=1),
    weights,
    st.none() | st.integers(1, 3),
    st.integers(0, 120),
)
def test_a_resumed_mixture_continues_exactly(
    sizes: dict[str, int], parts: list[float], epochs: int | None, before: int
) -> None:
    shares = {name: parts[number % len(parts)] for number, name in enumerate(sizes)}
    whole = take(mixed(sizes, shares, epochs), before + 60)
    first = mixed(sizes, shares, epochs)
    assert take(first, before) == whole[:before]
    second = mixed(sizes, shares, epochs)
    take(second, 7)
    second.load_state_dict(json.loads(json.dumps(first.state_dict())))
    assert take(second, 60) == whole[before:]


@given(
    st.dictionaries(st.sampled_from(NAMES), st.integers(1, 12), min_size=1, max_size=4),
    weights,
    st.integers(1, 3),
)
def test_nothing_is_left_out_when_sources_run_out(
    sizes: dict[str, int], parts: list[float], epochs: int
) -> None:
    """The others go on in shares of their weights, and the end is every prompt `epochs` times."""
    shares = {name: parts[number % len(parts)] for number, name in enumerate(sizes)}
    source = mixed(sizes, shares, epochs)
    assert source.total == epochs * sum(sizes.values())
    given_out = take(source, source.total + 5)
    counts = Counter(given_out)
    assert len(given_out) == source.total
    assert set(counts.values()) == {epochs}
    assert source.next() is None


def test_a_finished_mixture_can_be_made_longer() -> None:
    sizes, shares = {"a": 2, "b": 6}, {"a": 1.0, "b": 1.0}
    short = mixed(sizes, shares, epochs=1)
    assert len(take(short, 100)) == 8
    longer = mixed(sizes, shares, epochs=2)
    longer.load_state_dict(short.state_dict())
    rest = take(longer, 100)
    assert Counter(name[0] for name in rest) == {"a": 2, "b": 6}
    assert {name[0] for name in rest[:3]} == {"a", "b"}, "shares are by weight again"


def test_other_mixtures_are_refused_and_nothing_changes() -> None:
    sizes, shares = {"a": 5, "b": 7}, {"a": 1.0, "b": 2.0}
    state = mixed(sizes, shares).state_dict()
    alone = PromptStream(PROMPTS, seed=0, epochs=None)
    for other, saved, said in (
        (mixed({"a": 5, "c": 7}, {"a": 1.0, "c": 2.0}), state, "with the sources a, b and"),
        (mixed({"b": 7, "a": 5}, {"a": 1.0, "b": 2.0}), state, "this run has b, a"),
        (mixed(sizes, {"a": 1.0, "b": 3.0}), state, r"with the weights {'a': 1.0, 'b': 2.0}"),
        (mixed({"a": 5, "b": 6}, shares), state, "source 'b': the saved position belongs to other"),
        (mixed(sizes, shares, seed=1), state, "source 'a': the saved position was taken with seed"),
        (mixed(sizes, shares), alone.state_dict(), "of a run with a single source"),
        (mixed(sizes, shares), state | {"turns": [1]}, "is damaged"),
        (mixed(sizes, shares), state | {"turns": [9, 0]}, "is damaged"),
        (mixed(sizes, shares), state | {"given": {"a": 1, "b": -1}}, "is damaged"),
        (mixed(sizes, shares), state | {"among": ["b", "a"]}, "is damaged"),
    ):
        take(other, 4)
        before = other.state_dict()
        with pytest.raises(StreamStateError) as caught:
            other.load_state_dict(saved)
        assert said in str(caught.value)
        assert "\n" not in str(caught.value)
        assert other.state_dict() == before
    with pytest.raises(StreamStateError, match="does not say which data"):
        alone.load_state_dict(state)


def test_the_identity_covers_every_source() -> None:
    plain = mixed({"a": 5, "b": 7}, {"a": 1.0, "b": 2.0})
    same = mixed({"a": 5, "b": 7}, {"a": 1.0, "b": 2.0}, seed=3)
    others = [
        mixed({"a": 5, "b": 6}, {"a": 1.0, "b": 2.0}),
        mixed({"a": 5, "c": 7}, {"a": 1.0, "c": 2.0}),
    ]
    assert plain.fingerprint == same.fingerprint
    assert len({plain.fingerprint, *(other.fingerprint for other in others)}) == 3


def test_impossible_mixtures_are_refused() -> None:
    with pytest.raises(StreamError, match="no sources"):
        Mixture({}, {})
    with pytest.raises(StreamError, match="give each source one above 0"):
        mixed({"a": 1}, {"a": 0.0})
    with pytest.raises(PromptError, match="more than once"):
        one = Prompt("x", ({"role": "user", "content": "q"},))
        PromptStream([one, one], seed=0, epochs=1)


def test_a_prompt_of_a_source_keeps_all_but_its_id() -> None:
    prompt = PROMPTS[0].of_source("easy")
    assert (prompt.id, prompt.source) == (f"easy/{PROMPTS[0].id}", "easy")
    assert prompt.text_digest() == PROMPTS[0].text_digest()
