"""The built-in task for tools: calls and lists, their references, and demonstrations of both."""

import ast
import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.builtin import ending, solution
from data.errors import PromptError, SourceError
from data.schema import Prompt
from data.sources import load_prompts
from data.tool_requests import TOOLS, tool_prompts


def called(answer: str) -> list[dict[str, object]]:
    """The calls of an answer, read without the verifier."""
    calls = ast.parse(answer, mode="eval").body
    assert isinstance(calls, ast.List)
    found = []
    for call in calls.elts:
        assert isinstance(call, ast.Call) and isinstance(call.func, ast.Name)
        arguments = {one.arg: ast.literal_eval(one.value) for one in call.keywords}
        found.append({"name": call.func.id, "arguments": arguments})
    return found


@given(st.integers(1, 999_999), st.integers(0, 2**32))
def test_right_calls_are_the_reference_and_mistakes_are_not(most: int, seed: int) -> None:
    (prompt,) = tool_prompts(1, seed=seed, max_operand=most)
    assert called(solution(prompt)) == prompt.reference
    assert called(solution(prompt, mistaken=True)) != prompt.reference
    assert ending(prompt) == solution(prompt)
    arguments = prompt.reference[0]["arguments"]
    assert 0 <= min(arguments.values()) <= max(arguments.values()) <= most


@given(st.integers(0, 2**32))
def test_right_lists_have_the_bullets_and_the_word_and_mistakes_one_too_few(seed: int) -> None:
    _, prompt = tool_prompts(2, seed=seed)
    bullets, keywords = prompt.reference
    lines = solution(prompt).splitlines()
    assert len(lines) == bullets["num_bullets"]
    assert all(line == f"* {keywords['keywords'][0]}" for line in lines)
    assert solution(prompt, mistaken=True).splitlines() == lines[:-1] != []
    assert f"{len(lines)} bullets of {keywords['keywords'][0]}" == prompt.messages[0]["content"]


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("add 0 and 1", "[add(a=0,b=1)]"),
        ("take 1 from 0", "[subtract(a=0,b=1)]"),
        ("multiply 1 by 0", "[multiply(a=1,b=0)]"),
    ],
)
def test_words_say_what_is_called(text: str, answer: str) -> None:
    found = {one.messages[0]["content"]: one for one in tool_prompts(24, max_operand=1)}
    assert solution(found[text]) == answer


def test_halves_and_distinct_problems_drawn_the_same_again() -> None:
    prompts = tool_prompts(2_001, seed=3)
    assert Counter(prompt.task for prompt in prompts) == {"tool": 1_001, "text": 1_000}
    assert len({prompt.id for prompt in prompts}) == len(prompts)
    assert len({prompt.text_digest() for prompt in prompts}) == len(prompts)
    assert prompts == tool_prompts(2_001, seed=3) != tool_prompts(2_001, seed=4)
    assert all(prompt.tools == TOOLS for prompt in prompts)


def test_a_source_makes_them() -> None:
    assert load_prompts("builtin:tools?max=9&count=20&seed=3") == tool_prompts(
        20, max_operand=9, seed=3
    )


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("max=0", "use a max from 1"),
        ("max=1&count=25", "there are 24 with"),
        ("count=0", "cannot give 0"),
        ("count=all", "use a whole number"),
    ],
)
def test_a_wrong_option_is_one_line(query: str, message: str) -> None:
    with pytest.raises(SourceError, match=message) as raised:
        load_prompts(f"builtin:tools?{query}")
    assert "\n" not in str(raised.value)


def test_other_prompts_have_no_demonstrations() -> None:
    with pytest.raises(PromptError, match=re.escape("tools/divide(1,2)")):
        solution(Prompt(id="tools/divide(1,2)", messages=({"role": "user", "content": ""},)))
