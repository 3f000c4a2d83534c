"""Which references can be verified: rewritten they pass, and near misses fail."""

from fractions import Fraction
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.curate import math_verifiable
from data.curate.math_rewriting import NEAR_MISSES, near_misses, rewritings
from data.curate.math_verifiable import MathVerifiable
from rewards.math import math_equal
from tests.data.curate.math_rows import row

READ = [
    "72", "-3", "0", "1,234", "3.14", "0", "\\frac{3}{4}", "-\\frac{\\sqrt{2}}{2}", "2\\sqrt{13}",
    "x^2+2x+1", "a+b", "\\pi", "(3, \\pi)", "(-\\infty, 3)", "\\{1, 2, 3\\}", "[-1,0) \\cup (0,1]",
    "(-\\infty, 3) \\cup (3, \\infty)", "x = 4", "y = 2x + 3", "x \\le 5", "1, 2", "2 and 3",
    "5\\%", "60^\\circ", "\\$30", "5\\text{ cm}", "\\text{Tuesday}", "even", "C", "\\text{(B)}",
    "C) 12", "\\begin{pmatrix} 1 & 2 \\\\ 3 & 4 \\end{pmatrix}", "6\\frac{1}{6}", "204_5",
    "05:00", "3:1",
    "\\frac{2ab}{a^2+b^2}", "\\sin x", "e^{2x}", "1 + i", "10!", "\\binom{10}{5}",
    "3 \\sec \\frac{1}{2} \\theta", "\\emptyset", "2^{100}", "чётное", "偶数", "5 см", "无解",
    "\\boxed{5}", "\\infty", "2 \\times 10^5", "\\pm 2", "A, C", "\\log_2 3", "|x|",
    "n \\cdot 2^{n-1}", "x^2 + C", "1.0", "-\\infty", "a", "n(n+1)/2", "0.\\overline{3}",
    "x \\in (1, 2)", "\\text{Ann, Bob}", "2:30 \\text{ p.m.}", "(x-1)(x+2)",
    "f(x) = x^2", "\\frac{x^2}{4} + y^2 = 1",
    "$y=\\pm \\sqrt{3} x$", "-6 .", "$\\frac{2n}{n+1}$.", "$x=1$ 或 $x=3$", "$5$; $10$",
    "12 рублей", "$k\\pi+\\frac{\\pi}{4}, k\\in\\mathbb{Z}$", "\\triangle ABC is equilateral",
    "5 hours 20 minutes", "17^\\circ", "17\\text{ cm}", "f(1)=2, f(2)=3", "17\\%",
]  # fmt: skip


@pytest.mark.parametrize("reference", READ)
def test_what_is_read_is_kept(reference: str) -> None:
    record = row("What is it?", reference)

    outcome = MathVerifiable()([record])

    assert ([(drop.reason, drop.detail) for drop in outcome.dropped], outcome.kept) == (
        [],
        [record],
    )
    assert len(set(near_misses(reference)) - {reference}) == NEAR_MISSES


@given(st.integers(-(10**9), 10**9))
def test_whole_numbers_are_told_from_their_near_misses(value: int) -> None:
    misses = near_misses(str(value))

    assert len(set(misses)) == NEAR_MISSES
    assert all(int(other) != value for other in misses)
    assert all(math_equal(form, str(value)) for form in rewritings(str(value)))
    assert not any(math_equal(other, str(value)) for other in misses)


@given(st.fractions(max_denominator=10**4), st.sampled_from(["{}", "({}, 1)", "x = {}", "{}\\pi"]))
def test_references_made_of_fractions_are_kept(value: Fraction, form: str) -> None:
    reference = form.format(f"\\frac{{{value.numerator}}}{{{value.denominator}}}")

    assert MathVerifiable()([row("What is it?", reference)]).dropped == []


@pytest.mark.parametrize("says", [True, False])
def test_a_matcher_that_cannot_tell_drops_the_row(says: bool) -> None:
    """One that takes everything passes near misses, one that takes nothing fails rewritings."""
    with patch.object(math_verifiable, "_same", return_value=says):
        outcome = MathVerifiable()([row("What is it?", "72")])

    assert [drop.reason for drop in outcome.dropped] == [
        "near miss passes" if says else "rewritten answer fails"
    ]


@pytest.mark.parametrize("reference", ["\\boxed{5", "so the claim holds for all such numbers", ""])
def test_what_is_not_read_is_dropped(reference: str) -> None:
    (drop,) = MathVerifiable()([row("What is it?", reference)]).dropped

    assert (drop.reason, bool(drop.detail)) == ("unreadable reference", True)
