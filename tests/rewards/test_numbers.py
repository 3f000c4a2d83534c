"""References may be numbers of any library."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewards import Sample, load_verifier
from rewards.numbers import deeply, of_reference

FIVES: list[Any] = [
    5, 5.0, "5", np.int8(5), np.int64(5), np.uint16(5), np.float16(5), np.float32(5), np.float64(5),
    np.longdouble(5), np.str_("5"), np.array(5), np.array(5.0), Decimal(5), Decimal("5.00"),
    Fraction(5), Fraction(10, 2), pa.scalar(5), pa.scalar(5.0), pa.scalar("5"),
    pa.scalar(Decimal("5.0")), pa.scalar(5, pa.int8()),
]  # fmt: skip
OWN = (str, int, float)


@pytest.mark.parametrize("five", FIVES, ids=lambda one: f"{type(one).__name__}")
@pytest.mark.parametrize("verifier", ["math", "math-bare"])
def test_every_kind_of_five_is_five(verifier: str, five: Any) -> None:
    given_ = Sample("s", (), "\\boxed{5}" if verifier == "math" else "5", five)
    assert type(given_.reference) in OWN
    verdict = load_verifier(verifier).judge(given_)
    assert verdict.is_correct, verdict
    wrong = Sample("s", (), "\\boxed{6}" if verifier == "math" else "6", five)
    assert load_verifier(verifier).judge(wrong).outcome == "incorrect"


@given(st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False, width=32))
def test_a_number_keeps_its_value(whole: int, real: float) -> None:
    assert of_reference(np.int64(whole)) == whole
    assert np.float32(of_reference(np.float32(real))) == np.float32(real)
    assert of_reference(np.float64(real)) == real
    assert of_reference([np.int64(whole), "x"]) == [whole, "x"]


def test_narrow_numbers_are_what_is_written() -> None:
    assert of_reference(np.float32(0.1)) == 0.1
    assert of_reference(Decimal("1E+3")) == "1000"
    assert of_reference(Decimal("0.10")) == "0.10"
    assert of_reference(Decimal("1E+100000")) == "1E+100000"
    assert of_reference(Fraction(1, 3)) == "1/3"


def test_what_is_no_number_stays_what_it_is() -> None:
    kept = object()
    several = {"a": [1], "b": kept}
    for value in (None, True, kept, several, b"x", [several], [[np.int64(1)]] * 100):
        assert of_reference(value) is value
    assert of_reference(np.bool_(True)) is True
    assert deeply({"a": [np.int64(1), (Decimal("0.5"),)]}) == {"a": [1, ["0.5"]]}
    assert of_reference(np.array([1.5, 2.0])) == [1.5, 2.0]
