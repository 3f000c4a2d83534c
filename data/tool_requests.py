"""The built-in task for tools: requests for one call, mixed with requests for none.

Guarantees: half of the problems, rounded up, ask for a calculation and are right with exactly one
call of a tool, in their reference; the others ask for a list and are right without a call, where
the constraints in their reference are followed. All offer the same tools. Problems are distinct;
the same arguments give the same problems in the same order. Prompts are short, for models that
read one character at a time.
"""

import random
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from data.errors import PromptError, SourceError
from data.schema import Prompt

DEFAULT_COUNT: Final = 10_000

LARGEST_OPERAND: Final = 999_999

LENGTHS: Final = range(2, 6)
"""How many bullets a list may have. One alone could not be one too few."""

_CONSONANTS, _VOWELS = "bcdfghjklmnpqrstvwxz", "aeiou"
_PROBLEM_ID: Final = re.compile(r"tools/(add|subtract|multiply|list)\((\d+),(\w+)\)")
_WORDING: Final[Mapping[str, str]] = MappingProxyType(
    {"add": "add {a} and {b}", "subtract": "take {b} from {a}", "multiply": "multiply {a} by {b}"}
)


def _declaration(name: str, what: str) -> Mapping[str, Any]:
    operand = {"type": "integer"}
    parameters = {
        "type": "object",
        "properties": {"a": operand, "b": operand},
        "required": ["a", "b"],
    }
    return {
        "type": "function",
        "function": {"name": name, "description": what, "parameters": parameters},
    }


TOOLS: Final = (
    _declaration("add", "a plus b"),
    _declaration("subtract", "a minus b"),
    _declaration("multiply", "a times b"),
)


def tool_prompts(
    count: int = DEFAULT_COUNT, *, seed: int = 0, max_operand: int = 99
) -> list[Prompt]:
    """Draw distinct problems at random, calls and lists in turn.

    Raises:
        SourceError: the arguments describe no problems, or fewer than `count`.
    """
    if not 1 <= max_operand <= LARGEST_OPERAND:
        raise SourceError(
            f"tools with operands up to {max_operand} cannot be made; "
            f"use a max from 1 to {LARGEST_OPERAND}"
        )
    calculations = len(_WORDING) * (max_operand + 1) ** 2
    words = (len(_CONSONANTS) * len(_VOWELS)) ** 2
    there_are = 2 * min(calculations, len(LENGTHS) * words)
    if not 1 <= count <= there_are:
        raise SourceError(
            f"tools cannot give {count} problems: there are {there_are} with these operands; "
            "change the count or the max"
        )
    draw = random.Random(seed)
    calls = draw.sample(range(calculations), (count + 1) // 2)
    lists = draw.sample(range(len(LENGTHS) * words), count // 2)
    problems = [_calculation(number, max_operand) for number in calls]
    return [
        prompt
        for index, problem in enumerate(problems)
        for prompt in (problem, *map(_list, lists[index : index + 1]))
    ]


def solution(prompt: Prompt, *, mistaken: bool = False) -> str:
    """Give a demonstration answer to a problem of this module.

    A call is written as in Python, `[subtract(a=8,b=5)]` for "take 5 from 8", and a list with
    stars. `mistaken` makes a beginner's mistake: numbers as text, `[subtract(a="8",b="5")]`, or one
    line too few.
    """
    parsed = _PROBLEM_ID.fullmatch(prompt.id)
    if parsed is None:
        raise PromptError(
            f"prompt {prompt.id!r} is no request for a call or a list; "
            "only prompts of builtin:tools have these demonstrations"
        )
    name, first, second = parsed.groups()
    if name == "list":
        return "\n".join([f"* {second}"] * (int(first) - mistaken))
    if mistaken:
        first, second = f'"{first}"', f'"{second}"'
    return f"[{name}(a={first},b={second})]"


def _calculation(number: int, max_operand: int) -> Prompt:
    """Turn a number into its problem, without listing all the others."""
    rest, b = divmod(number, max_operand + 1)
    which, a = divmod(rest, max_operand + 1)
    name = list(_WORDING)[which]
    return _prompt(
        f"{name}({a},{b})",
        _WORDING[name].format(a=a, b=b),
        [{"name": name, "arguments": {"a": a, "b": b}}],
        "tool",
    )


def _list(number: int) -> Prompt:
    rest, length = divmod(number, len(LENGTHS))
    word = ""
    for letters in (_CONSONANTS, _VOWELS, _CONSONANTS, _VOWELS):
        rest, letter = divmod(rest, len(letters))
        word += letters[letter]
    times = LENGTHS[length]
    constraints = [
        {"id": "detectable_format:number_bullet_lists", "num_bullets": times},
        {"id": "keywords:existence", "keywords": [word]},
    ]
    return _prompt(f"list({times},{word})", f"{times} bullets of {word}", constraints, "text")


def _prompt(name: str, request: str, reference: Any, task: str) -> Prompt:
    return Prompt(
        id=f"tools/{name}",
        messages=({"role": "user", "content": request},),
        reference=reference,
        task=task,
        tools=TOOLS,
    )
