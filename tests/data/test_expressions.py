"""The built-in task for code: its problems, their tests, and demonstrations right and wrong."""

import ast
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.builtin import ending, solution
from data.errors import PromptError, SourceError
from data.expressions import expression_prompts
from data.schema import Prompt
from data.sources import load_prompts

_OPERATORS = {ast.Add: int.__add__, ast.Sub: int.__sub__, ast.Mult: int.__mul__}


def printed(answer: str) -> int:
    """What the program of an answer prints."""
    match = re.fullmatch(r"```python\nprint\((.*)\)\n```", answer)
    assert match is not None
    return value(ast.parse(match[1], mode="eval").body)


def value(node: ast.expr) -> int:
    if isinstance(node, ast.Constant) and isinstance(node.value, int):
        return node.value
    assert isinstance(node, ast.BinOp)
    return _OPERATORS[type(node.op)](value(node.left), value(node.right))


@given(st.integers(2, 999_999), st.integers(0, 2**32))
def test_right_programs_print_what_the_test_expects_and_mistakes_do_not(
    most: int, seed: int
) -> None:
    (prompt,) = expression_prompts(1, seed=seed, max_operand=most)
    expected = int(prompt.reference["cases"][0]["stdout"])
    assert printed(solution(prompt)) == expected
    assert printed(solution(prompt, mistaken=True)) != expected
    assert ending(prompt) == solution(prompt)
    numbers = [int(number) for number in re.findall(r"\d+", prompt.messages[0]["content"])]
    assert all(2 <= number <= most for number in numbers)


@pytest.mark.parametrize(
    ("text", "program"),
    [
        ("Python: add 3 and 2, then times 2", "(3+2)*2"),
        ("Python: take 3 from 2, then times 3", "(2-3)*3"),
    ],
)
def test_words_say_what_the_program_does(text: str, program: str) -> None:
    found = {one.messages[0]["content"]: one for one in expression_prompts(None, max_operand=3)}
    assert solution(found[text]) == f"```python\nprint({program})\n```"


def test_all_problems_are_distinct_and_drawn_the_same_again() -> None:
    everything = expression_prompts(None, max_operand=6)
    assert len({prompt.text_digest() for prompt in everything}) == len(everything) == 2 * 5**3
    assert expression_prompts(None, max_operand=6) == everything
    assert expression_prompts(None, max_operand=6, seed=1) != everything


def test_a_source_makes_them() -> None:
    prompts = load_prompts("builtin:expressions?max=9&count=20&seed=3")
    assert prompts == expression_prompts(20, max_operand=9, seed=3)
    assert {prompt.task for prompt in prompts} == {"code"}
    assert len(load_prompts("builtin:expressions?max=4&count=all")) == 2 * 3**3


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("max=1", "use a max from 2"),
        ("max=3&count=100", "there are 16 with"),
        ("count=0", "cannot give 0"),
        ("max=ten", "use a whole number"),
        ("ops=add", "unknown option 'ops'"),
    ],
)
def test_a_wrong_option_is_one_line(query: str, message: str) -> None:
    with pytest.raises(SourceError, match=message) as raised:
        load_prompts(f"builtin:expressions?{query}")
    assert "\n" not in str(raised.value)


def test_other_prompts_have_no_demonstrations() -> None:
    for name in ("mine/1", "expressions/1+1"):
        with pytest.raises(PromptError, match=re.escape(name)):
            solution(Prompt(name, ({"role": "user", "content": "?"},)))
