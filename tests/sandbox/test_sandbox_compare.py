"""What counts as the expected answer: comparison, encoding, and taking tests apart."""

import json
import math
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox import CallTests
from sandbox.agent import plain
from sandbox.compare import same_output, same_value
from sandbox.judge import parse_tests, plan_calls
from sandbox.split import split_check, split_script

FLOATS = st.floats(allow_nan=False)  # nan is equal to nothing, not to itself either
SCALARS = st.none() | st.booleans() | st.integers() | FLOATS | st.text() | st.binary()
KEYS = st.none() | st.booleans() | st.integers() | st.text() | st.binary()
VALUES = st.recursive(
    SCALARS | st.complex_numbers(allow_nan=False),
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner, inner)
        | st.dictionaries(KEYS | st.tuples(KEYS), inner)
        | st.sets(KEYS)
        | st.frozensets(KEYS)
    ),
    max_leaves=20,
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@settings(max_examples=50)
@given(VALUES)
def test_a_value_survives_its_journey(value: object) -> None:
    back = plain.decode(json.loads(json.dumps(plain.encode(value))))
    assert back == value
    assert type(back) is type(value)


def test_what_is_no_number_survives_too() -> None:
    back = plain.decode(json.loads(json.dumps(plain.encode([math.nan, math.inf, -math.inf]))))
    assert repr(back) == "[nan, inf, -inf]"


@given(JSON)
def test_whatever_arrives_is_builtin_or_refused(value: object) -> None:
    try:
        found = plain.decode(value)
    except plain.NotPlainError:
        return
    back = plain.decode(plain.encode(found))
    assert type(back) is type(found)


def test_what_is_no_value_stays() -> None:
    with pytest.raises(plain.NotPlainError):
        plain.encode([object()])
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(plain.NotPlainError):
        plain.encode(deep)


@given(JSON)
def test_a_json_value_is_itself(value: object) -> None:
    assert same_value(value, value, 0.0)


@given(JSON, JSON)
def test_different_json_values_differ(one: object, other: object) -> None:
    same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    if not same and not _numerically_equal(one, other):
        assert not same_value(one, other, 0.0)


def _numerically_equal(one: object, other: object) -> bool:
    """Python's own equality says so, and 1 and 1.0 are the same JSON number."""
    return one == other or str(one) == str(other)


@pytest.mark.parametrize(
    ("got", "expected", "same"),
    [
        (1, True, False),
        (True, 1, False),
        (0, False, False),
        (1.0, 1, True),
        (1, 1.0, True),
        (0.1 + 0.2, 0.3, True),
        (0.3001, 0.3, False),
        (10**400, 10**400, True),
        (10**400, 1.5, False),
        (10**17 + 1, 10**17, False),
        ((1, 2), [1, 2], True),
        ([1, [2, (3,)]], [1, [2, [3]]], True),
        ([1, 2], [2, 1], False),
        ({1: "a"}, {"1": "a"}, True),
        ({"1": "a", 1: "b"}, {"1": "a"}, False),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        (None, False, False),
        ("1", 1, False),
        (math.nan, math.nan, True),
        (math.inf, 1e308, False),
        ({1, 2}, [1, 2], False),
        (b"a", "a", False),
    ],
)
def test_values(got: object, expected: object, same: bool) -> None:
    assert same_value(got, expected, 1e-9) is same


@pytest.mark.parametrize(
    ("got", "expected", "exactly", "nearly"),
    [
        (0.1 + 0.2, 0.3, False, True),
        (1 / 3, 0.33333, False, True),
        (1e9 + 1, 1e9, False, True),
        (3, 3.0, True, True),
        (2.99999, 3, False, True),
        (10**9 + 1, 10**9, False, False),
        (1e9 + 1.0, 10**9, False, False),
        (1000000.4, 1000000, False, False),
        ([1, 0.50001], [1, 0.5], False, True),
        ({"a": [10**9 + 1]}, {"a": [10**9]}, False, False),
        (2.0**53, 2**53 + 1, False, False),
        (10**400, 10**400 + 1, False, False),
        (10**400, math.inf, False, False),
        (math.inf, 10**400, False, False),
        (math.inf, math.inf, True, True),
        (math.nan, math.nan, True, True),
        (True, 1.0, False, False),
    ],
)
def test_a_tolerance_is_for_fractions(
    got: object, expected: object, exactly: bool, nearly: bool
) -> None:
    assert same_value(got, expected, 0.0) is exactly
    assert same_value(got, expected, 1e-4) is nearly


@given(st.integers(), st.integers(), st.sampled_from([0.0, 1e-6, 0.5, 10.0, math.inf]))
def test_no_tolerance_makes_two_integers_one(one: int, other: int, tolerance: float) -> None:
    assert same_value(one, other, tolerance) is (one == other)
    assert (same_output(str(one), str(other), "float", tolerance) is None) is (one == other)
    if tolerance < math.inf:  # nor does writing it as a fraction
        written = f"{other}.0"
        assert (same_output(written, str(one), "float", tolerance) is None) is (one == other)


def test_a_call_may_have_a_tolerance_of_its_own() -> None:
    cases = [{"args": [1], "returns": 0.5}, {"args": [1], "returns": 0.5, "tolerance": 0.1}]
    tests = parse_tests({"kind": "calls", "entry_point": "f", "cases": cases})
    assert isinstance(tests, CallTests)
    assert [claim.holds(0.55) for claim in plan_calls(tests).claims] == [False, True]
    assert [claim.holds(0.5) for claim in plan_calls(tests).claims] == [True, True]


@pytest.mark.parametrize(
    ("got", "expected", "how", "same"),
    [
        ("1 2\n3\n", "1\n2 3", "tokens", True),
        ("1 2 3 4", "1 2 3", "tokens", False),
        ("1 2", "1 2 3", "tokens", False),
        ("", "", "tokens", True),
        ("YES", "yes", "tokens", False),
        ("1.0", "1", "tokens", False),
        ("a \nb\n\n", "a\nb", "exact", True),
        ("a\n\nb", "a\nb", "exact", False),
        (" a", "a", "exact", False),
        ("a b", "a  b", "exact", False),
        ("0.3333333", "0.33333331", "float", True),
        ("0.34", "0.33", "float", False),
        ("1000000.5", "1000001.0", "float", True),
        ("1000000.5", "1000001", "float", False),
        ("1000001", "1000000", "float", False),
        ("1000001.0", "1000000", "float", False),
        ("1000000.0000001", "1000000", "float", True),
        ("2.9999999", "3", "float", True),
        ("3.00", "3", "float", True),
        ("+3", "3", "float", True),
        ("-0", "0", "float", True),
        ("007", "7", "float", True),
        ("-7", "7", "float", False),
        ("inf", "1e308", "float", False),
        ("1e309", "inf", "float", False),
        ("1e400", "1e500", "float", False),
        ("1e400", "1.0000000001e400", "float", True),
        ("1e999999", "1e999998", "float", False),
        ("1e99999999999999", "1e99999999999999", "float", True),
        ("1e99999999999999", "1e99999999999998", "float", False),
        ("inf", "Infinity", "float", True),
        ("-inf", "inf", "float", False),
        ("NaN", "nan", "float", True),
        ("\u0663", "3", "float", False),
        ("\uff13.5", "3.5", "float", False),
        ("1\u00b2", "1", "float", False),
        ("nan", "1", "float", False),
        ("1e400", "2", "float", False),
        ("x 1", "x 1.0000000001", "float", True),
        ("0x10", "16", "float", False),
        ("1_0", "10", "float", False),
    ],
)
def test_outputs(got: str, expected: str, how: str, same: bool) -> None:
    assert (same_output(got, expected, how, 1e-6) is None) is same


@pytest.mark.parametrize("how", ["tokens", "float", "exact"])
def test_integers_of_any_length_are_compared(how: str) -> None:
    """Python itself reads no decimals of more than 4300 digits."""
    digits = "9" * 5000
    assert same_output(f"{digits}\n", digits, how, 1e-6) is None
    assert same_output(f"-{digits}", digits, how, 1e-6) is not None
    assert same_output(f"{digits[:-1]}8", digits, how, 1e-6) is not None
    assert (same_output(f"+0{digits}", digits, how, 1e-6) is None) is (how == "float")
    assert same_value(10**5000, 10**5000, 1e-6)
    assert not same_value(10**5000 + 1, 10**5000, 1e-6)
    assert not same_value(10**5000, math.inf, 1e-6)


@pytest.mark.parametrize("how", ["tokens", "float", "exact"])
@pytest.mark.parametrize(
    "output", ["1 " * 3_000_000, "\n" * 6_000_000, "9" * 6_000_000, "\u2003" * 3_000_000 + "1"]
)
def test_a_long_output_is_read_no_further_than_it_differs(how: str, output: str) -> None:
    before = time.process_time()
    assert same_output(output, "2 1", how, 1e-6) is not None
    assert time.process_time() - before < 1.0


def test_reasons_do_not_tell_the_expected_output() -> None:
    reason = same_output("41", "42", "tokens", 0.0)
    assert reason is not None
    assert "42" not in reason


def check(*lines: str) -> str:
    return "def check(candidate):\n" + "".join(f"    {line}\n" for line in lines)


@pytest.mark.parametrize(
    ("line", "right", "wrong"),
    [
        ("assert candidate(1, [2]) == 3", 3, 4),
        ("assert 3 == candidate(1)", 3, 4),
        ("assert candidate(1) == (1, 2)", (1, 2), [1, 2]),
        ("assert candidate(x=1) != 3", 4, 3),
        ("assert candidate(1) is None", None, 0),
        ("assert candidate(1) is True, 'why'", True, 1),
        ("assert candidate('a')", [0], []),
        ("assert not candidate('a')", 0, 1),
        ("assert abs(candidate(1) - 1.5) < 1e-3", 1.5001, 1.6),
        ("assert abs(1.5 - candidate(1)) <= 0.5", 2.0, 2.1),
        ("assert candidate(-1) == -1.5", -1.5, 1.5),
        ("assert abs(candidate(1) - 1.5) < 1e-3", 1.5, "1.5"),
    ],
)
def test_an_assert_is_taken_apart(line: str, right: object, wrong: object) -> None:
    plan = split_check(check(line), "f")
    assert plan is not None
    (claim,) = plan.claims
    assert claim.holds(right)
    assert not claim.holds(wrong)


@pytest.mark.parametrize(
    "source",
    [
        check("for i in range(3):", "    assert candidate(i) == i"),
        check("assert candidate(candidate(1)) == 1"),
        check("assert candidate(1) == candidate(2)"),
        check("assert candidate(1) == 1 and candidate(2) == 2"),
        check("x = candidate(1)", "assert x == 1"),
        check("assert candidate(open('x')) == 1"),
        check("assert other(1) == 1"),
        check("assert candidate(*[1]) == 1"),
        check("assert candidate(1) is 1000"),
        check("assert candidate(1) < 3"),
        check("pass"),
        "import os\n" + check("assert candidate(1) == 1"),
        "x = 1\n" + check("assert candidate(1) == 1"),
        "@decorated\n" + check("assert candidate(1) == 1"),
        "not python (",
        "",
    ],
)
def test_what_says_more_is_left_to_a_checker(source: str) -> None:
    assert split_check(source, "f") is None


def test_a_script_about_one_function_is_taken_apart() -> None:
    plan = split_script("assert f(1) == 2\nassert f([1, 2]) == {'a': 1}\n")
    assert plan is not None
    assert plan.entry_point == "f"
    assert [list(claim.args) for claim in plan.claims] == [[1], [[1, 2]]]
    assert split_script("assert f(1) == 2\nassert g(1) == 2") is None
    assert split_script("assert set(f(1)) == {1}") is None
