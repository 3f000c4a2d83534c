"""The built-in task for code: tiny programs that print the value of an expression given in words.

Guarantees: problems are distinct; the same arguments give the same problems in the same order; the
reference is a test of the program's output; an answer that leaves the parentheses out is always
wrong. Prompts are short, for models that read one character at a time.
"""

import random
import re
from typing import Final

from data.errors import PromptError, SourceError
from data.schema import Prompt

MOST_PROBLEMS: Final = 1_000_000
"""How many problems are made at most: beyond this the list itself is the problem."""

LEAST_OPERAND: Final = 2
"""With a 0 or a 1 the parentheses would not always matter."""

LARGEST_OPERAND: Final = 999_999
"""Keeps the number of possible problems within what `random.sample` can draw from."""

DEFAULT_COUNT: Final = 10_000

_PROBLEM_ID: Final = re.compile(r"expressions/\((\d+)([+-])(\d+)\)\*(\d+)")


def expression_prompts(
    count: int | None = DEFAULT_COUNT, *, seed: int = 0, max_operand: int = 20
) -> list[Prompt]:
    """Draw distinct problems at random, or all of them, shuffled, when `count` is None.

    Raises:
        SourceError: the arguments describe no problems, or fewer than `count`.
    """
    if not LEAST_OPERAND <= max_operand <= LARGEST_OPERAND:
        raise SourceError(
            f"expressions with operands up to {max_operand} cannot be made; "
            f"use a max from {LEAST_OPERAND} to {LARGEST_OPERAND}"
        )
    operands = max_operand - LEAST_OPERAND + 1
    there_are = 2 * operands**3
    wanted = there_are if count is None else count
    if not 1 <= wanted <= min(there_are, MOST_PROBLEMS):
        raise SourceError(
            f"expressions cannot give {wanted} problems: there are {there_are} with these "
            f"operands, and at most {MOST_PROBLEMS} are made at once; change the count or the max"
        )
    draws = random.Random(seed).sample(range(there_are), wanted)
    return [_problem(draw, operands) for draw in draws]


def solution(prompt: Prompt, *, mistaken: bool = False) -> str:
    """Give a demonstration answer to a problem of this module: a program in a fenced block.

    The program prints `(13+5)*4` for "add 13 and 5, then times 4". `mistaken` makes a beginner's
    mistake, leaving the parentheses out: `13+5*4`.
    """
    left, sign, right, factor = _parsed(prompt)
    inner = f"{left}{sign}{right}"
    expression = f"{inner}*{factor}" if mistaken else f"({inner})*{factor}"
    return f"```python\nprint({expression})\n```"


def _problem(draw: int, operands: int) -> Prompt:
    """Turn a number below 2 * operands**3 into its problem, without listing all the others."""
    rest, factor = divmod(draw, operands)
    rest, right = divmod(rest, operands)
    which, left = divmod(rest, operands)
    return _prompt(left + LEAST_OPERAND, "+-"[which], right + LEAST_OPERAND, factor + LEAST_OPERAND)


def _prompt(left: int, sign: str, right: int, factor: int) -> Prompt:
    first = f"add {left} and {right}" if sign == "+" else f"take {right} from {left}"
    value = (left + right if sign == "+" else left - right) * factor
    return Prompt(
        id=f"expressions/({left}{sign}{right})*{factor}",
        messages=({"role": "user", "content": f"Python: {first}, then times {factor}"},),
        reference={"kind": "stdio", "cases": [{"stdin": "", "stdout": str(value)}]},
        task="code",
        metadata={"language": "python"},
    )


def _parsed(prompt: Prompt) -> tuple[int, str, int, int]:
    parsed = _PROBLEM_ID.fullmatch(prompt.id)
    if parsed is None:
        raise PromptError(
            f"prompt {prompt.id!r} is not an expression to print; "
            "only prompts of builtin:expressions have these demonstrations"
        )
    return int(parsed[1]), parsed[2], int(parsed[3]), int(parsed[4])
