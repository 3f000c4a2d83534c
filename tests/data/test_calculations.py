"""The built-in task for a calculator: its problems, and its demonstrations in the environment."""

import pytest

from data.builtin import builtin_prompts, demonstration, endings
from data.errors import PromptError, SourceError
from data.schema import Prompt
from rewards.tools import parse_calls
from rl.environments.calculator import Calculator

PROMPTS = builtin_prompts("builtin:calculations?max=30&count=200")


def test_problems_are_distinct_and_of_two_kinds() -> None:
    assert len({prompt.id for prompt in PROMPTS}) == 200
    assert [prompt.task for prompt in PROMPTS[:4]] == ["one call", "two calls"] * 2
    assert builtin_prompts("builtin:calculations?max=30&count=200") == PROMPTS
    assert builtin_prompts("builtin:calculations?max=30&count=200&seed=1") != PROMPTS
    for query in ("count=0", "max=0", "max=1&count=9", "max=100000"):
        with pytest.raises(SourceError, match="calculations"):
            builtin_prompts(f"builtin:calculations?{query}")


def test_a_right_demonstration_is_what_the_calculator_says() -> None:
    for prompt in PROMPTS:
        said = demonstration(prompt)
        for call, result in zip(said[:-1:2], said[1::2], strict=True):
            (parsed,) = parse_calls(call["content"], format="pythonic").calls
            one = Calculator()
            one.reset(prompt)
            assert one.calc(**parsed.arguments) == result["content"]
        assert len(said) == (3 if prompt.task == "one call" else 5)
        assert said[-1]["content"] == rf"\boxed{{{prompt.reference}}}"
        assert endings(prompt) == [one["content"] for one in said[::2]]


def test_mistakes_are_of_every_kind_and_one_turn_long() -> None:
    kinds = set()
    for prompt in PROMPTS:
        (said,) = demonstration(prompt, mistaken=True)
        parsed = parse_calls(said["content"], format="pythonic")
        if parsed.fault is not None:
            kinds.add("malformed")
        elif parsed.calls:
            with pytest.raises(ValueError, match="one operation"):
                Calculator().calc(**parsed.calls[0].arguments)
            kinds.add("whole")
        else:
            assert said["content"].startswith(r"\boxed{")
            kinds.add("guess")
    assert kinds == {"malformed", "whole", "guess"}


def test_other_prompts_have_no_demonstration() -> None:
    with pytest.raises(PromptError):
        demonstration(Prompt("calculations/x", ({"role": "user", "content": "x"},)))
