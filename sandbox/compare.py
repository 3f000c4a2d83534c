"""Whether an answer is the expected one; nothing here runs in a sandbox, or runs anything.

Guarantee: both sides are plain data, and time is linear in their size.
"""

import math
import re
from collections.abc import Sequence
from typing import Any, Final

SHOWN: Final = 60  # characters of a program's own text in a reason
LONGEST_NUMBER: Final = 4096  # characters
_NUMBER: Final = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?|[+-]?(inf|nan|infinity)", re.I)


def same_output(got: str, expected: str, how: str, tolerance: float) -> str | None:
    """None if two outputs are the same, else one line that does not give the expected one away."""
    if how == "exact":
        return _first_difference("line", _lines(got), _lines(expected), exact_word)
    if how == "float":
        return _first_difference(
            "word", got.split(), expected.split(), lambda a, b: close_word(a, b, tolerance)
        )
    return _first_difference("word", got.split(), expected.split(), exact_word)


def exact_word(got: str, expected: str) -> bool:
    """The same text."""
    return got == expected


def close_word(got: str, expected: str, tolerance: float) -> bool:
    """The same text, or numbers that are close."""
    if got == expected:
        return True
    if (
        len(got) > LONGEST_NUMBER
        or _NUMBER.fullmatch(got) is None
        or _NUMBER.fullmatch(expected) is None
    ):
        return False
    return close(float(got), float(expected), tolerance)


def close(got: float, expected: float, tolerance: float) -> bool:
    """Within `tolerance`, absolute or relative to `expected`; infinities are themselves."""
    if math.isnan(got) or math.isnan(expected):
        return math.isnan(got) and math.isnan(expected)
    if math.isinf(got) or math.isinf(expected):
        return got == expected
    return abs(got - expected) <= tolerance * max(1.0, abs(expected))


def same_value(got: Any, expected: Any, tolerance: float) -> bool:
    """Whether a returned value is the expected JSON value.

    A tuple is as good as a list, and a whole number as good as a float of the same value; true is
    no 1. Fractions may differ by `tolerance`. Objects have the same keys, in any order; keys that
    are numbers are compared as JSON writes them.
    """
    pairs = [(got, expected)]
    while pairs:
        one, other = pairs.pop()
        if isinstance(other, dict):
            if not isinstance(one, dict):
                return False
            named = {_key(key): value for key, value in one.items()}
            if len(named) != len(one) or named.keys() != other.keys():
                return False
            pairs += [(named[key], value) for key, value in other.items()]
        elif isinstance(other, list):
            if not isinstance(one, list | tuple) or len(one) != len(other):
                return False
            pairs += zip(one, other, strict=True)
        elif not _same_scalar(one, other, tolerance):
            return False
    return True


def _same_scalar(got: Any, expected: Any, tolerance: float) -> bool:
    if isinstance(got, bool) or isinstance(expected, bool) or expected is None:
        return type(got) is type(expected) and bool(got == expected)
    if isinstance(expected, str):
        return isinstance(got, str) and got == expected
    if not isinstance(got, int | float) or not isinstance(expected, int | float):
        return False
    if isinstance(got, int) and isinstance(expected, int):
        return got == expected
    try:
        return close(float(got), float(expected), tolerance)
    except OverflowError:  # an integer beyond all floats
        return False


def _key(key: Any) -> str | None:
    """A key as JSON has it."""
    if isinstance(key, str):
        return key
    if key is None or isinstance(key, bool):
        return {None: "null", True: "true", False: "false"}[key]
    if not isinstance(key, int | float):
        return None
    try:
        return repr(key)
    except ValueError:  # an integer of many thousand digits
        return None


def shown(value: object, most: int = SHOWN) -> str:
    """A program's own value or text, short enough for a reason."""
    try:
        text = value if isinstance(value, str) else repr(value)
    except (ValueError, RecursionError):  # Python writes no integers of many thousand digits
        return f"a {type(value).__name__} too large to show"
    text = " ".join(text[: 4 * most].split())
    return text if len(text) <= most else f"{text[:most]}..."


def _lines(text: str) -> list[str]:
    lines = [line.rstrip() for line in text.split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def _first_difference(
    unit: str, got: Sequence[str], expected: Sequence[str], same: Any
) -> str | None:
    for number, (one, other) in enumerate(zip(got, expected, strict=False), start=1):
        if not same(one, other):
            return f"{unit} {number} is wrong: {shown(one)!r}"
    if len(got) != len(expected):
        return f"{len(got)} {unit}s instead of {len(expected)}"
    return None
