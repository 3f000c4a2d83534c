"""The built-in task for a calculator or for Python: what takes calls of a tool, and an answer.

Guarantees: half of the problems, rounded up, are a product of two numbers; the others add a third.
A calculator does one operation at a time, so that they take one call of it or two; Python takes a
program for each. Problems are distinct; the same arguments give the same problems in the same
order; the reference is the answer. Prompts are short, for models that read one character at a time.
"""

import random
import re
from collections.abc import Mapping
from typing import Any, Final, Literal, get_args

from data.errors import PromptError, SourceError
from data.schema import Prompt

Tool = Literal["calculator", "python"]

DEFAULT_COUNT: Final = 10_000
LARGEST_OPERAND: Final = 99_999
WORDS: Final = ('[calc(x="', '")]', '[python(code="', "print(", ')")]')
"""Texts of which demonstrations have many."""
_PROBLEM_ID: Final = re.compile(r"calculations/(python/)?(\d+)\*(\d+)(?:\+(\d+))?")
_GUESSES: Final = 6  # one mistake in so many is a guess


def calculation_prompts(
    count: int = DEFAULT_COUNT,
    *,
    seed: int = 0,
    max_operand: int = 99,
    min_operand: int = 0,
    tool: str = "calculator",
) -> list[Prompt]:
    """Draw distinct problems at random, of one operation and of two in turn.

    Args:
        count: Problems.
        seed: Decides which.
        max_operand: The largest number in one.
        min_operand: The smallest.
        tool: What demonstrations call, `calculator` or `python`.

    Raises:
        SourceError: the arguments describe no problems, or fewer than `count`.
    """
    if tool not in get_args(Tool):
        raise SourceError(
            f"calculations are for tool={' or tool='.join(get_args(Tool))}, not tool={tool}"
        )
    if not 0 <= min_operand < max_operand <= LARGEST_OPERAND:
        raise SourceError(
            f"calculations with operands from {min_operand} to {max_operand} cannot be made; use "
            f"0 <= min < max <= {LARGEST_OPERAND}"
        )
    numbers = max_operand - min_operand + 1
    there_are = 2 * numbers**2
    if not 1 <= count <= there_are:
        raise SourceError(
            f"calculations cannot give {count} problems: there are {there_are} with these "
            "operands; change the count, the min or the max"
        )
    draw = random.Random(seed)
    products = draw.sample(range(numbers**2), (count + 1) // 2)
    sums = draw.sample(range(numbers**3), count // 2)
    found = []
    for index, product in enumerate(products):
        first, second = divmod(product, numbers)
        found.append(_prompt(tool, first + min_operand, second + min_operand))
        for number in sums[index : index + 1]:
            rest, third = divmod(number, numbers)
            operands = (one + min_operand for one in (*divmod(rest, numbers), third))
            found.append(_prompt(tool, *operands))
    return found


def conversation(prompt: Prompt, *, mistaken: bool = False) -> list[Mapping[str, Any]]:
    r"""A demonstration: calls, what the tool says, and the answer.

    For 12*34+5 the turns are `[calc(x="12*34")]`, `[calc(x="408+5")]` and `\boxed{413}`, or
    `[python(code="print(12*34+5)")]` and `\boxed{413}`. `mistaken` is a beginner's first turn
    alone: mostly a call that does not end or, of the calculator, the whole problem in one call and,
    of Python, a program that prints nothing; else a guess.
    """
    tool, first, second, third = _parts(prompt)
    whole = f"{first}*{second}" + ("" if third is None else f"+{third}")
    value = first * second + (third or 0)
    if mistaken:
        is_guess = random.Random(prompt.id).randrange(_GUESSES) == 0
        mistake = _python_mistake if tool == "python" else _calculator_mistake
        text = rf"\boxed{{{first + second}}}" if is_guess else mistake(whole, third is None)
        return [_said(text)]
    if tool == "python":
        steps = [(_program(f"print({whole})"), value)]
    else:
        steps = [(_call(f"{first}*{second}"), first * second)]
        if third is not None:
            steps.append((_call(f"{first * second}+{third}"), value))
    turns: list[Mapping[str, Any]] = []
    for call, result in steps:
        turns += [_said(call), {"role": "tool", "content": str(result)}]
    return [*turns, _said(rf"\boxed{{{value}}}")]


def _calculator_mistake(whole: str, is_one: bool) -> str:
    return f'[calc(x="{whole})]' if is_one else _call(whole)


def _python_mistake(whole: str, is_one: bool) -> str:
    return _program(whole) if is_one else f'[python(code="print({whole})]'


def _call(operation: str) -> str:
    return f'[calc(x="{operation}")]'


def _program(code: str) -> str:
    return f'[python(code="{code}")]'


def _said(text: str) -> Mapping[str, Any]:
    return {"role": "assistant", "content": text}


def _parts(prompt: Prompt) -> tuple[Tool, int, int, int | None]:
    parsed = _PROBLEM_ID.fullmatch(prompt.id)
    if parsed is None:
        raise PromptError(
            f"prompt {prompt.id!r} is no calculation; only prompts of builtin:calculations have "
            "these demonstrations"
        )
    third = None if parsed[4] is None else int(parsed[4])
    return "python" if parsed[1] else "calculator", int(parsed[2]), int(parsed[3]), third


def _prompt(tool: str, first: int, second: int, third: int | None = None) -> Prompt:
    problem = f"{first}*{second}" + ("" if third is None else f"+{third}")
    return Prompt(
        id=f"calculations/{'python/' if tool == 'python' else ''}{problem}",
        messages=({"role": "user", "content": problem},),
        reference=str(first * second + (third or 0)),
        task="one operation" if third is None else "two operations",
    )
