"""Verdicts and samples."""

import math
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewards import InvalidVerdictError, Outcome, Sample, Verdict


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_reward_must_be_finite(bad: float) -> None:
    with pytest.raises(InvalidVerdictError, match="must be finite"):
        Verdict.correct(bad)
    with pytest.raises(InvalidVerdictError, match="must be finite"):
        Verdict.incorrect(bad)


def test_a_reward_must_be_a_number() -> None:
    with pytest.raises(InvalidVerdictError, match="NoneType"):
        Verdict(Outcome.CORRECT, None)


def test_an_ungradable_verdict_has_no_reward() -> None:
    verdict = Verdict.ungradable("judge: away")
    assert math.isnan(verdict.reward)
    assert not verdict.is_gradable
    assert not verdict.is_correct
    with pytest.raises(InvalidVerdictError, match="no reward"):
        Verdict(Outcome.UNGRADABLE, 0.0)


def test_metrics_are_numbers() -> None:
    assert Verdict.correct(0.5, "partly", passed=3).metrics == {"passed": 3.0}
    with pytest.raises(InvalidVerdictError, match="metrics"):
        Verdict(Outcome.CORRECT, 1.0, metrics={"passed": "three"})


rewards = st.floats(allow_nan=False, allow_infinity=False)
verdicts = st.one_of(
    st.builds(Verdict.correct, rewards, st.text(), a=rewards),
    st.builds(Verdict.incorrect, rewards, st.text()),
    st.builds(Verdict.ungradable, st.text()),
)


@given(verdicts)
def test_a_verdict_travels_by_pickle(verdict: Verdict) -> None:
    assert pickle.loads(pickle.dumps(verdict)) == verdict


def test_a_sample_travels_by_pickle() -> None:
    sample = Sample("1", ({"role": "user", "content": "2+2?"},), "4", "4", metadata={"level": 5})
    assert pickle.loads(pickle.dumps(sample)) == sample
