"""References as data sets have them: what is read, and what is ungradable with its name."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from rewards import Sample, load_verifier
from rewards.math import math_equal

MATH = load_verifier("math")


def outcome(answer: str, reference: object) -> str:
    return str(MATH.judge(Sample("s", (), f"So \\boxed{{{answer}}}.", reference)).outcome)


@pytest.mark.parametrize(
    ("reference", "right", "wrong"),
    [
        ('["4"]', "4", "5"),
        ("['4']", "4", "5"),
        ('["$4$"]', "4", "-4"),
        ('["4", "-4"]', r"\pm 4", "4"),
        (r'["\\frac{1}{2}", "3"]', "3, 0.5", "3"),
        (r'["\frac{1}{2}"]', "0.5", "2"),
        ('["(1,2)", "(3,4)"]', "(3,4),(1,2)", "(1,2)"),
        (["4", "5"], "5 and 4", "5"),
        ([r"\frac{1}{2}"], "0.5", "5"),
        ([3], "3", "4"),
        ('"4"', "4", "5"),
        ("'4'", "4", "5"),
        ("“4”", "4", "5"),
        ("A) 12", "A", "B"),
        ("A) 12", "12", "13"),
        ("(A) 12", "A) 12", "A) 13"),
        ("A) 12", "A (12)", "A (13)"),
        ("C. $x+1$", "1+x", "D"),
        ("C) y=2x+1", "C", "D"),
        ("C) y=2x+1", "y = 1+2x", "y=2x"),
        ("C) y=2x+1", "(C) y=2x+1", "C) y=2x"),
        (r"\textbf{(B)}\ 12", "B", "C"),
        (r"\textbf{(B)}\ 12", "12", "13"),
        (r"\textbf{(B)}\ 12", "(B) 12", "(B) 13"),
        (r"\textbf{(B)}\ 12", r"\textbf{(B)}\ 12", r"\textbf{(B)}\ 13"),
        (r"\textbf{(B) } 12", "12", "A"),
        (r"\textbf{(B) }\frac{1}{2}", "0.5", "2"),
        (r"\text{(B) }12", "12", "(A) 12"),
        (r"\mathrm{(B)}\ 12", "B", "A"),
        (r"$\textbf{(B)}\ 12$", "12", "13"),
        (r"(\textbf{B})\ 12", "12", "13"),
        (r"\textbf{B.}\quad 12", "12", "13"),
        ("**(B)** 12", "12", "13"),
        ("**B.** 12", "B", "(B) 13"),
        (r"So it is $\boxed{\textbf{(B)}\ 12}$.", "B", "A"),
        (r"So it is $\boxed{\textbf{(B)}\ 12}$.", "12", r"\textbf{(A)}\ 12"),
        ("(A) 12 and (B) 13", "(A) 12 and (B) 13", "A"),
        ("We get 2+2.\n#### 4", "4", "2"),
        ("Adding 2 and 2 gives $\\boxed{4}$.", "4", "2"),
        ("First add 2 and 2. The answer is 4.", "4", "2"),
        ("It is clear that the sum of both is even. **Answer:** $4$", "4", "2"),
        ("[2, 5]", "[2,5]", "(2,5)"),
        ("\\text{no solution}", "\\emptyset", "0"),
        ("$\\triangle ABC$ is isosceles", "$\\triangle ABC$ is isosceles", "5"),
        ("x \\mapsto x", "x\\mapsto x", "x \\mapsto -x"),
        (np.int64(4), "4", "5"),
        (np.float64(0.5), "1/2", "2"),
        (Decimal("0.5"), "0.5", "2"),
        (Fraction(1, 2), "0.5", "2"),
        (4.0, "4", "5"),
    ],
)
def test_a_reference_is_read(reference: object, right: str, wrong: str) -> None:
    assert outcome(right, reference) == "correct"
    assert outcome(wrong, reference) == "incorrect"


UNREADABLE = [
    "\\boxed{4", "\\frac{1}{2", "see \\frac{ figure", "}{", "We add both sides and get the result.",
    "Since the two triangles are similar, the claim follows from the theorem above.", "nan", "?",
    "Proof: omitted for the reader.", "[]", "", "  ", None, True, np.bool_(True), {"a": 1}, [],
    [None],
    float("nan"), float("inf"), Decimal("NaN"), '["\\\\boxed{4"]', "proof", "Proof.", "notfound",
    "\\text{proof}", "\\boxed{proof}", "#### notfound", '["proof"]', "Answers may vary.",
    "The answer is not given", "See solution.", "略",
    "Answers vary", "The solutions may differ.", "solution not found",
]  # fmt: skip


@pytest.mark.parametrize("reference", UNREADABLE)
def test_an_unreadable_reference_is_ungradable_for_every_answer(reference: object) -> None:
    for answer in ("4", str(reference)):
        verdict = MATH.judge(Sample("s", (), f"\\boxed{{{answer}}}", reference))
        assert str(verdict.outcome) == "ungradable"
        assert verdict.reason.startswith("reference: ")
    assert str(MATH.judge(Sample("s", (), "no answer", reference)).outcome) == "ungradable"


@pytest.mark.parametrize("word", [
    "Tuesday", "two apples", "none", "no solution", "80 proof", "unanswerable", "Unanswerable.",
    "not found", "The solutions differ", "The answers differ.",
])  # fmt: skip
def test_an_answer_in_words_is_one(word: str) -> None:
    assert outcome(word, word) == "correct"
    assert outcome("4", word) == "incorrect"


def test_the_reason_names_the_reference() -> None:
    verdict = MATH.judge(Sample("s", (), "\\boxed{4}", "\\boxed{4"))
    assert verdict.reason == "reference: '\\\\boxed{4': the last \\boxed{} is not closed"


def test_equality_reads_references_too() -> None:
    assert math_equal("4", '["4"]')
    assert math_equal("12", "A) 12")
    assert not math_equal("A) 13", "A) 12")
    assert not math_equal("\\boxed{4", "\\boxed{4")


def test_a_long_text_is_no_answer_whatever_it_opens() -> None:
    reference = "\\( " * 30_000
    verdict = MATH.judge(Sample("s", (), "\\boxed{4}", reference))

    assert str(verdict.outcome) == "ungradable"
    assert "longer than" in verdict.reason
    assert math_equal("4", f"{'So it goes on. ' * 1_000}\\boxed{{4}}")
