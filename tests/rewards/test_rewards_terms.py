"""The ready terms: the form of a response, and the punishment of its length."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewards import GradingPool, MissingColumnError, OptionsError, Rubric, Sample, Use
from rewards.terms import Format, Overlong


@pytest.mark.parametrize(
    ("style", "response", "fits"),
    [
        ("boxed", "so \\boxed{4}", True),
        ("boxed", "so \\boxed{\\frac{1}{2}}.", True),
        ("boxed", "so \\boxed{}", False),
        ("boxed", "so \\boxed{4", False),
        ("boxed", "so 4", False),
        ("boxed", "<think>\\boxed{4}</think> so 4", False),
        ("think", "<think>hm</think> 4", True),
        ("think", "\n<think>\nhm\n</think>\n4", True),
        ("think", "<think>hm</think>", False),
        ("think", "<think> </think> 4", False),
        ("think", "well <think>hm</think> 4", False),
        ("think", "hm</think> 4", True),  # the prompt opened it
        ("think", "</think> 4 <think>", False),
        ("think", "<think>hm", False),
        ("think", "<think>a</think> b <think>c</think> d", False),
    ],
)
def test_a_style_fits_or_not(style: str, response: str, fits: bool) -> None:
    assert Format(style=style)(Sample("s", (), response)).is_correct is fits


def test_a_pattern_must_match_the_whole() -> None:
    form = Use("format", {"pattern": r"Answer: \d+"}).load()
    assert form.judge(Sample("s", (), "Answer: 42")).reward == 1.0
    assert form.judge(Sample("s", (), "Answer: 42!")).reward == 0.0


async def test_a_pattern_that_explodes_ends_at_the_deadline() -> None:
    evil = Rubric(Use("format", {"pattern": "(a+)+b"}))
    async with GradingPool(evil, workers=1, deadline=0.5) as pool:
        (verdict,) = await pool.grade([Sample("s", (), "a" * 60)])
    assert (verdict.is_correct, verdict.reward) == (False, 0.0)
    assert verdict.reason.startswith("deadline: ")


@pytest.mark.parametrize(
    ("spec", "options", "message"),
    [
        ("format", {}, "give either style"),
        ("format", {"style": "boxed", "pattern": "x"}, "give either style"),
        ("format", {"pattern": "("}, "option pattern: .*not a regular expression"),
        ("format", {"style": "xml"}, "option style: Input should be 'boxed' or 'think'"),
        ("overlong", {"max_tokens": 4}, "option cache_tokens: Field required"),
        ("overlong", {"max_tokens": 4, "cache_tokens": 5}, "cache_tokens is larger"),
    ],
)
def test_wrong_options_are_refused(spec: str, options: dict[str, object], message: str) -> None:
    with pytest.raises(OptionsError, match=message):
        Use(spec, options).load()


@given(st.data())
def test_overlong_is_equation_13(data: st.DataObject) -> None:
    longest = data.draw(st.integers(1, 1000))
    cache = data.draw(st.integers(1, longest))
    length = data.draw(st.integers(0, 2000))
    term = Overlong(max_tokens=longest, cache_tokens=cache)
    reward = term(Sample("s", (), ""), response_tokens=length).reward
    if length <= longest - cache:
        assert reward == 0
    elif length <= longest:
        assert reward == pytest.approx(((longest - cache) - length) / cache)
    else:
        assert reward == -1


def test_overlong_needs_the_length_in_tokens() -> None:
    term = Use("overlong", {"max_tokens": 8, "cache_tokens": 4}).load()
    with pytest.raises(MissingColumnError, match="response_tokens"):
        term.judge(Sample("s", (), "words"))
    assert term.judge(Sample("s", (), "words", metadata={"response_tokens": 6})).reward == -0.5
