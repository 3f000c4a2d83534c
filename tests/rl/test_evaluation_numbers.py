"""What an evaluation says agrees with its definition, counted out."""

import itertools
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.schema import Prompt
from rewards import Verdict
from rl.evaluation_numbers import (
    asked_of,
    headline,
    interval,
    majority,
    mean_pass,
    pass_at_k,
    summary,
)
from rl.groups import Group
from rl.tokens import Episode


def group(answers: str, right: str = "7", task: str = "", index: int = 0) -> Group:
    """A prompt whose answers are characters: `?` could not be graded."""
    episodes = tuple(Episode((), (), "stop", rf"so \boxed{{{answer}}}") for answer in answers)
    verdicts = tuple(
        Verdict.ungradable("infrastructure: away")
        if answer == "?"
        else Verdict.correct()
        if answer == right
        else Verdict.incorrect()
        for answer in answers
    )
    return Group(index, Prompt("p", (), right, task), 3, episodes, verdicts)


@given(st.integers(1, 7).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.data())
def test_pass_at_k_is_the_share_of_draws_with_a_right_one(
    counts: tuple[int, int], data: st.DataObject
) -> None:
    correct, total = counts
    k = data.draw(st.integers(1, total))
    answers = [True] * correct + [False] * (total - correct)
    counted = statistics.fmean(any(draw) for draw in itertools.combinations(answers, k))
    assert pass_at_k(correct, total, k) == pytest.approx(counted)


def test_prompts_with_too_few_graded_answers_do_not_count_for_k() -> None:
    assert mean_pass([(1, 2), (4, 4)], 4) == 1.0
    assert mean_pass([(1, 2)], 4) is None


@given(st.lists(st.booleans(), min_size=1, max_size=40))
def test_the_interval_holds_the_share_and_stays_within_bounds(right: list[bool]) -> None:
    found = interval([(int(one), 1) for one in right])
    assert found is not None
    low, high = found
    assert 0 <= low <= statistics.fmean(right) <= high <= 1
    assert high > low


def test_wilsons_interval_agrees_with_its_formula_by_hand() -> None:
    # (0.75 + 0.096) / 1.192 = 0.7097, and 1.96 / 1.192 * sqrt(0.009375 + 0.002401) = 0.1784 around
    assert interval([(1, 1)] * 15 + [(0, 1)] * 5) == pytest.approx((0.531, 0.888), abs=1e-3)


@given(st.integers(2, 40), st.integers(0, 4))
def test_prompts_that_agree_leave_an_interval_of_some_width(size: int, right: int) -> None:
    found = interval([(right, 4)] * size)
    assert found is not None
    low, high = found
    assert 0 <= low <= right / 4 <= high <= 1
    assert high - low > 1 / (size + 4)
    if right in (0, 4):
        assert found == interval([(right // 4, 1)] * size)


def test_answers_to_one_prompt_are_no_independent_draws() -> None:
    few = interval([(8, 8), (0, 8), (8, 8), (0, 8)])
    assert few is not None
    assert few[1] - few[0] > 0.9


@pytest.mark.parametrize(
    ("answers", "share"),
    [("7718", 1.0), ("1187", 0.0), ("1177", 0.0), ("7711", 1.0), ("?77?1", 1.0), ("???", None)],
)
def test_the_majority_votes_by_the_final_answer(answers: str, share: float | None) -> None:
    assert majority([asked_of(group(answers), votes=True)]) == share


def test_a_summary_leaves_ungradable_answers_out() -> None:
    numbers = summary([group("77", task="a"), group("1?", task="b"), group("??", task="b")], 2)
    assert numbers["accuracy"] == 0.5
    assert numbers["pass_at"] == {"1": 0.5, "2": 1.0}
    assert numbers["accuracy_by_task"] == {"a": 1.0, "b": 0.0}
    assert (numbers["prompts"], numbers["ungradable"]) == (3, 3)
    assert numbers["mixed_versions"] is False
    assert headline(numbers).startswith("50.0% (")


def test_nothing_graded_is_none_and_never_zero() -> None:
    numbers = summary([group("??")], 2)
    assert numbers["accuracy"] is numbers["interval"] is numbers["majority"] is None
    assert headline(numbers) == "nothing could be graded"
