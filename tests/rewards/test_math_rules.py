"""Which answers are the same: a table for each rule, and the laws that hold for all answers."""

import re
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewards.math.equal import decide
from rewards.math.rules import RULES

SAME = {
    "text": [
        ("x^2 + 1", "$x^2 + 1$"),
        (r"\left( 1,2 \right)", "( 1,2 )"),
        ("5.", "5"),
        ("10,\\!000", "10000"),
        (r"1\,000", "1000"),
    ],
    "identical": [
        ("1101_{two}", "1101_2"),
        (r"\dfrac{1}{2}", r"\frac12"),
        ("(1, 2)", "(1,2)"),
        (r"\sqrt3", r"\sqrt{3}"),
        ("(1,234)", "(1, 234)"),
    ],
    "number": [
        ("7,425,000", "7425000"),
        ("1/2", "0.5"),
        (r"\frac{1}{2}", "3/6"),
        ("0.50", ".5"),
        ("1000.0", "1000"),
        ("007", "7"),
        ("3.1416", "3.14"),
        ("1.5e3", "1500"),
    ],
    "words": [
        (r"\text{Even}", "even"),
        ("two", "2"),
        (r"\text{(C)}", "C"),
        ("(b)", "B"),
        (r"\text{no solution}", r"\emptyset"),
        (r"(A)\ 12", r"\text{A}"),
    ],
    "based": [("204", "204_5"), ("42_{10}", "42")],
    "measured": [
        (r"5\text{ cm}", "5"),
        (r"28\%", "28"),
        ("0.28", r"28\%"),
        (r"\$1,000", "1000"),
        (r"90^\circ", "90"),
        ("2.5 hours", r"150\text{ minutes}"),
        ("$12", r"12\text{ dollars}"),
        (r"15\mbox{ cm}^2", "15"),
        ("12 square inches", r"12\text{ in}^2"),
        ("5 km", "5"),
        (r"50\text{ cents}", r"\$0.50"),
        ("7 apples", "7"),
    ],
    "region": [
        (r"\mathbb{R}^+", r"(0,\infty)"),
        (r"\mathbb{R}_{\ge 0}", r"[0,\infty)"),
        (r"\mathbb{R}-\{1\}", r"x \ne 1"),
        (r"\{x\in\mathbb{R}: x>3\}", r"(3,\infty)"),
        ("all real numbers except 1", r"x \ne 1"),
        (r"]-\infty;2]\cup[5;+\infty[", r"x \le 2 \text{ or } x \ge 5"),
        ("5 or more", r"x \ge 5"),
        ("x\\ne 1,2", r"x\ne 1, x\ne 2"),
        (r"x \ge 0", r"[0,\infty)"),
        ("1 < x < 2", "(1,2)"),
        ("x < 1 or x > 2", r"(-\infty,1)\cup(2,\infty)"),
        (r"\mathbb{R}\setminus\{0\}", r"x \ne 0"),
        ("-x > -1", "x < 1"),
        (r"x \in [-2,7]", r"-2 \le x \le 7"),
        ("0 < f(x) < 1", "(0,1)"),
        (r"\{x \mid x > 3\}", r"(3, \infty)"),
        ("all real numbers", r"(-\infty,\infty)"),
        (r"1\leq|z|\leq \frac{3}{2}", r"[-\frac{3}{2}, -1] \cup [1, \frac{3}{2}]"),
    ],
    "plus_minus": [
        (r"1 \pm \sqrt2", r"1+\sqrt2, 1-\sqrt2"),
        (r"\pm 2", "-2, 2"),
        (r"(\pm 1, 2)", "(1,2),(-1,2)"),
        (r"\{1\pm\sqrt{5},-2\}", r"-2, 1+\sqrt5, 1-\sqrt5"),
    ],
    "assigned": [
        ("The maximum is $x = 5$.", "5"),
        ("x = 5", "5"),
        ("x=5+5=10", "10"),
        ("20+21=41", "41"),
        (r"x=\frac13=0.333", r"\frac13"),
        (r"\sqrt5 \approx 2.24", r"\sqrt5"),
        (r"\frac{NO}{BO}=\frac{1}{\sqrt{6}}", r"\frac{1}{\sqrt{6}}"),
        ("f(2) = 21", "21"),
        ("f(x) = 2x", "y = 2x"),
        ("(x,y) = (1,2)", "(1,2)"),
        ("|AB| = 1", "1"),
    ],
    "modulus": [(r"x \equiv 3 \pmod 7", r"3 \pmod{7}"), ("3", r"3 \pmod 7")],
    "family": [
        (r"2n\pi, n\in\mathbb{Z}", r"2k\pi, k\in\mathbb{Z}"),
        (r"x=k\pi-\frac{3\pi}{4}\ (k\in\mathbb{Z})", r"\frac{\pi}{4}+n\pi, n\in\mathbb{Z}"),
        (r"n\pi \text{ where } n \text{ is an integer}", r"k\pi, k\in\mathbb{Z}"),
        (r"k\pi", r"n\pi, n\in\mathbb{Z}"),
        (r"\{\frac{\pi}{4}+n\pi \mid n\in\mathbb{Z}\}", r"\frac{\pi}{4}+k\pi, k\in\mathbb{Z}"),
        (r"n\pi\ (n=0,\pm1,\pm2,\ldots)", r"k\pi, k\in\mathbb{Z}"),
    ],
    "matrix": [
        (r"\begin{pmatrix}1&\frac12\end{pmatrix}", r"\begin{bmatrix}1&0.5\end{bmatrix}"),
        ("[[1,2],[3,4]]", r"\begin{pmatrix}1&2\\3&4\end{pmatrix}"),
    ],
    "items": [
        (r"\hat{i}+2\hat{j}-\hat{k}", "(1,2,-1)"),
        (r"\mathbf{i}+2\mathbf{j}", "(1,2)"),
        ("70,110", "110, 70"),
        (r"\{1,2\}", "2,1"),
        ("3 and 4", "4,3"),
        (r"\{5\}", "5"),
        ("(1,4.5)", r"(1,\frac{9}{2})"),
        ("a_1=2, a_{37}=19", "a_{37}=19, a_1=2"),
        ("x=1, y=2", "(1,2)"),
        (r"\begin{pmatrix}1\\2\end{pmatrix}", "(1,2)"),
        (r"x=3 \text{ or } x=-3", "-3,3"),
        ("(1,2),(2,1)", "(2,1),(1,2)"),
    ],
    "equation": [
        ("2x+2y=4", "y=2-x"),
        ("y = x+9", "x + 9 = y"),
        ("x^2/4 + y^2/3 = 1", "x^2/16 + y^2/12 = 1/4"),
        ("f(2) < f(1)", "f(1) > f(2)"),
    ],
    "decimal": [(r"\pi", "3.14159"), ("2/3", "0.667"), ("0.0833333333333333", r"\frac{1}{12}")],
    "expression": [
        ("6+9c", "9c+6"),
        (r"\sqrt{12}", r"2\sqrt3"),
        ("2^{10}", "1024"),
        ("10!", "3628800"),
        (r"\binom{5}{2}", "10"),
        (r"e^{i\pi}", "-1"),
        ("3 1/2", "7/2"),
        (r"\sec^2 y", r"\tan^2(y)+1"),
        (r"0.1\overline{6}", "1/6"),
        ("3:4", r"\frac34"),
        (r"\log_2 8", "3"),
        (r"\frac{x+2}{7}", r"\frac{x}{7}+\frac{2}{7}"),
        ("√12", "2√3"),
        (r"(-8)^{1/3}", "-2"),
        (r"\sum_{k=1}^{10} k", "55"),
        (r"\sqrt{x^2}", "|x|"),
        (r"F_{n-1} F_n", r"F_n F_{n-1}"),
        (r"3\times10^8", "300000000"),
        ("2x^2y", "2yx^2"),
    ],
}
DIFFERENT = [
    ("800001", "800000"),
    ("0.54", "0.5"),
    ("0.3751", "0.375"),
    ("0.333", r"\frac13"),
    ("3.14", r"\pi"),
    ("28", "0.28"),
    ("2800\\%", "28\\%"),
    ("-5", "5"),
    ("", "5"),
    ("12:00", "1:00"),
    ("5!", "5"),
    ("(0,1)", "[0,1)"),
    ("[1,2]", "(1,2)"),
    (r"(0,1)\cup(2,3)", r"(0,1)\cap(2,3)"),
    ("x>5", "x<5"),
    ("x>5", r"x \ge 5"),
    ("(-\\infty,3)", "(-\\infty,3]"),
    ("x > 3", "y > 3"),
    (r"x \ne 3", "x = 3"),
    ("1,2,3", "1,2"),
    ("1", "1,2"),
    ("(2,1)", "(1,2)"),
    (r"\{1,2\}", "(1,2)"),
    ("2", r"\pm 2"),
    ("2112_6", "2112_7"),
    ("204_5", "204"),
    ("11_2", "3"),
    ("5 cm", "5 m"),
    (r"5\text{ cm}^2", "5 cm"),
    ("x = 5", "y = 5"),
    ("f(x) = 2x", "g(x) = 2x"),
    ("2x+z=1", "1"),
    ("x + y = 10", "10"),
    ("1", "2x+z=1"),
    ("y=2x", "y=3x"),
    ("y=2x+1", "y=2x"),
    (r"\begin{pmatrix}1&2\end{pmatrix}", r"\begin{pmatrix}1\\2\end{pmatrix}"),
    ("32, 349", "32349"),
    ("x", "|x|"),
    (r"\sqrt{x^2}", "x"),
    ("x+1", "x+2"),
    ("2x", "x^2"),
    ("ab", "ac"),
    ("X", "x"),
    (r"\text{Tuesday}", r"\text{Thursday}"),
    ("C", "D"),
    ("(A) or (B)", "A"),
    ("5 or 7", "5"),
    ("x=5=6", "6"),
    ("x=5=6", "5"),
    ("20+21=42", "41"),
    (r"k\pi, k\in\mathbb{Z}", r"2k\pi, k\in\mathbb{Z}"),
    (r"k\pi, k\in\mathbb{N}", r"k\pi, k\in\mathbb{Z}"),
    (r"\{x\in[0,5]: x>3\}", r"(3,\infty)"),
    ("]2,5[", "[2,5]"),
    (r"\mathbb{R}^+", r"[0,\infty)"),
    (r"\mathbf{i}+2\mathbf{j}", "(2,1)"),
    ("(C) is wrong", "C"),
    ("(F)+1", "F"),
    ("It is not $5$.", "5"),
    ("It isn't $5$", "5"),
    ("It is more than $5$", "5"),
    ("It may be $4$ or $5$", "5"),
    ("$5$ is wrong", "5"),
    (r"n\pi \text{ is wrong } n\in\mathbb{Z}", r"n\pi, n\in\mathbb{Z}"),
    ("five" + " " * 500 + "is wrong", "5"),
    ("A or C", "A,C"),
    ("6", "6 s^2"),
    ("4", "4 C"),
    ("1,500", "1.5"),
    (r"\text{five?}", "5"),
    (r"p \lor q", r"p \land q"),
    (r"q \implies p", r"p \implies q"),
    (r"\overrightarrow{AB}", r"\overline{AB}"),
    (r"\bar{x}", r"\hat{x}"),
    (r"\bar{z}", "z"),
    (r"\overline{A\cup B}", r"A\cup B"),
    (r"\widehat{AB}", "AB"),
    (r"\angle ACB", r"\angle ABC"),
    (r"\frac{dy}{dx}", r"\frac{y}{x}"),
    (r"\frac{d^2y}{dx^2}", r"\frac{dy}{dx}"),
    (r"\frac{d}{dx}f", r"\frac{f}{x}"),
    (r"\vec{a}\times\vec{b}", r"\vec{a}\cdot\vec{b}"),
    ("E[X^2]", "E[X]^2"),
    ("P(A)P(B)", "P(AB)"),
    (r"\triangle ABC\sim\triangle DEF", r"\triangle ABC\cong\triangle DEF"),
    ("1.234.567", "1.234"),
    (r"\overline{A}", "A"),
    (r"\overline{5}", "5"),
    (r"\hat{5}", "5"),
    ("[[1,2],[3,4]]", r"\begin{pmatrix}1&3\\2&4\end{pmatrix}"),
    ("2.5", "2 and 1/2"),
    (r"(\pm 1, 2)", "(1,2)"),
    (r"-\int f", r"\int f"),
    (r"x \mapsto -x", r"x \mapsto x"),
    (r"\forall x>0", r"\exists x>0"),
    ("ABC is not isosceles", "ABC is isosceles"),
    ("2^{2019}+1", "2^{2019}"),
    (r"10^{-50}", "0"),
    ("\\infty", "-\\infty"),
    ("1/1993!", "1/1994!"),
    (r"e^{\pi\sqrt{163}}", "262537412640768744"),
    (r"3 \pmod 7", r"3 \pmod 8"),
    ("a=1, b=2", "a=2, b=1"),
]


@pytest.mark.parametrize(
    ("rule", "prediction", "reference"),
    [(rule, *pair) for rule, pairs in SAME.items() for pair in pairs],
)
def test_another_form_is_right_by_its_rule(rule: str, prediction: str, reference: str) -> None:
    decision = decide(prediction, reference)
    assert decision.same is True, decision
    assert decision.rule == rule


def test_every_rule_has_its_table() -> None:
    assert {rule.__name__ for rule in RULES} <= SAME.keys()
    for rule in RULES:
        assert rule.__doc__ is not None
        assert "`" in rule.__doc__ or rule.__name__ == "matrix"


@pytest.mark.parametrize(("prediction", "reference"), DIFFERENT)
def test_a_near_miss_is_wrong(prediction: str, reference: str) -> None:
    assert not decide(prediction, reference).same


integers = st.integers(-(10**30), 10**30)
rationals = st.fractions(max_denominator=10**9)
SYMBOLS = ["x", "y", "n", r"\pi", r"\sqrt{2}", "2", "3", "7"]
expressions = st.recursive(
    st.sampled_from(SYMBOLS),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda p: f"({p[0]}+{p[1]})"),
        st.tuples(inner, inner).map(lambda p: rf"{{{p[0]}}} \cdot {{{p[1]}}}"),
        st.tuples(inner, inner).map(lambda p: rf"\frac{{{p[0]}}}{{{p[1]}}}"),
        inner.map(lambda one: f"({one})^2"),
    ),
    max_leaves=6,
)


@given(integers)
def test_an_integer_is_each_of_its_forms(n: int) -> None:
    forms = (f"{n}", f"{n:,}", f" {n} ", f"${n}$", f"{n}.0", rf"\frac{{{n}}}{{1}}", f"{n}/1",
             rf"\boxed{{{n}}}", f"x = {n}", rf"{n}\text{{ cm}}")  # fmt: skip
    for form in forms:
        assert decide(form, str(n)).same is True, form


@given(integers, st.integers(1, 9) | st.integers(-9, -1))
def test_an_integer_is_no_other(n: int, off: int) -> None:
    for form in (f"{n + off}", f"{n + off:,}", f"{n}.{'0' * 20}1", rf"\frac{{{n + off}}}{{1}}"):
        assert decide(form, str(n)).same is False, form


@given(rationals, rationals)
def test_fractions_compare_as_rationals(a: Fraction, b: Fraction) -> None:
    def latex(x: Fraction) -> str:
        sign = "-" if x < 0 else ""
        return rf"{sign}\frac{{{abs(x.numerator)}}}{{{x.denominator}}}"

    assert decide(latex(a), f"{a.numerator}/{a.denominator}").same is True
    assert decide(latex(a), latex(b)).same is (a == b)


@given(expressions)
def test_every_expression_is_itself_and_not_one_more(text: str) -> None:
    other = f"{text} + 1"
    assert decide(text, text).same is True
    for form in (f"({text})", f"0 + {text}", f"1 \\cdot {text}", f"{text} + 1 - 1"):
        assert decide(form, text).same is not False, form
    assert decide(other, text).same is not True


@given(expressions, expressions)
def test_sums_and_lists_commute_and_the_verdict_is_symmetric(a: str, b: str) -> None:
    assert decide(f"{a} + {b}", f"{b} + {a}").same is not False
    assert decide(f"{a}, {b}", f"{b}, {a}").same is not False
    assert decide(a, b).same == decide(b, a).same


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_two_texts_get_a_decision(a: str, b: str) -> None:
    assert decide(a, b).same in {True, False, None}


def test_the_readmes_examples_hold() -> None:
    readme = (Path(__file__).parents[2] / "rewards/math/README.md").read_text(encoding="utf-8")
    examples = re.findall(r"`([^`]+)` (=|/=) `([^`]+)`", readme)
    assert len(examples) > 30
    for prediction, sign, reference in examples:
        assert bool(decide(prediction, reference).same) is (sign == "="), (prediction, reference)
