"""Mode `exact`: a call is right if its name and all of its arguments equal the reference's.

Arguments are compared as JSON values:

- the same keys, whatever their order; lists in order; text character by character;
- numbers by value; an integer stands for a number with a point (`2` for `2.0`), not the reverse;
- true and false are no numbers; null equals null alone;
- an argument that was written without a type (`ToolCall.readings`) is right if one of the values
  that it may stand for is.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from rewards.tools.offered import OBJECT
from rewards.tools.types import Phrase, ToolCall

Fault = tuple[str, Any, Any]
"""Path of an argument, what was expected, what was got."""
ABSENT = Phrase("nothing")
NOTHING_MORE = Phrase("no such argument")


def compare(call: ToolCall, wanted: ToolCall) -> Fault | None:
    """Where `call` first differs from a reference's call; None where it does not."""
    if call.name != wanted.name:
        return "", Phrase(f"a call of {wanted.name}"), Phrase(f"a call of {call.name}")
    return _objects(_meant(call, wanted), wanted.arguments, "")


def _meant(call: ToolCall, wanted: ToolCall) -> Mapping[str, Any]:
    """The arguments, with the reference's value where a text may stand for it."""
    if not call.readings:
        return call.arguments
    meant = dict(call.arguments)
    for key, values in call.readings.items():
        if key in wanted.arguments and _values(meant[key], wanted.arguments[key], "") is not None:
            fitting = (one for one in values if _values(one, wanted.arguments[key], "") is None)
            meant[key] = next(fitting, meant[key])
    return meant


def _values(got: Any, wanted: Any, path: str) -> Fault | None:
    if isinstance(got, OBJECT) and isinstance(wanted, OBJECT):
        return _objects(got, wanted, path)
    if isinstance(got, list | tuple) and isinstance(wanted, list | tuple):
        return _lists(got, wanted, path)
    is_of_kind = type(got) is type(wanted) or (type(got) is int and type(wanted) is float)
    return None if is_of_kind and got == wanted else (path, wanted, got)


def _lists(got: Sequence[Any], wanted: Sequence[Any], path: str) -> Fault | None:
    if len(got) != len(wanted):
        return path, Phrase(f"{len(wanted)} items"), Phrase(f"{len(got)} items")
    for index, (one, other) in enumerate(zip(got, wanted, strict=True)):
        if (fault := _values(one, other, f"{path}[{index}]")) is not None:
            return fault
    return None


def _objects(got: Mapping[str, Any], wanted: Mapping[str, Any], path: str) -> Fault | None:
    prefix = f"{path}." if path else ""
    for key, value in wanted.items():
        if key not in got:
            return f"{prefix}{key}", value, ABSENT
        if (fault := _values(got[key], value, f"{prefix}{key}")) is not None:
            return fault
    if len(got) > len(wanted):
        key = next(key for key in got if key not in wanted)
        return f"{prefix}{key}", NOTHING_MORE, got[key]
    return None
