"""Built-in problems are distinct, right and repeatable; demonstrations work them out correctly."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.arithmetic import LARGEST_OPERAND, Operation, arithmetic_prompts, solution
from data.errors import PromptError, SourceError
from data.schema import Prompt

ALL_OPS: tuple[Operation, ...] = ("add", "subtract")


def problem(text: str) -> Prompt:
    return Prompt(id=f"arithmetic/{text}", messages=({"role": "user", "content": f"{text}=?"},))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("37+58", r"7+8=15, 3+5+1=9. \boxed{95}"),
        ("7+58", r"7+8=15, 0+5+1=6. \boxed{65}"),
        ("97+58", r"7+8=15, 9+5+1=15. \boxed{155}"),
        ("12+34", r"2+4=6, 1+3=4. \boxed{46}"),
        ("0+0", r"0+0=0. \boxed{0}"),
        ("52-38", r"12-8=4, 5-3-1=1. \boxed{14}"),
        ("500-123", r"10-3=7, 10-2-1=7, 5-1-1=3. \boxed{377}"),
    ],
)
def test_working_goes_column_by_column(text: str, expected: str) -> None:
    assert solution(problem(text)) == expected


@given(
    st.integers(0, 10**9), st.integers(0, 10**9), st.integers(0, 2**32), st.sampled_from(ALL_OPS)
)
def test_problems_are_right_and_their_working_leads_to_the_answer(
    one: int, other: int, seed: int, op: Operation
) -> None:
    least, most = sorted((one % LARGEST_OPERAND, other % LARGEST_OPERAND))
    (prompt,) = arithmetic_prompts(1, seed=seed, min_operand=least, max_operand=most, ops=[op])
    match = re.fullmatch(r"(\d+)([+-])(\d+)=\?", prompt.messages[0]["content"])
    assert match is not None
    left, right = int(match[1]), int(match[3])
    assert least <= left <= most
    assert least <= right <= most
    expected = left + right if match[2] == "+" else left - right
    assert expected >= 0
    assert prompt.reference == str(expected)
    working, box = solution(prompt).split(". ")
    assert box == solution(prompt, working=False) == rf"\boxed{{{expected}}}"
    assert number_of(working, match[2]) == expected


def number_of(working: str, sign: str) -> int:
    """Check each column's equation and read the answer off the columns."""
    columns = [column.split("=") for column in working.split(", ")]
    for terms, result in columns:
        numbers = [int(term) for term in terms.split(sign) if sign == "-"] or [0]
        total = sum(map(int, terms.split("+"))) if sign == "+" else numbers[0] - sum(numbers[1:])
        assert total == int(result)
    *lower, (_, highest) = columns
    return int(highest + "".join(result[-1] for _, result in reversed(lower)))


def test_all_problems_are_every_problem_once() -> None:
    prompts = arithmetic_prompts(max_operand=9, ops=ALL_OPS)
    added = {f"arithmetic/{a}+{b}" for a in range(10) for b in range(10)}
    subtracted = {f"arithmetic/{a}-{b}" for a in range(10) for b in range(a + 1)}
    assert len(prompts) == len(added) + len(subtracted)
    assert {prompt.id for prompt in prompts} == added | subtracted


def test_the_seed_decides() -> None:
    first = arithmetic_prompts(50, seed=1)
    assert arithmetic_prompts(50, seed=1) == first
    assert arithmetic_prompts(50, seed=2) != first
    assert len({prompt.id for prompt in first}) == 50


def test_impossible_wishes_are_refused() -> None:
    with pytest.raises(SourceError, match="are no range"):
        arithmetic_prompts(min_operand=5, max_operand=4)
    with pytest.raises(SourceError, match="cannot give 0 problems"):
        arithmetic_prompts(0)
    with pytest.raises(SourceError, match="at most 1000000 are made"):
        arithmetic_prompts(max_operand=5000)
    with pytest.raises(PromptError, match="'gsm8k/1' is not an arithmetic problem"):
        solution(Prompt(id="gsm8k/1", messages=({"role": "user", "content": "1+1=?"},)))
