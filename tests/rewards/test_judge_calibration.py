"""The numbers that say how far a judge can be trusted."""

import math
import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewards.judge.calibration import (
    ComparedRow,
    GradedRow,
    correlation,
    grade_agreement,
    kappa,
    pair_agreement,
    ranks,
    slope,
)
from rewards.judge.results import Winner

GRADES = st.integers(0, 40).map(lambda n: n / 4)
VALUES = st.lists(GRADES, min_size=2, max_size=30)
WINNERS: st.SearchStrategy[Winner] = st.sampled_from(["first", "second", "tie"])


def rows(labels: Sequence[float], scores: Sequence[float]) -> list[GradedRow]:
    pairs = zip(labels, scores, strict=True)
    return [GradedRow(f"{n}", a, b, (b,), 10 + n) for n, (a, b) in enumerate(pairs)]


def compared(label: Winner, first: Winner, second: Winner) -> ComparedRow:
    return ComparedRow("p", label, first if first == second else "tie", first, second)


@given(VALUES)
def test_a_judge_that_repeats_the_labels_is_perfect(labels: list[float]) -> None:
    found = grade_agreement(rows(labels, labels), 6)
    assert found.mean_absolute_error == found.mean_error == 0
    assert found.within_one == 1
    several = len(set(labels)) > 1
    assert found.pearson == (pytest.approx(1) if several else None)
    assert found.spearman == (pytest.approx(1) if several else None)
    both = {label >= 6 for label in labels} == {True, False}
    assert found.kappa == (pytest.approx(1) if both else None)


@given(VALUES, st.integers(1, 5))
def test_a_lenient_judge_orders_well_and_is_off_by_its_leniency(
    labels: list[float], more: int
) -> None:
    found = grade_agreement(rows(labels, [label + more for label in labels]), 6)
    assert found.mean_error == pytest.approx(more)
    assert found.within_one == (1 if more == 1 else 0)
    assert found.pearson in (None, pytest.approx(1))


@given(st.lists(st.tuples(GRADES, GRADES), min_size=1, max_size=20), st.randoms())
def test_the_order_of_the_rows_does_not_matter(
    pairs: list[tuple[float, float]], generator: random.Random
) -> None:
    given_rows = rows([a for a, _ in pairs], [b for _, b in pairs])
    turned = list(given_rows)
    generator.shuffle(turned)
    one, other = grade_agreement(given_rows, 5), grade_agreement(turned, 5)
    for name in one.__slots__:
        a, b = getattr(one, name), getattr(other, name)
        assert a == b or a == pytest.approx(b, abs=1e-6), name


@given(st.lists(st.tuples(GRADES, GRADES), min_size=2, max_size=20))
def test_numbers_stay_in_their_bounds(pairs: list[tuple[float, float]]) -> None:
    found = grade_agreement(rows([a for a, _ in pairs], [b for _, b in pairs]), 5)
    for value in (found.pearson, found.spearman, found.kappa, found.length_correlation):
        assert value is None or -1 <= value <= 1
    assert found.mean_absolute_error is not None and found.mean_error is not None
    assert abs(found.mean_error) <= found.mean_absolute_error + 1e-9


@given(st.lists(st.integers(0, 5), min_size=1, max_size=20))
def test_ranks_add_up_and_keep_the_order(values: list[int]) -> None:
    ranked = ranks(values)
    assert sum(ranked) == len(values) * (len(values) + 1) / 2
    for a, rank_a in zip(values, ranked, strict=True):
        for b, rank_b in zip(values, ranked, strict=True):
            assert (a < b) == (rank_a < rank_b)


def test_numbers_worked_out_by_hand() -> None:
    # Spearman's example: 1 - 6 * sum of d^2 / (n (n^2 - 1)), d = 0, 1, 1, 0.
    assert correlation(ranks([1, 2, 3, 4]), ranks([10, 30, 20, 40])) == pytest.approx(0.8)
    # Cohen's table 20, 5, 10, 15: observed 0.7, by chance 0.5.
    first = [True] * 25 + [False] * 25
    second = [True] * 20 + [False] * 5 + [True] * 10 + [False] * 15
    assert kappa(first, second) == pytest.approx(0.4)
    assert kappa([], []) is None and kappa([1, 1], [1, 1]) is None
    assert slope([1, 2, 3], [5, 7, 9]) == pytest.approx(2)
    assert correlation([1, 1, 1], [1, 2, 3]) is None and correlation([], []) is None


@given(st.integers(-3, 3))
def test_a_judge_that_pays_by_the_length_is_caught(points: int) -> None:
    made = [
        GradedRow(f"{n}", 5, 5 + points * (math.log2(length) - 6), (5,), length)
        for n, length in enumerate([16, 32, 64, 128, 256])
    ]
    found = grade_agreement(made, 6)
    assert found.length_slope == pytest.approx(points)
    assert found.length_correlation == (pytest.approx(math.copysign(1, points)) if points else None)


def test_votes() -> None:
    made = [GradedRow("a", 5, 5, (4, 5, 6), 9), GradedRow("b", 5, 5, (5, 5, 5), 9)]
    found = grade_agreement(made, 6)
    assert found.vote_deviation == pytest.approx(math.sqrt(1 / 3))
    assert (found.vote_spread, found.unanimous) == (1, 0.5)
    assert grade_agreement(rows([1, 2], [1, 2]), 6).vote_deviation is None


@given(st.lists(st.tuples(WINNERS, WINNERS), min_size=1))
def test_a_judge_that_takes_what_is_shown_first_is_caught(
    labels: list[tuple[Winner, Winner]],
) -> None:
    made = [compared(label, "first", "second") for label, _ in labels]
    found = pair_agreement(made)
    assert (found.first_preferred, found.flipped, found.ties) == (1, 1, 1)
    fair = pair_agreement([compared(label, said, said) for label, said in labels])
    assert fair.flipped == 0 and fair.first_preferred in (None, 0.5)
    assert fair.agreed == sum(a == b for a, b in labels) / len(labels)


def test_nothing_says_nothing() -> None:
    empty = grade_agreement([], 6)
    assert empty.count == 0
    assert {getattr(empty, name) for name in empty.__slots__ if name != "count"} == {None}
    pairs = pair_agreement([])
    assert {getattr(pairs, name) for name in pairs.__slots__ if name != "count"} == {None}
