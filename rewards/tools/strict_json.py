"""Reading JSON that a model wrote.

Guarantees: `MalformedError` is the only thing raised, with a reason of one line. What JSON does not
define is malformed rather than guessed at: a key that stands twice, NaN and Infinity, a number
beyond the range of a double, an integer of more than 400 digits.
"""

import json
from typing import Any

MAX_DIGITS = 400  # a double has at most 309 before its point


class MalformedError(Exception):
    """A text is no call; the message says why."""


def loads(text: str) -> Any:
    """The one value in `text`.

    Raises:
        MalformedError: It is no JSON, or more than one value.
    """
    value, end = decode_at(text, _blank(text, 0))
    if (end := _blank(text, end)) != len(text):
        raise MalformedError(f"something follows the JSON at character {end}")
    return value


def decode_at(text: str, start: int) -> tuple[Any, int]:
    """The value that begins at `start`, and where it ends.

    Raises:
        MalformedError: There is none.
    """
    try:
        return _DECODER.raw_decode(text, start)
    except json.JSONDecodeError as error:
        raise MalformedError(f"broken JSON: {error.msg} at character {error.pos}") from error
    except RecursionError as error:
        raise MalformedError("broken JSON: nested too deeply") from error


def _blank(text: str, start: int) -> int:
    while start < len(text) and text[start] in " \t\r\n":
        start += 1
    return start


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise MalformedError(f"the key {twice[:80]!r} stands twice")
    return made


def _integer(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise MalformedError(f"an integer of {len(digits)} digits")
    return int(digits)


def _float(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise MalformedError(f"the number {text[:80]} is beyond the range of a double")
    return value


def _constant(name: str) -> Any:
    raise MalformedError(f"{name} is no JSON")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_float, parse_constant=_constant
)
