"""The built-in task for tools: its problems, and its demonstrations in the environments."""

import json
from typing import Any

import pytest

from data.builtin import builtin_prompts, demonstration, endings
from data.errors import PromptError, SourceError
from data.schema import Prompt
from rewards.tools import parse_calls
from rl.environments.calculator import Calculator

PROMPTS = builtin_prompts("builtin:calculations?max=30&count=200")
PROGRAMS = builtin_prompts("builtin:calculations?max=30&count=200&tool=python")


def called(turn: str) -> Any:
    """The only call of a turn; None where there is none, or none that can be read."""
    parsed = parse_calls(turn, format="pythonic")
    return None if parsed.fault is not None or not parsed.calls else parsed.calls[0]


def test_problems_are_distinct_and_of_two_kinds() -> None:
    assert len({prompt.id for prompt in PROMPTS}) == 200
    assert [prompt.task for prompt in PROMPTS[:4]] == ["one operation", "two operations"] * 2
    assert builtin_prompts("builtin:calculations?max=30&count=200") == PROMPTS
    assert builtin_prompts("builtin:calculations?max=30&count=200&seed=1") != PROMPTS
    assert [one.messages for one in PROGRAMS] == [one.messages for one in PROMPTS]
    for query in ("count=0", "max=0", "max=1&count=9", "max=100000", "min=99", "min=-1", "tool=x"):
        with pytest.raises(SourceError, match="calculations"):
            builtin_prompts(f"builtin:calculations?{query}")


def test_operands_are_within_their_range_and_references_right() -> None:
    prompts = builtin_prompts("builtin:calculations?min=7&max=12&count=72")
    numbers = set()
    for prompt in prompts:
        problem = prompt.messages[0]["content"]
        first, _, rest = problem.partition("*")
        second, _, third = rest.partition("+")
        assert prompt.reference == str(int(first) * int(second) + int(third or 0))
        numbers |= {int(first), int(second), *([int(third)] if third else [])}
    assert numbers == set(range(7, 13))


def test_a_right_demonstration_is_what_the_calculator_says() -> None:
    for prompt in PROMPTS:
        said = demonstration(prompt)
        for call, result in zip(said[:-1:2], said[1::2], strict=True):
            one = Calculator()
            one.reset(prompt)
            assert one.calc(**called(call["content"]).arguments) == result["content"]
        assert len(said) == (3 if prompt.task == "one operation" else 5)
        assert said[-1]["content"] == rf"\boxed{{{prompt.reference}}}"
        assert endings(prompt) == [one["content"] for one in said[::2]]


def test_a_right_program_prints_the_reference() -> None:
    for prompt in PROGRAMS:
        call, result, answer = demonstration(prompt)
        found = called(call["content"])
        assert found.name == "python"
        assert dict(found.arguments) == {"code": f"print({prompt.messages[0]['content']})"}
        assert result["content"] == prompt.reference
        assert answer["content"] == rf"\boxed{{{prompt.reference}}}"


@pytest.mark.parametrize("prompts", [PROMPTS, PROGRAMS], ids=["calculator", "python"])
def test_mistakes_are_of_every_kind_and_one_turn_long(prompts: list[Prompt]) -> None:
    kinds = set()
    for prompt in prompts:
        (said,) = demonstration(prompt, mistaken=True)
        text, call = said["content"], called(said["content"])
        if call is not None and call.name == "calc":
            with pytest.raises(ValueError, match="one operation"):
                Calculator().calc(**call.arguments)
            kinds.add("whole")
        elif call is not None:
            assert "print" not in json.dumps(dict(call.arguments))
            kinds.add("silent")
        elif text.startswith(r"\boxed{"):
            assert text != rf"\boxed{{{prompt.reference}}}"
            kinds.add("guess")
        else:
            assert parse_calls(text, format="pythonic").fault is not None
            kinds.add("malformed")
    assert kinds == {"malformed", "guess", "whole" if prompts is PROMPTS else "silent"}


def test_other_prompts_have_no_demonstration() -> None:
    with pytest.raises(PromptError):
        demonstration(Prompt("calculations/x", ({"role": "user", "content": "x"},)))
