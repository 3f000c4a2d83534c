"""The question as the answer is not paid; an answer that needs no more work is."""

import pytest

from rewards import Sample, load_verifier
from rewards.math import math_equal
from rewards.use import Use

BARE = load_verifier("math-bare")
ACCEPTING = Use("math-bare", {"unevaluated": "accept"}).load()
WORK = [
    (r"\sum_{k=1}^{100} k", "5050"),
    (r"\prod_{k=1}^{5} k", "120"),
    (r"\gcd(1071,462)", "21"),
    (r"\operatorname{lcm}(4,6)", "12"),
    (r"\lfloor \sqrt{2024} \rfloor", "44"),
    (r"\lceil 7/2 \rceil", "4"),
    (r"\max(3,7)", "7"),
    ("2024^2-2023^2", "4047"),
    ("20+21", "41"),
    (r"17 \times 23", "391"),
    (r"123 \cdot 456", "56088"),
    (r"\frac12+\frac13", r"\frac56"),
    (r"\frac{3}{4}\cdot\frac{1}{2}", r"\frac38"),
    (r"\frac{1}{1-\frac{1}{1-\frac13}}", "-2"),
    (r"\frac{100\cdot 101}{2}", "5050"),
    (r"\frac{10-4}{3}", "2"),
    (r"\sqrt{16+9}", "5"),
    (r"2^{3+4}", "128"),
    (r"(1+2)^3", "27"),
    (r"\log_2(3+5)", "3"),
    (r"3!\cdot 4! + 1", "145"),
    (r"3+2+\sqrt2", r"5+\sqrt2"),
    ("x = 20+21", "41"),
    (r"20+21\text{ cm}", r"41\text{ cm}"),
    ("(1+1, 1+2)", "(2, 3)"),
    (r"x = \sum_{k=1}^{100} k", "5050"),
    (r"S = \prod_{i=1}^{5} i", "120"),
    (r"\sum_{k=1}^{4} k\text{ ways}", "10"),
    (r"5\cdot x/x", "5"),
    ("5+0x", "5"),
    ("12/4+3", "6"),
    (r"14 \div 2 - 0", "7"),
    (r"\sqrt{49}+3", "10"),
    (r"\log_2 8 + 4", "7"),
    ("2^{10}+0", "1024"),
    (r"\sin^2 1+\cos^2 1", "1"),
    (r"\pi+\pi", r"2\pi"),
    (r"\frac{\pi}{4}+\pi", r"\frac{5\pi}{4}"),
    (r"3\sqrt2-\sqrt8", r"\sqrt2"),
    (r"\sqrt2\cdot\sqrt8", "4"),
    (r"(2+\sqrt3)(2-\sqrt3)", "1"),
    (r"\frac{3+\sqrt5}{2}-\frac{1+\sqrt5}{2}", "1"),
    (r"\frac{\sqrt8}{\sqrt2}", "2"),
    ("(1+i)(1-i)", "2"),
    (r"\sin 30^\circ+\cos 60^\circ", "1"),
    (r"1\frac14+2\frac14", r"3\frac12"),
    (r"-1\frac14-2\frac14", r"-3\frac12"),
    (r"3\frac12-1", r"2\frac12"),
    (r"1\frac14+2\frac14\text{ cm}", r"3\frac12\text{ cm}"),
    ("20+21", "forty-one"),
    ("1+2", "三"),
    (r"\begin{pmatrix}1+1\\1+2\end{pmatrix}", r"\begin{pmatrix}2\\3\end{pmatrix}"),
    (r"\begin{pmatrix}2&1\\3&2\cdot 2\end{pmatrix}", r"\begin{pmatrix}2&1\\3&4\end{pmatrix}"),
    (r"20+21 \pmod{50}", "41"),
    (r"x \equiv 20+21 \pmod{50}", r"x \equiv 41 \pmod{50}"),
    (r"41 \bmod 50", "41"),
    (r"\frac{d}{dx}x", "1"),
    (r"\int_0^1 2x\,dx", "1"),
    (r"\lim_{x\to 0}\frac{\sin x}{x}", "1"),
]
DONE = [
    ("-41", "-41"), ("50\\%", "0.5"), (r"2\frac12", "2.5"), (r"1.2\times10^3", "1200"),
    (r"\frac{82}{2}", "41"), ("2^{10}", "1024"), (r"\sqrt{12}", r"2\sqrt3"), ("5!", "120"),
    (r"\binom{5}{2}", "10"), (r"\log_2 8", "3"), (r"\sin 30^\circ", "1/2"), ("2^{10}-1", "1023"),
    (r"5\cdot 4!", "120"), (r"\frac{10!}{3!\cdot 7!}", "120"), (r"2^3\cdot 3\cdot 5", "120"),
    (r"2\cdot 3\cdot 5", "30"), (r"1+\sqrt2", r"1+\sqrt2"), ("3+2i", "3+2i"), ("|3+4i|", "5"),
    (r"\sqrt{3+2\sqrt2}", r"1+\sqrt2"), ("i^2", "-1"), ("20+21=41", "41"), ("x=20+21=41", "41"),
    (r"\frac{1+\sqrt5}{2}", r"\frac{1+\sqrt5}{2}"), (r"\frac{2^{10}-1}{3}", "341"),
    ("2^{100}+3^{50}", "2^{100}+3^{50}"), (r"\sqrt2+\sqrt3", r"\sqrt3+\sqrt2"),
    (r"1-\frac16", r"\frac56"), (r"\frac12\cdot 2^{10}", "512"), ("2 + x", "x + 2"),
    (r"1 \pm \sqrt2", r"1+\sqrt2, 1-\sqrt2"), ("(x+1)+1", "x+2"), (r"e^{i\pi}", "-1"),
    (r"\sum_{k=1}^{100} k = 5050", "5050"), ("5!+1", "121"), ("0+3i", "3i"),
    (r"4-\sqrt2", r"4-\sqrt2"), (r"2+\frac13", r"\frac73"), (r"\pm 5", r"\pm 5"),
    (r"\binom{5}{2}-1", "9"), (r"\frac{5!}{2!}-1", "59"), (r"\mathbf{i}+2\mathbf{j}", "(1,2)"),
    (r"2\sin 30^\circ", "1"), (r"4\sqrt3-\frac{4\pi}{3}", r"\frac{12\sqrt3-4\pi}{3}"),
    (r"\frac{\sqrt3}{\sqrt2}", r"\frac{\sqrt6}{2}"), (r"\ln 2+\ln 3", r"\ln 6"),
    (r"\frac{\sqrt6+\sqrt2}{4}", r"\frac{\sqrt2+\sqrt6}{4}"),
    (r"3 \pmod 7", "3"), (r"3 \mod 7", "3"), ("x ≡ 3 (mod 7)", "3"), (r"x \equiv 3 \pmod 7", "3"),
    (r"x \equiv 3 \pmod 7", r"3 \pmod 7"), ("3", r"x \equiv 3 \pmod 7"),
    (r"x \equiv 3, 5 \pmod 7", "3, 5"), ("7/2", r"3\frac12"), (r"3+\frac12", r"3\frac12"),
    ("41", "forty-one"),
    (r"\begin{pmatrix}1/2\\3\end{pmatrix}", r"\begin{pmatrix}0.5\\3\end{pmatrix}"),
    (r"\begin{pmatrix}a+a\\1+2\end{pmatrix}", r"\begin{pmatrix}2a\\3\end{pmatrix}"),
]  # fmt: skip


def grade(answer: str, reference: str, verifier: object = BARE) -> tuple[str, str]:
    verdict = verifier.judge(Sample("s", (), answer, reference))  # type: ignore[attr-defined]
    return str(verdict.outcome), verdict.reason


@pytest.mark.parametrize(("answer", "reference"), WORK)
def test_work_to_be_done_is_no_answer(answer: str, reference: str) -> None:
    assert grade(answer, reference) == ("incorrect", "not evaluated")


@pytest.mark.parametrize(("answer", "reference"), WORK)
def test_work_that_is_the_reference_is_right(answer: str, reference: str) -> None:
    assert grade(answer, answer)[0] == "correct"
    assert grade(reference, reference)[0] == "correct"


@pytest.mark.parametrize(("answer", "reference"), DONE)
def test_a_value_is_an_answer(answer: str, reference: str) -> None:
    assert grade(answer, reference)[0] == "correct"


def test_the_option_accepts_work_and_equality_does_not_ask() -> None:
    for answer, reference in WORK[:-3]:  # what the grammar reads
        assert grade(answer, reference, ACCEPTING)[0] == "correct"
        assert math_equal(answer, reference)


def test_operators_of_the_reference_are_no_work() -> None:
    assert grade(r"\sum_{j=1}^{n} j", r"\sum_{k=1}^{n} k")[0] == "correct"
    assert grade("3^{50}+2^{100}", "2^{100}+3^{50}")[0] == "correct"
    assert grade("1+1", "2")[0] == "incorrect"
