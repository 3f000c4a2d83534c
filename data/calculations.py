"""The built-in task for a calculator: what takes one call of it or two, and an answer.

Guarantees: half of the problems, rounded up, are a product of two numbers and take one call; the
others add a third number and take two, as the calculator does one operation at a time. Problems
are distinct; the same arguments give the same problems in the same order; the reference is the
answer. Prompts are short, for models that read one character at a time.
"""

import random
import re
from collections.abc import Mapping
from typing import Any, Final

from data.errors import PromptError, SourceError
from data.schema import Prompt

DEFAULT_COUNT: Final = 10_000
LARGEST_OPERAND: Final = 99_999
_PROBLEM_ID: Final = re.compile(r"calculations/(\d+)\*(\d+)(?:\+(\d+))?")


def calculation_prompts(
    count: int = DEFAULT_COUNT, *, seed: int = 0, max_operand: int = 99
) -> list[Prompt]:
    """Draw distinct problems at random, of one operation and of two in turn.

    Raises:
        SourceError: the arguments describe no problems, or fewer than `count`.
    """
    if not 1 <= max_operand <= LARGEST_OPERAND:
        raise SourceError(
            f"calculations with operands up to {max_operand} cannot be made; use a max from 1 to "
            f"{LARGEST_OPERAND}"
        )
    numbers = max_operand + 1
    there_are = 2 * numbers**2
    if not 1 <= count <= there_are:
        raise SourceError(
            f"calculations cannot give {count} problems: there are {there_are} with these "
            "operands; change the count or the max"
        )
    draw = random.Random(seed)
    products = draw.sample(range(numbers**2), (count + 1) // 2)
    sums = draw.sample(range(numbers**3), count // 2)
    found = []
    for index, product in enumerate(products):
        found.append(_prompt(*divmod(product, numbers)))
        for number in sums[index : index + 1]:
            rest, third = divmod(number, numbers)
            found.append(_prompt(*divmod(rest, numbers), third))
    return found


def conversation(prompt: Prompt, *, mistaken: bool = False) -> list[Mapping[str, Any]]:
    r"""A demonstration: calls, what the calculator says, and the answer.

    For 12*34+5 the turns are `[calc(x="12*34")]`, `[calc(x="408+5")]` and `\boxed{413}`. `mistaken`
    is a beginner's first turn alone: a call whose text does not end, the whole problem in one call,
    or a guess.
    """
    first, second, third = _operands(prompt)
    if mistaken:
        return [_said(_mistake(first, second, third))]
    steps = [(f"{first}*{second}", first * second)]
    if third is not None:
        steps.append((f"{first * second}+{third}", first * second + third))
    turns = []
    for operation, result in steps:
        turns += [_said(_call(operation)), {"role": "tool", "content": str(result)}]
    return [*turns, _said(rf"\boxed{{{steps[-1][1]}}}")]


def _mistake(first: int, second: int, third: int | None) -> str:
    kind = (first + second + (third or 0)) % 3
    if kind == 0:
        return rf"\boxed{{{first + second}}}"
    if kind == 1 and third is not None:
        return _call(f"{first}*{second}+{third}")
    return _call(f"{first}*{second}").replace('")', ")")


def _call(operation: str) -> str:
    return f'[calc(x="{operation}")]'


def _said(text: str) -> Mapping[str, Any]:
    return {"role": "assistant", "content": text}


def _operands(prompt: Prompt) -> tuple[int, int, int | None]:
    parsed = _PROBLEM_ID.fullmatch(prompt.id)
    if parsed is None:
        raise PromptError(
            f"prompt {prompt.id!r} is no calculation; only prompts of builtin:calculations have "
            "these demonstrations"
        )
    third = None if parsed[3] is None else int(parsed[3])
    return int(parsed[1]), int(parsed[2]), third


def _prompt(first: int, second: int, third: int | None = None) -> Prompt:
    problem = f"{first}*{second}" + ("" if third is None else f"+{third}")
    return Prompt(
        id=f"calculations/{problem}",
        messages=({"role": "user", "content": problem},),
        reference=str(first * second + (third or 0)),
        task="one call" if third is None else "two calls",
    )
