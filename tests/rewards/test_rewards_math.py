"""The math verifier: what counts as the answer, and how a verdict comes about."""

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from rewards import GradingPool, Sample, load_verifier
from rewards.math import answers, math_equal

MATH = load_verifier("math")
BARE = load_verifier("math-bare")


def sample(response: str, reference: object = "5") -> Sample:
    return Sample("s", (), response, reference)


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        ("It is 5.", "no answer: no \\boxed{} answer"),
        ("<think>So \\boxed{5}</think> It is five.", "no answer: no \\boxed{} answer"),
        ("<think>So \\boxed{5}", "no answer: no \\boxed{} answer"),
        ("so</think> 5", "no answer: no \\boxed{} answer"),
        ("\\boxed{4} or \\boxed{5", "no answer: the last \\boxed{} is not closed"),
        ("\\boxed{5} no, \\boxed{6}", "differs: number"),
        ("\\boxed{4}, \\boxed{5}", "differs: items"),
        ("\\boxed{5} and \\boxed{6}", "differs: items"),
        ("\\boxed{ }", "differs: no answer"),
        ("The answer is 6. \\boxed{", "no answer: the last \\boxed{} is not closed"),
    ],
)
def test_incorrect_with_a_reason(response: str, reason: str) -> None:
    verdict = MATH.judge(sample(response))
    assert (verdict.is_correct, verdict.is_gradable, verdict.reason) == (False, True, reason)


@pytest.mark.parametrize(
    ("response", "reference"),
    [
        ("\\boxed{5}", "5"),
        ("\\boxed{5}", 5),
        ("\\boxed{5}", "\\boxed{5}"),
        ("\\boxed 5", "5"),
        ("\\fbox{5}", "5"),
        ("\\boxed{\\boxed{5}}", "5"),
        ("<think>\\boxed{4}</think> so \\boxed{5}", "5"),
        ("[THINK]\\boxed{4}[/THINK] so \\boxed{5}", "5"),
        ("\\boxed{4}, no: \\boxed {5}.", "5"),
        ("\\boxed{\\frac{1}{\\sqrt{2}}} holds", "\\sqrt2/2"),
        ("\\boxed{1} and \\boxed{2}", "2, 1"),
        ("\\boxed{2}, \\quad \\boxed{3}", "\\{2, 3\\}"),
        ("The final answer is $12$. I am sure.", "12"),
        ("**Answer:** 12", "12"),
        ("It makes 6.\n#### 1,234", "1234"),
        ("The answer is 3, no, the answer is 5", "5"),
    ],
)
def test_correct(response: str, reference: object) -> None:
    verdict = MATH.judge(sample(response, reference))
    assert verdict.is_correct, verdict


def test_the_reason_names_the_rule() -> None:
    assert BARE.judge(sample("x \\ge 0", "[0,\\infty)")).reason == "region"
    assert BARE.judge(sample("x > 0", "[0,\\infty)")).reason == "differs: region"


@pytest.mark.parametrize("reference", [None, {"a": 5}, True, "", "  "])
def test_a_reference_that_is_no_text_or_number_is_ungradable(reference: object) -> None:
    assert MATH.judge(sample("\\boxed{5}", reference)).reason.startswith("reference: ")


@given(st.text())
def test_extraction_takes_any_text(text: str) -> None:
    found = answers.last_boxed(f"{text} so \\boxed{{7}}")
    assert found == "7"


def test_phrases_can_be_chosen() -> None:
    assert answers.final_answer("Also: 5\nDone", [r"also:\s*"]) == "5"
    with pytest.raises(answers.NoAnswerError):
        answers.final_answer("The answer is 5", ())


def test_math_equal_keeps_its_deadline_and_goes_on() -> None:
    endless = "\\int_0^{9^{9^{9^9}}} x \\, dx"
    assert math_equal(endless, "\\frac{5}{2}", deadline=1.0) is False
    assert math_equal("y+x", "x+y") is True


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pool() -> AsyncIterator[GradingPool]:
    async with GradingPool("math", workers=1, deadline=30) as pool:
        yield pool


@pytest.mark.asyncio(loop_scope="module")
async def test_what_the_grammar_does_not_cover_goes_to_computer_algebra(pool: GradingPool) -> None:
    pairs = [("\\int_0^1 2x \\, dx", "\\int_0^1 2y \\, dy"), ("\\int_0^1 x dx", "\\int_0^2 x dx")]
    verdicts = await pool.grade([sample(f"\\boxed{{{one}}}", other) for one, other in pairs])
    assert [(v.outcome, v.reason) for v in verdicts] == [
        ("correct", "math-verify"),
        ("incorrect", "differs: math-verify"),
    ]


@pytest.mark.asyncio(loop_scope="module")
async def test_a_reference_that_is_no_expression_is_ungradable(pool: GradingPool) -> None:
    (verdict,) = await pool.grade([sample("\\boxed{\\forall 5}", "see \\frac{ figure")])
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
