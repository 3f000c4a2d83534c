"""The built-in task: addition and subtraction whose difficulty is the size of the operands.

Guarantees: problems are distinct; the same arguments give the same problems in the same order;
the reference is the answer; differences are never negative. Prompts are short, for models that
read one character at a time.
"""

import math
import random
import re
from collections.abc import Sequence
from typing import Final, Literal, get_args

from data.errors import PromptError, SourceError
from data.schema import Prompt

Operation = Literal["add", "subtract"]

MOST_PROBLEMS: Final = 1_000_000
"""How many problems are made at most: beyond this the list itself is the problem."""

LARGEST_OPERAND: Final = 999_999_999
"""Keeps the number of possible problems within what `random.sample` can draw from."""

_PROBLEM_ID: Final = re.compile(r"arithmetic/(\d+)([+-])(\d+)")


def arithmetic_prompts(
    count: int | None = None,
    *,
    seed: int = 0,
    max_operand: int = 99,
    min_operand: int = 0,
    ops: Sequence[Operation] = ("add",),
) -> list[Prompt]:
    """Draw distinct problems at random, or all of them, shuffled, when `count` is None.

    Raises:
        SourceError: the arguments describe no problems, or fewer than `count`.
    """
    if not 0 <= min_operand <= max_operand <= LARGEST_OPERAND:
        raise SourceError(
            f"arithmetic operands from {min_operand} to {max_operand} are no range; "
            f"use 0 <= min <= max <= {LARGEST_OPERAND}"
        )
    if not ops or len(set(ops)) < len(ops) or not set(ops) <= set(get_args(Operation)):
        raise SourceError(
            f"arithmetic operations {','.join(ops)!r} are not known; use add, subtract or both"
        )
    operands = max_operand - min_operand + 1
    sizes = [_problem_count(op, operands) for op in ops]
    wanted = sum(sizes) if count is None else count
    if not 1 <= wanted <= min(sum(sizes), MOST_PROBLEMS):
        raise SourceError(
            f"arithmetic cannot give {wanted} problems: there are {sum(sizes)} with these "
            f"operands, and at most {MOST_PROBLEMS} are made at once; change the count or the range"
        )
    draws = random.Random(seed).sample(range(sum(sizes)), wanted)
    return [_problem(draw, ops, sizes, operands, min_operand) for draw in draws]


def solution(prompt: Prompt, *, working: bool = True, backwards: bool = False) -> str:
    r"""Give a demonstration answer to a problem of this module.

    The working goes column by column, units first, with the carry as a third term:
    37+58 gives `7+8=15, 3+5+1=9. \boxed{95}` and 52-38 gives `12-8=4, 5-3-1=1. \boxed{14}`.
    `backwards` makes a beginner's mistake, writing digits in the order in which they were found:
    `7+8=15, 3+5+1=9. \boxed{59}`.
    """
    parsed = _PROBLEM_ID.fullmatch(prompt.id)
    if parsed is None:
        raise PromptError(
            f"prompt {prompt.id!r} is not an arithmetic problem; "
            "only prompts of builtin:arithmetic have demonstrations"
        )
    left, sign, right = int(parsed[1]), parsed[2], int(parsed[3])
    work = _add_columns if sign == "+" else _subtract_columns
    columns = work(left, right)
    answer = rf"\boxed{{{_read_off(columns, backwards=backwards)}}}"
    if not working:
        return answer
    return f"{', '.join(f'{terms}={total}' for terms, total in columns)}. {answer}"


def _problem_count(op: Operation, operands: int) -> int:
    """All ordered pairs can be added; a pair can be subtracted one way round."""
    return operands**2 if op == "add" else operands * (operands + 1) // 2


def _problem(
    draw: int, ops: Sequence[Operation], sizes: Sequence[int], operands: int, least: int
) -> Prompt:
    """Turn a number below sum(sizes) into its problem, without listing all the others."""
    which = 0
    while draw >= sizes[which]:
        draw -= sizes[which]
        which += 1
    if ops[which] == "add":
        left, right = divmod(draw, operands)
        return _prompt(left + least, "+", right + least)
    left = (math.isqrt(8 * draw + 1) - 1) // 2
    right = draw - left * (left + 1) // 2
    return _prompt(left + least, "-", right + least)


def _prompt(left: int, sign: str, right: int) -> Prompt:
    problem = f"{left}{sign}{right}"
    return Prompt(
        id=f"arithmetic/{problem}",
        messages=({"role": "user", "content": f"{problem}=?"},),
        reference=str(left + right if sign == "+" else left - right),
        task="math",
    )


def _add_columns(left: int, right: int) -> list[tuple[str, int]]:
    """Each column's terms and total, units first."""
    columns, carry = [], 0
    for upper, lower in _digits(left, right):
        total = upper + lower + carry
        columns.append((f"{upper}+{lower}{'+1' if carry else ''}", total))
        carry = total // 10
    return columns


def _subtract_columns(left: int, right: int) -> list[tuple[str, int]]:
    columns, borrow = [], 0
    for upper, lower in _digits(left, right):
        borrowed = 10 if upper < lower + borrow else 0
        rest = upper + borrowed - lower - borrow
        columns.append((f"{upper + borrowed}-{lower}{'-1' if borrow else ''}", rest))
        borrow = borrowed // 10
    return columns


def _read_off(columns: Sequence[tuple[str, int]], *, backwards: bool) -> str:
    """The number that the columns' totals spell; the last one is written in full."""
    *lower, (_, top) = columns
    digits = [*(str(total % 10) for _, total in lower), str(top)]
    if backwards:
        return "".join(digits)
    return str(int("".join(reversed(digits))))


def _digits(left: int, right: int) -> list[tuple[int, int]]:
    """Pair the digits from the units up; the shorter number has zeros in front."""
    width = max(len(str(left)), len(str(right)))
    pairs = zip(f"{left:0{width}}", f"{right:0{width}}", strict=True)
    return [(int(upper), int(lower)) for upper, lower in pairs][::-1]
