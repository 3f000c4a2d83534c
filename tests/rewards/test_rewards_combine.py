"""Routes, terms and scale: what they do to a reward, and what they leave alone."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewards import GradingPool, Rubric, Sample, Term, Use, Verdict

PLUGINS = Path(__file__).parent / "plugins"
HOSTILE = Use(f"{PLUGINS}/hostile.py:hostile")
WAITING = Use(f"{PLUGINS}/waiting.py:waiting")
SAMPLE = Sample("s", (), "x")
numbers = st.floats(-100, 100)
verdicts = st.one_of(
    st.builds(Verdict.correct, numbers),
    st.builds(Verdict.incorrect, numbers),
    st.just(Verdict.ungradable("outage: away")),
)


def rubric(weights: Sequence[float], correct: float = 1.0, incorrect: float = 0.0) -> Rubric:
    terms = tuple(Term(f"t{i}", Use(f"v{i}"), weight) for i, weight in enumerate(weights))
    return Rubric(Use("math"), terms=terms, correct=correct, incorrect=incorrect)


@given(st.lists(st.tuples(numbers, verdicts), max_size=4), verdicts, numbers, numbers)
def test_the_whole_is_the_scaled_main_and_the_weighted_terms(
    terms: list[tuple[float, Verdict]], main: Verdict, correct: float, incorrect: float
) -> None:
    weighted = rubric([weight for weight, _ in terms], correct, incorrect)
    whole = weighted.combine(SAMPLE, [main, *(verdict for _, verdict in terms)])
    parts = [main, *(verdict for _, verdict in terms)]
    assert whole.is_gradable is all(part.is_gradable for part in parts)
    if whole.is_gradable:
        assert whole.outcome is main.outcome
        scaled = incorrect + (correct - incorrect) * main.reward
        expected = scaled + sum(weight * verdict.reward for weight, verdict in terms)
        assert whole.reward == pytest.approx(expected, abs=1e-6)
    else:
        assert whole.reason.startswith("outage: away")


@given(numbers, numbers)
def test_the_scale_is_exact_at_its_two_points(correct: float, incorrect: float) -> None:
    scaled = rubric([], correct, incorrect)
    assert scaled.combine(SAMPLE, [Verdict.correct()]).reward == correct
    assert scaled.combine(SAMPLE, [Verdict.incorrect()]).reward == incorrect


def test_a_sum_that_is_no_number_is_ungradable() -> None:
    huge = rubric([1e308]).combine(SAMPLE, [Verdict.correct(), Verdict.correct(1e308)])
    assert huge.reason.startswith("combination: ")


@pytest.mark.parametrize(
    "wrong",
    [
        rubric([float("nan")]),
        rubric([], correct=float("inf")),
        Rubric(terms=(Term("a", Use("format")), Term("a", Use("overlong")))),
    ],
)
def test_a_rubric_that_makes_no_sense_is_refused(wrong: Rubric) -> None:
    with pytest.raises(ValueError, match=r"finite|same name"):
        wrong.check()


async def test_samples_go_to_the_verifier_of_their_task() -> None:
    mixed = Rubric(HOSTILE, {"wait": WAITING, "sum": Use("math")})
    batch = [
        Sample("a", (), "right"),
        Sample("b", (), "0", task="wait"),
        Sample("c", (), "\\boxed{4}", "4", task="sum"),
        Sample("d", (), "\\boxed{5}", "4", task="sum"),
        Sample("e", (), "wrong", task="another"),
    ]
    async with GradingPool(mixed, workers=1) as pool:
        graded = await pool.grade(batch * 5)
        assert pool.metrics()["graded"] == 25
    assert [v.is_correct for v in graded] == [True, True, True, False, False] * 5


async def test_terms_add_up_and_a_broken_one_spoils_the_whole() -> None:
    brevity = Use(f"{PLUGINS}/configured.py:Length", {"max_words": 2, "worth": 0.5})
    added = Rubric(
        Use("math"),
        terms=(
            Term("box", Use("format", {"style": "boxed"}), 0.25),
            Term("brief", brevity, 2.0, frozenset({"short"})),
            Term("service", WAITING, -1.0, frozenset({"judged"})),
        ),
        correct=1.0,
        incorrect=-1.0,
    )
    batch = [
        Sample("a", (), "\\boxed{4}", "4"),
        Sample("b", (), "\\boxed{5}", "4", task="short"),
        Sample("c", (), "so it is 4", "4", task="short"),
        Sample("d", (), "raise", "4", task="judged"),
    ]
    async with GradingPool(added, workers=1) as pool:
        a, b, c, d = await pool.grade(batch)
        assert pool.ungradable_reasons() == {"ConnectionError": 1}
    assert (a.is_correct, a.reward, a.metrics["box"]) == (True, 1.25, 1.0)
    assert "brief" not in a.metrics
    assert (b.is_correct, b.reward) == (False, -1 + 0.25 + 1.0)
    assert (c.is_correct, c.reward) == (False, -1.0)
    assert d.reason == "ConnectionError: the judge is away (term 'service')"


async def test_a_verifier_may_have_a_deadline_of_its_own() -> None:
    slow = Use(WAITING.spec, deadline=0.2)
    hung = Use(HOSTILE.spec, deadline=0.3)
    both = Rubric(WAITING, {"slow": slow, "hung": hung})
    batch = [
        Sample("a", (), "0.6"),
        Sample("b", (), "0.6", task="slow"),
        Sample("c", (), "hang", task="hung"),
    ]
    async with GradingPool(both, workers=1, deadline=20) as pool:
        a, b, c = await pool.grade(batch)
    assert a.is_correct
    assert b.reason == "deadline: no verdict within 0.2 s"
    assert c.reason == "deadline: no verdict within 0.3 s"
