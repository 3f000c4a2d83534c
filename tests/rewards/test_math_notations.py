"""Rarer ways of writing an answer, and look-alikes that are another answer."""

import pytest

from rewards import Sample, load_verifier
from rewards.math import math_equal, notations, reading
from rewards.math.nodes import Node
from rewards.math.parser import parse
from rewards.math.tokens import Token
from rewards.math.verifier import compare

SAME = [
    (r"\therefore x=41", "41"),
    (r"\Rightarrow 41", "41"),
    (r"41 \checkmark", "41"),
    ("41{}", "41"),
    ("'41'", "41"),
    ("“41”", "41"),
    ("``41''", "41"),
    (r"\text{€}41", "41"),
    ("1.2x10^3", "1200"),
    (r"25^{\circ}\mathrm{C}", "25"),
    ("25", "25 °C"),
    (r"\angle CBA", r"\angle ABC"),
    (r"\frac{dy}{dx}=2x", "2x"),
    (r"\frac{dx}{dt}", r"\dfrac{dx}{dt}"),
    (r"\lim_{x\to 0}\frac{\sin x}{x}=1", "1"),
    (r"\int x\,dx=\frac{x^2}{2}+C", r"\frac{x^2}{2}+C"),
    (r"\sum_{k=1}^{n} k=\frac{n(n+1)}{2}", r"\frac{n(n+1)}{2}"),
    ("E[X]=3.5", "3.5"),
    ("P(X=2)=1/4", "1/4"),
    ("1.234.567", "1234567"),
    ("7bn", "7 billion"),
    (r"\overset{!}{=}41", "41"),
    ("41:", "41"),
    ("2 and 1/2", "5/2"),
    (r"2 \text{ and } \frac{1}{2}", "2.5"),
    ("2 and 1/2", "1/2, 2"),
    ("3, 4, respectively", "3,4"),
    ("**41** cm", "41"),
    ("5 integers", "5"),
    (r"5\text{ integers}", "5"),
    (r"2\pi k, \text{ integers } k", r"2k\pi, k\in\mathbb{Z}"),
    ("5 m/sec", "5 m/s"),
    ("60 sec", "60"),
    (r"\sec \frac{\pi}{3}", "2"),
    ("0.(3)", "1/3"),
    ("0.333...", r"0.\overline{3}"),
    (r"0.1666\ldots", "1/6"),
    ("{}_5C_2", "10"),
    ("5C2", "10"),
    ("^5C_2", "10"),
    ("C_5^2", "10"),
    ("C^2_5=10", "10"),
    ("3∶4", "3:4"),
    (r"\begin{pmatrix}1&2\cr3&4\end{pmatrix}", r"\begin{pmatrix}1&2\\3&4\end{pmatrix}"),
    (r"\mathbb{R}^{>0}", r"(0,\infty)"),
    (r"\mathbb{R}^{\ge0}", r"[0,\infty)"),
    (r"f(x)=x \text{ for all } x", "f(x)=x"),
    ("f(x)=2x", r"f(x)=2x, \forall x\in\mathbb{R}"),
    (r"\sum_{i=1}^{n} i", r"\frac{n(n+1)}{2}"),
    (r"\sum_{j=1}^n j^2", r"\sum_{i=1}^n i^2"),
    (r"\sum_{k=1}^{n} a_k", r"\sum_{i=1}^{n} a_i"),
    (r"P(1,2)", "(1,2)"),
    ("AC", "A,C"),
    ("A, B, D", "ABD"),
    (r"\pi \approx 3.14", r"\pi"),
    (r"\vec{AB}+\vec{BC}", r"\vec{AC}"),
    ("[0,5;2]", "[0.5,2]"),
    ("(0,5;2,5]", "(0.5,2.5]"),
    (r"(0,5; +\infty)", r"(0.5,\infty)"),
    (r"\left[-0,5;\frac32\right)", "[-0.5,1.5)"),
    (r"x\in[0,5;2]", "0.5<=x<=2"),
    (r"[0,5;2]\cup(3;4,5]", r"[0.5,2]\cup(3,4.5]"),
    ("0,5; 2", "0.5, 2"),
    (r"\{0,5; 2\}", r"\{0.5, 2\}"),
    (r"2\pi a+b, a,b\in\mathbb{Z}", r"2\pi m+n, m,n\in\mathbb{Z}"),
    (r"2\pi a+b, a,b\in\mathbb{Z}", r"2\pi n+m, m,n\in\mathbb{Z}"),
    (r"2^a3^b\ (a,b\in\mathbb{N})", r"2^m3^n, m, n\in\mathbb{N}"),
    (r"\begin{vmatrix}a&b\\c&d\end{vmatrix}", r"\left|\begin{matrix}a&b\\c&d\end{matrix}\right|"),
]
DIFFERENT = [
    (r"\frac{\partial g}{\partial x}", r"\frac{\partial f}{\partial x}"),
    (r"\frac{df}{dx}", r"\frac{\partial f}{\partial y}"),
    (r"\lim_{x\to 0}\frac{\sin x}{x}=1", "2"),
    (r"\int_0^1 2x\,dx=1=2", "2"),
    (r"f(x)=2x \text{ for all } x", "f(x)=x"),
    (r"f(x)=x \text{ for all } x>0", "f(x)=x"),
    (r"\sum_{i=1}^{n-1} a_i", r"\sum_{i=1}^{n} a_i"),
    (r"\sum_{i=1}^{n} b_i", r"\sum_{i=1}^{n} a_i"),
    ("a_j", "a_i"),
    (r"5 \approx 6", "5"),
    (r"41 \sim 42", "41"),
    ("2,5", "(2,5]"),
    ("x+1", "|x+1|"),
    ("x+7", "|x+7|"),
    (r"\begin{vmatrix}1&2\\3&4\end{vmatrix}", r"\begin{pmatrix}1&2\\3&4\end{pmatrix}"),
    (r"\vec{BA}", r"\vec{AB}"),
    (r"g\circ f", r"f\circ g"),
    (r"\nabla\cdot f", r"\nabla f"),
    (r"\nabla\times f", r"\nabla f"),
    (r"\int f'(x)\,dx", r"\int f(x)\,dx"),
    ("C_5^3", "5"),
    ("P(2,1)", "(1,2)"),
    ("AD", "A,C"),
    (r"5\text{ nope}", "5"),
    (r"5\text{ excluded}", "5"),
    ("5 triples", "5 pairs"),
    ("0.(3)", "0.3"),
    ("0.333...", "0.333"),
    ("[0,5;2]", "[5,2]"),
    ("[1,000;2,000]", "[1.0,2.0]"),
    ("f(1,5;3)", "f(1.5,3)"),
    (r"2\pi a+b, a,b\in\mathbb{Z}", r"3\pi m+n, m,n\in\mathbb{Z}"),
    (r"(2a,3b), a,b\in\mathbb{Z}", r"(3m,2n), m,n\in\mathbb{Z}"),
    (r"2^a3^b, a,b\in\mathbb{N}", r"2^m3^n, m,n\in\mathbb{Z}"),
]


@pytest.mark.parametrize(("answer", "reference"), SAME)
def test_another_way_of_writing_is_the_same(answer: str, reference: str) -> None:
    assert math_equal(answer, reference)


@pytest.mark.parametrize(("answer", "reference"), DIFFERENT)
def test_a_look_alike_is_another_answer(answer: str, reference: str) -> None:
    assert str(compare(answer, (reference,), "accept").outcome) == "incorrect"


def test_a_box_without_braces_holds_the_whole_number() -> None:
    for response, reference, outcome in [
        (r"\boxed 41", "41", "correct"),
        (r"\boxed 41", "4", "incorrect"),
    ]:
        verdict = load_verifier("math").judge(Sample("s", (), response, reference))
        assert str(verdict.outcome) == outcome


def test_a_text_in_other_layout_is_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[object] = []

    def counted(tokens: tuple[Token, ...]) -> Node:
        parsed.append(tokens)
        return parse(tokens)

    monkeypatch.setattr(reading, "parse", counted)
    ways = ("(6151,7a)", "$(6151,7a)$", r"\left(6151,7a\right)", " (6151,7a).")
    readings = {reading.read(way).readings for way in ways}
    assert len(readings) == 1
    assert len(parsed) == len(next(iter(readings))) > 0


@pytest.mark.parametrize("text", sorted({text for pair in SAME for text in pair}))
def test_a_way_of_writing_that_is_passed_over_is_not_there(text: str) -> None:
    for mark, way, _ in notations._RARE:
        assert mark in text or way.search(text) is None
