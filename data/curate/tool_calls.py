"""What is wrong with tools, and with calls that are to be right by them.

Guarantees: calls without a fault fit the schemas, and the matcher takes them for the reference's. A
reference of allowed values has none if some choice of them does. Choices are tried argument by
argument, so that the work grows with the number of values and not with their combinations.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from rewards.tools import ToolCall, match_calls
from rewards.tools.errors import CallsError, ToolReferenceError, ToolsError
from rewards.tools.offered import by_name, declaration, properties_of, required_of
from rewards.tools.reference import OPTIONAL, Single, accepted_calls, exact_calls, turn_of
from rewards.tools.schema import validate_calls
from rewards.tools.types import Difference, plain

_REASONS: Final = {
    "": "unknown tool",
    "additionalProperties": "unknown parameter",
    "required": "missing parameter",
    "type": "wrong type",
    "enum": "outside enum",
    "const": "outside enum",
}
_OTHERWISE: Final = "outside schema"
_MOST: Final = 64  # values of one argument that are tried


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a record is not kept."""

    reason: str
    detail: str


def fault_of_tools(tools: Sequence[Mapping[str, Any]]) -> Fault | None:
    """What is wrong with declarations; None: nothing."""
    try:
        validate_calls((), tools)
        for function in by_name(tools).values():
            properties_of(function)
    except (ToolsError, RecursionError) as error:
        return Fault("broken declaration", str(error))
    if len(by_name(tools)) < len(tools):
        return Fault("two tools of one name", "a call of that name could be of either")
    return None


def fault_of_calls(
    calls: Any, tools: Sequence[Mapping[str, Any]], mode: str, language: Any
) -> Fault | None:
    """What is wrong with the calls of one turn; None: nothing.

    Args:
        calls: In the form of `mode`.
        tools: Declarations that are sound.
        mode: `exact` or `accept`, as the verifier "tool" knows them.
        language: What the tools are written in, likewise.
    """
    try:
        chosen = turn_of(calls, None)
        if mode == "exact":
            made = [ToolCall(name, arguments) for name, arguments in exact_calls(chosen)]
            found = validate_calls(made, tools)
        else:
            made, found = [], None
            for index, (name, allowed) in enumerate(accepted_calls(chosen)):
                call, found = _example(index, name, allowed, tools, chosen[index], language)
                if found is not None:
                    break
                made.append(call)
        if found is not None:
            return Fault(_REASONS.get(found.kind, _OTHERWISE), str(found))
        match = match_calls(made, chosen, mode=mode, tools=tools, language=language)
    except (ToolReferenceError, CallsError) as error:
        return Fault("unreadable reference", str(error))
    except (ToolsError, RecursionError) as error:
        return Fault("broken declaration", str(error))
    return None if match else Fault("contradicts itself", str(match.difference))


def _example(
    index: int,
    name: str,
    allowed: Mapping[str, Sequence[Any]],
    tools: Sequence[Mapping[str, Any]],
    reference: Any,
    language: Any,
) -> tuple[ToolCall, Difference | None]:
    """A call that a reference's allowed values and the schema both take, and else what is wrong.

    An argument's next value is tried until the schema and the matcher find no fault with it.
    """
    waiting = {key: _values(values) for key, values in allowed.items()}
    required = _required(name, tools)
    arguments = {
        key: values.pop(0)
        for key, values in waiting.items()
        if values and (values[0] != OPTIONAL or key in required or not _may_lack(allowed[key]))
    }
    while True:
        call = ToolCall(name, arguments)
        found = validate_calls([call], tools)
        if found is None:
            match = match_calls([call], [reference], mode="accept", tools=tools, language=language)
            found = match.difference
            found = None if found is None else replace(found, kind="type")
        if found is None:
            return call, None
        key = _argument(found, arguments)
        if key is None or not waiting[key]:
            return call, replace(found, call=index)
        arguments[key] = waiting[key].pop(0)


def _argument(found: Difference, arguments: Mapping[str, Any]) -> str | None:
    """The argument that a difference is within."""
    fitting = [key for key in arguments if _is_within(found.path, plain(key))]
    return max(fitting, key=len, default=None)


def _is_within(path: str, key: str) -> bool:
    return path == key or path.startswith((f"{key}.", f"{key}["))


def _may_lack(values: Sequence[Any]) -> bool:
    return not isinstance(values, Single) and OPTIONAL in values


def _required(name: str, tools: Sequence[Mapping[str, Any]]) -> Sequence[Any]:
    function = declaration(tools, name)
    return () if function is None else required_of(function)


def _values(allowed: Sequence[Any]) -> list[Any]:
    """The values that an argument may have; only where none is stated, the mark of absence."""
    stated = [one for one in allowed if isinstance(allowed, Single) or one != OPTIONAL]
    return [form for one in stated[:_MOST] for form in _forms(one)] or list(allowed[:1])


def _forms(value: Any) -> list[Any]:
    """An allowed value as it stands, and with a value chosen for each key where it lists them."""
    chosen = _chosen(value)
    return [chosen] if chosen == value else [chosen, value]


def _chosen(value: Any) -> Any:
    if isinstance(value, Mapping):
        picked = {}
        for key, values in value.items():
            if isinstance(values, list | tuple):
                stated = [one for one in values if one != OPTIONAL]
                if stated:
                    picked[key] = _chosen(stated[0])
                elif not values:
                    picked[key] = []
            else:
                picked[key] = _chosen(values)
        return picked
    if isinstance(value, list | tuple):
        return [_chosen(one) for one in value]
    return value
