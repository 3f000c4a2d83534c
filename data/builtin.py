"""Prompts that need no file, by name: `builtin:arithmetic?max=99&ops=add,subtract`.

Options of arithmetic: `max` and `min` bound the operands, `ops` lists add and subtract, `count`
is a number or `all`, `seed` draws the problems.
"""

from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl

from data.arithmetic import Operation, arithmetic_prompts
from data.errors import SourceError
from data.schema import Prompt

PREFIX: Final = "builtin:"

_OPERATIONS: Final[Mapping[str, Operation]] = {"add": "add", "subtract": "subtract"}
_ARITHMETIC_OPTIONS: Final = ("count", "max", "min", "ops", "seed")


def builtin_prompts(source: str) -> list[Prompt]:
    """Make the prompts of a built-in source; raises SourceError if the name or an option is bad."""
    name, _, query = source.removeprefix(PREFIX).partition("?")
    if name != "arithmetic":
        raise SourceError(f"{source}: there is no built-in {name!r}; use {PREFIX}arithmetic")
    options = dict(parse_qsl(query, keep_blank_values=True))
    unknown = sorted(set(options) - set(_ARITHMETIC_OPTIONS))
    if unknown:
        raise SourceError(
            f"{source}: unknown option {unknown[0]!r}; use {', '.join(_ARITHMETIC_OPTIONS)}"
        )
    count = options.get("count", "all")
    return arithmetic_prompts(
        None if count == "all" else _number(source, "count", count),
        seed=_number(source, "seed", options.get("seed", "0")),
        max_operand=_number(source, "max", options.get("max", "99")),
        min_operand=_number(source, "min", options.get("min", "0")),
        ops=[_operation(source, name) for name in options.get("ops", "add").split(",")],
    )


def _number(source: str, option: str, value: str) -> int:
    try:
        return int(value)
    except ValueError as error:
        raise SourceError(f"{source}: {option} is {value!r}; use a whole number") from error


def _operation(source: str, name: str) -> Operation:
    if name not in _OPERATIONS:
        raise SourceError(f"{source}: unknown operation {name!r}; use ops=add,subtract")
    return _OPERATIONS[name]
