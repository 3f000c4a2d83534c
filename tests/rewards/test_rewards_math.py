"""The math verifier: extraction, the exact path, and algebra in a worker."""

import json
from collections.abc import AsyncIterator, Iterator
from fractions import Fraction
from pathlib import Path

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from rewards import GradingPool, Sample, load_verifier
from rewards.math import answers, exact, math_equal

MATH = load_verifier("math")


def sample(response: str, reference: object = "5") -> Sample:
    return Sample("s", (), response, reference)


@pytest.fixture
def no_sympy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rewards.math.verifier._algebra", lambda *_: pytest.fail("used algebra"))


@pytest.mark.usefixtures("no_sympy")
@pytest.mark.parametrize(
    ("response", "reason"),
    [
        ("The answer is 5.", "no \\boxed{} answer"),
        ("<think>So \\boxed{5}</think> It is five.", "no \\boxed{} answer"),
        ("<think>So \\boxed{5}", "no \\boxed{} answer"),
        ("so \\boxed{5}</think>", "no \\boxed{} answer"),
        ("\\boxed{4} or \\boxed{5", "the last \\boxed{} is not closed"),
        ("\\boxed{5} no, \\boxed{6}", "not the reference's value"),
        ("\\boxed{ }", "the answer is empty"),
        (f"\\boxed{{{'1' * 2001}}}", "the answer is longer than 2000 characters"),
    ],
)
def test_incorrect_with_a_reason(response: str, reason: str) -> None:
    verdict = MATH.judge(sample(response))
    assert (verdict.is_correct, verdict.is_gradable, verdict.reason) == (False, True, reason)


@pytest.mark.usefixtures("no_sympy")
@pytest.mark.parametrize(
    ("response", "reference"),
    [
        ("\\boxed{5}", "5"),
        ("\\boxed{5}", 5),
        ("\\boxed{5}", "\\boxed{5}"),
        ("<think>\\boxed{4}</think> so \\boxed{5}", "5"),
        ("\\boxed{4}, no: \\boxed {5}.", "5"),
        ("\\boxed{\\left\\{1, 2\\right.}", "\\{1, 2."),
        ("\\boxed{\\dfrac{1}{2}}", "0.5"),
        ("\\boxed{-\\frac12}", "-1/2"),
        ("\\boxed{1,234,567}", "1234567"),
        ("\\boxed{1{,}000}", "1000.0"),
        ("\\boxed{$007$}", "7"),
        ("\\boxed{\\text{Evelyn}}", "\\text{Evelyn}"),
    ],
)
def test_correct_without_algebra(response: str, reference: object) -> None:
    assert MATH.judge(sample(response, reference)).is_correct


@pytest.mark.parametrize("reference", [None, ["5"], True])
def test_a_reference_that_is_no_text_or_number_is_ungradable(reference: object) -> None:
    assert MATH.judge(sample("\\boxed{5}", reference)).reason.startswith("reference: ")


@given(st.text())
def test_extraction_takes_any_text(text: str) -> None:
    assert "</think>" not in answers.final_part(text)
    assert answers.last_boxed(f"{answers.final_part(text)} \\boxed{{7}}") == "7"


ints = st.integers(-(10**30), 10**30)
fractions = st.fractions(max_denominator=10**9)


@given(ints)
def test_an_integer_equals_each_of_its_forms(n: int) -> None:
    for form in (f"{n}", f"{n:,}", f" {n} ", f"${n}$", f"{n}.0", f"\\frac{{{n}}}{{1}}", f"{n}/1"):
        assert exact.equal(form, str(n)) is True
        assert exact.equal(str(n), form) is True


@given(ints, st.integers(1, 3) | st.integers(-3, -1))
def test_a_near_miss_is_wrong(n: int, off: int) -> None:
    assert exact.equal(str(n + off), str(n)) is False
    assert exact.equal(f"{n}.{'0' * 20}1", str(n)) is False


@given(fractions, fractions)
def test_fractions_compare_as_rationals(a: Fraction, b: Fraction) -> None:
    def latex(x: Fraction) -> str:
        sign = "-" if x < 0 else ""
        return f"{sign}\\frac{{{abs(x.numerator)}}}{{{x.denominator}}}"

    assert exact.equal(latex(a), f"{a.numerator}/{a.denominator}") is True
    assert exact.equal(latex(a), latex(b)) is (a == b)


@given(st.decimals(-(10**9), 10**9, places=6))
def test_a_decimal_equals_its_fraction(d: object) -> None:
    assert exact.equal(f"{d:f}", f"{Fraction(str(d))}") is True


@given(st.text(max_size=40), st.text(max_size=40))
def test_the_exact_path_is_symmetric(a: str, b: str) -> None:
    assert exact.equal(a, b) == exact.equal(b, a)


@pytest.mark.parametrize(
    "text", ["1 1/2", "1/0", "0.333...", "1e5", "5%", "٣", "9^9", "1_6", "--1"]
)
def test_what_is_not_plainly_a_number_is_left_to_algebra(text: str) -> None:
    assert exact.number(exact.normalise(text)) is None


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        (r"$ 5\,\text{ cm} $", r"5 \text{ cm}"),
        (r"1{,}000\!,000.", "1,000,000"),
        (r"\dfrac{1}{2}", r"\frac{1}{2}"),
        (r"\left( 1, 2 \right]", "( 1, 2 ]"),
        (
            r"\begin{pmatrix} 1 \\ 2 \\\$3\end{pmatrix}",
            r"\begin{pmatrix} 1 \\ 2 \\\$3\end{pmatrix}",
        ),
        (r"x \leftarrow y...", r"x \leftarrow y..."),
    ],
)
def test_normalising_drops_looks_only(text: str, normal: str) -> None:
    assert exact.normalise(text) == normal
    assert exact.normalise(normal) == normal


@pytest.mark.parametrize(
    ("prediction", "reference"),
    [
        ("x+1", "1+x"),
        (r"\begin{pmatrix} 1 \\ x+1 \end{pmatrix}", r"\begin{pmatrix} 1 \\ 1+x \end{pmatrix}"),
        ("2(x+1)", "2x+2"),
        ("\\frac{\\sqrt{2}}{2}", "\\frac{1}{\\sqrt{2}}"),
        ("180", "180\\text{ miles}"),
        ("2, 1", "1,2"),
        ("(1,2]", "(1, 2]"),
    ],
)
def test_math_equal_by_algebra(prediction: str, reference: str) -> None:
    assert math_equal(prediction, reference) is True


@pytest.mark.parametrize(
    ("prediction", "reference"),
    [
        ("800001", "800000"),
        ("x+2", "x+1"),
        (r"\begin{pmatrix} 1 & 2 \end{pmatrix}", r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}"),
        ("(1,2)", "(1,2]"),
        ("\\sqrt{2}", "1.5"),
        ("", "5"),
        ("}{", "5"),
        ("\\frac{", "5"),
        ("__import__('os').abort()", "5"),
    ],
)
def test_math_equal_tells_apart(prediction: str, reference: str) -> None:
    assert math_equal(prediction, reference) is False


def test_math_equal_keeps_its_deadline_and_goes_on() -> None:
    assert math_equal("9^{9^{9^9}}", "5", deadline=1.0) is False
    assert math_equal("y+x", "x+y") is True


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pool() -> AsyncIterator[GradingPool]:
    async with GradingPool("math", workers=1) as pool:
        yield pool


@pytest.mark.asyncio(loop_scope="module")
async def test_an_answer_that_explodes_is_incorrect_and_the_rest_is_graded(
    pool: GradingPool,
) -> None:
    texts = ["5", "9^{9^{9^9}}", "x+5-x", "\\frac{"]
    verdicts = await pool.grade([sample(f"\\boxed{{{text}}}") for text in texts])
    assert [v.outcome for v in verdicts] == ["correct", "incorrect", "correct", "incorrect"]
    assert verdicts[1].reason.startswith("deadline: ")


@pytest.mark.asyncio(loop_scope="module")
async def test_a_reference_that_is_no_expression_is_ungradable(pool: GradingPool) -> None:
    (verdict,) = await pool.grade([sample("\\boxed{5}", "see \\frac{ figure")])
    assert verdict.reason.startswith("reference: ")
    assert pool.ungradable_reasons() == {"reference": 1}


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", ["gsm8k", "math"])
async def test_gold_answers_are_correct_against_themselves(pool: GradingPool, name: str) -> None:
    golds = list(_gold(name))
    boxed = await pool.grade([sample(f"So \\boxed{{{gold}}}.", gold) for gold in golds])
    wrong = [g for g, verdict in zip(golds, boxed, strict=True) if not verdict.is_correct]
    assert wrong == []


def _gold(name: str) -> Iterator[str]:
    path = Path(__file__).parents[3] / "shared" / "data" / name / "train.jsonl"
    if not path.is_file():
        pytest.skip(f"the data set {name} is not beside the checkout")
    with path.open() as lines:
        for line in lines:
            yield json.loads(line)["answer"].rpartition("#### ")[2].strip()
