"""Whether an answer is the expected one; nothing here runs in a sandbox, or runs anything.

Guarantees: both sides are plain data, and time is linear in their size. Integers are compared
exactly: a tolerance is for fractions, and never makes one integer equal to another.
"""

import decimal
import math
import re
from collections.abc import Callable, Iterator
from itertools import zip_longest
from typing import Any, Final

SHOWN: Final = 60  # characters of a program's own text in a reason
LONGEST_NUMBER: Final = 4096  # characters of a number that is no integer
_INTEGER: Final = re.compile(r"[+-]?[0-9]+")
_NUMBER: Final = re.compile(
    r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,6})?|[+-]?(?:inf|infinity|nan)",
    re.IGNORECASE,
)
_WORD: Final = re.compile(r"\S+")
# Numbers of any size are apart: 1e400 is no infinity.
_EXACT: Final = decimal.Context(prec=40, Emax=10**8, Emin=-(10**8), traps=[])
_HALF: Final = decimal.Decimal("0.5")


def same_output(got: str, expected: str, how: str, tolerance: float) -> str | None:
    """None if two outputs are the same, else one line that does not give the expected one away."""
    if got == expected:
        return None
    if how == "exact":
        return _first_difference("line", _lines(got), _lines(expected), exact_word)
    if how == "float":
        limit = _exactly(tolerance)
        return _first_difference(
            "word", _words(got), _words(expected), lambda a, b: close_word(a, b, limit)
        )
    return _first_difference("word", _words(got), _words(expected), exact_word)


def exact_word(got: str, expected: str) -> bool:
    """The same text."""
    return got == expected


def close_word(got: str, expected: str, tolerance: decimal.Decimal) -> bool:
    """The same text, or numbers in ASCII digits that are close."""
    if got == expected:
        return True
    if _INTEGER.fullmatch(got) and _INTEGER.fullmatch(expected):
        return _canonical(got) == _canonical(expected)
    if max(len(got), len(expected)) > LONGEST_NUMBER:
        return False
    if _NUMBER.fullmatch(got) is None or _NUMBER.fullmatch(expected) is None:
        return False
    one, other = decimal.Decimal(got), decimal.Decimal(expected)
    return close(one, other, tolerance, is_whole=_INTEGER.fullmatch(expected) is not None)


def close(
    got: decimal.Decimal, expected: decimal.Decimal, tolerance: decimal.Decimal, *, is_whole: bool
) -> bool:
    """Within `tolerance`, absolute or relative to `expected`; infinities are themselves.

    An integer that is expected (`is_whole`) leaves a fraction the absolute tolerance alone, and
    less than a half: the fraction stands for this integer and for no other.
    """
    if got.is_nan() or expected.is_nan():
        return got.is_nan() and expected.is_nan()
    if got.is_infinite() or expected.is_infinite():
        return got == expected
    error = _EXACT.abs(_EXACT.subtract(got, expected))
    if is_whole:
        return error <= tolerance and error < _HALF
    most = _EXACT.multiply(tolerance, _EXACT.max(decimal.Decimal(1), _EXACT.abs(expected)))
    return error <= most


def _canonical(integer: str) -> str:
    """An integer's digits without leading zeros, and its sign: of any length, in linear time."""
    digits = integer.lstrip("+-").lstrip("0") or "0"
    return f"-{digits}" if integer.startswith("-") and digits != "0" else digits


def same_value(got: Any, expected: Any, tolerance: float) -> bool:
    """Whether a returned value is the expected JSON value.

    A tuple is as good as a list, and a whole number as good as a float of the same value; true is
    no 1. Numbers are compared exactly but for `tolerance`, which integers have no part in. Objects
    have the same keys, in any order; keys that are numbers are compared as JSON writes them.
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
    if isinstance(got, bool) or isinstance(expected, bool | str) or expected is None:
        return type(got) is type(expected) and bool(got == expected)
    if not isinstance(got, int | float) or not isinstance(expected, int | float):
        return False
    if got == expected or (_is_nan(expected) and _is_nan(got)):
        return True
    if not tolerance or (isinstance(got, int) and isinstance(expected, int)):
        return False
    try:
        one, other, limit = (_exactly(number) for number in (got, expected, tolerance))
    except OverflowError:  # an integer beyond all floats
        return False
    return close(one, other, limit, is_whole=isinstance(expected, int))


def _is_nan(number: float) -> bool:
    return isinstance(number, float) and math.isnan(number)


def _exactly(number: float) -> decimal.Decimal:
    """A number as its shortest text has it; raises OverflowError beyond all floats."""
    as_float = float(number)
    return decimal.Decimal(number if isinstance(number, int) else repr(as_float))


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


def _words(text: str) -> Iterator[str]:
    return (found[0] for found in _WORD.finditer(text))


def _lines(text: str) -> Iterator[str]:
    """The lines without spaces at their ends, up to the last that has anything else."""
    whole = text.rstrip()
    at = 0
    while at <= len(whole):
        end = whole.find("\n", at)
        end = len(whole) if end < 0 else end
        yield whole[at:end].rstrip()
        at = end + 1


def _first_difference(
    unit: str, got: Iterator[str], expected: Iterator[str], same: Callable[[str, str], bool]
) -> str | None:
    """The first difference; what follows it is never looked at."""
    for number, (one, other) in enumerate(zip_longest(got, expected), start=1):
        if one is None:
            return f"{number - 1} {unit}s, and more are expected"
        if other is None:
            return f"more than {number - 1} {unit}s"
        if not same(one, other):
            return f"{unit} {number} is wrong: {shown(one)!r}"
    return None
