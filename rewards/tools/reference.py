"""What a reference says: the calls that are right, in one of two forms, for one turn.

- exact: `[{"name": "f", "arguments": {"a": 1}}]`
- accept, BFCL's: `[{"f": {"a": [1, 2], "b": ["", 0]}}]`, the allowed values of each argument; `""`
  among them allows its absence.

Guarantees: whatever is not one of them is a `ToolReferenceError` of one line. A list of lists has
one list a turn; a flat list is one turn.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from rewards.tools.errors import ToolReferenceError
from rewards.tools.offered import OBJECT
from rewards.tools.types import shown

MAX_CALLS = 256
OPTIONAL = ""

Wanted = tuple[str, Mapping[str, Any]]
"""A tool and its arguments: values in exact form, lists of allowed values in accept form."""


def turn_of(reference: Any, turn: int | None) -> Sequence[Any]:
    """The calls of one turn; the last one, where `turn` is None.

    Raises:
        ToolReferenceError: It is no list, or has no such turn.
    """
    calls = _sequence(reference)
    if calls and all(isinstance(item, list | tuple) for item in calls):
        turns: Sequence[Any] = calls
    elif any(isinstance(item, list | tuple) for item in calls):
        raise ToolReferenceError("the reference mixes calls and turns; make it a list of lists")
    else:
        turns = [calls]
    if turn is None:
        chosen = turns[-1]
    else:
        if isinstance(turn, bool) or not isinstance(turn, int | float) or turn % 1 != 0:
            raise ToolReferenceError(f"turn {shown(turn)} is no number; turns count from 0")
        if not 0 <= turn < len(turns):
            raise ToolReferenceError(
                f"there is no turn {int(turn)}: the reference has {len(turns)}, counted from 0"
            )
        chosen = turns[int(turn)]
    if len(chosen) > MAX_CALLS:
        raise ToolReferenceError(f"the reference has more than {MAX_CALLS} calls")
    found: Sequence[Any] = chosen
    return found


def exact_calls(calls: Sequence[Any]) -> list[Wanted]:
    """Calls in exact form.

    Raises:
        ToolReferenceError: They are in another.
    """
    return [_exact(call) for call in calls]


def accepted_calls(calls: Sequence[Any]) -> list[Wanted]:
    """Calls in accept form; those in exact form become ones with one allowed value an argument.

    Raises:
        ToolReferenceError: They are in neither.
    """
    return [_accepted(call) for call in calls]


def _sequence(reference: Any) -> Sequence[Any]:
    if isinstance(reference, str):
        try:
            reference = json.loads(reference)
        except (ValueError, RecursionError) as error:
            raise ToolReferenceError(f"the reference is text, and no JSON: {error}") from error
    if not isinstance(reference, list | tuple):
        raise ToolReferenceError(
            f"the reference is {shown(reference)}, not a list of calls; "
            "write [] where no call is right"
        )
    return reference


def is_exact(call: Any) -> bool:
    """Whether a reference's call is in exact form."""
    return isinstance(call, OBJECT) and isinstance(call.get("name"), str) and "arguments" in call


def _exact(call: Any) -> Wanted:
    if is_exact(call):
        arguments = call["arguments"]
        if isinstance(arguments, str):
            arguments = _decoded(arguments)
        if isinstance(arguments, OBJECT):
            return call["name"], arguments
    raise ToolReferenceError(
        f'{shown(call)} is no {{"name", "arguments"}}; '
        'a reference of allowed values needs the mode "accept"'
    )


def _accepted(call: Any) -> Wanted:
    if is_exact(call):
        name, arguments = _exact(call)
        return name, {key: Single((_allowing(value),)) for key, value in arguments.items()}
    if isinstance(call, OBJECT):
        filled = [(name, allowed) for name, allowed in call.items() if allowed is not None]
        if len(filled) == 1 and isinstance(filled[0][1], OBJECT):
            name, allowed = filled[0]
            for key, values in allowed.items():
                if not isinstance(values, list):
                    raise ToolReferenceError(
                        f"the allowed values of {shown(name)}, {shown(key)} are {shown(values)}, "
                        "not a list"
                    )
            return name, allowed
    raise ToolReferenceError(
        f'{shown(call)} is neither {{"tool": {{"argument": [allowed values]}}}} '
        'nor {"name", "arguments"}'
    )


class Single(tuple[Any, ...]):
    """The one allowed value of an argument that must be there, even if it is an empty text."""

    __slots__ = ()


def _allowing(value: Any) -> Any:
    """An exact value as an allowed one: objects list the allowed values of each key."""
    if isinstance(value, OBJECT):
        return {key: Single((_allowing(one),)) for key, one in value.items()}
    if isinstance(value, list):
        return [_allowing(one) for one in value]
    return value


def _decoded(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
