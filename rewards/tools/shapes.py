"""Calls out of JSON values, in the shapes that models write them.

Guarantees: `MalformedError` is the only thing raised. Keys beside the name and the arguments, such
as `id` and `type`, mean nothing.
"""

from collections.abc import Container, Mapping, Sequence
from typing import Any

from rewards.tools.strict_json import MalformedError, loads
from rewards.tools.types import ToolCall, shown

ARGUMENTS = ("arguments", "parameters")
NAMES = ("name", "function", "tool_name")


def call_of(
    value: Any, *, text_arguments: bool = False, keys: Sequence[str] = ARGUMENTS
) -> ToolCall:
    """`{"name", "arguments" | "parameters"}` as a call; for `name` see `name_of`.

    Args:
        value: Any JSON value.
        text_arguments: Whether the arguments may be the JSON text of an object.
        keys: What may hold the arguments.

    Raises:
        MalformedError: It is no such object.
    """
    if not isinstance(value, dict):
        raise MalformedError(f"a call must be an object, not {shown(value)}")
    name = name_of(value)
    if not isinstance(name, str) or not name:
        raise MalformedError(f"a call without a name: {shown(value)}")
    key = next((key for key in keys if key in value), None)
    if key is None:
        raise MalformedError(f"the call of {shown(name)} has no arguments")
    return ToolCall(name, arguments_of(value[key], name, text_arguments=text_arguments))


def arguments_of(value: Any, name: str, *, text_arguments: bool = False) -> dict[str, Any]:
    """The arguments of a call of `name`.

    Raises:
        MalformedError: They are no object.
    """
    if text_arguments and isinstance(value, str):
        value = loads(value) if value.strip() else {}
    if not isinstance(value, dict):
        raise MalformedError(f"the arguments of {shown(name)} are {shown(value)}, not an object")
    return value


def keyed_call(value: Any) -> ToolCall:
    """`{"name": {arguments}}`, BFCL's shape, as a call.

    Raises:
        MalformedError: It is no such object.
    """
    if not isinstance(value, dict) or len(value) != 1:
        raise MalformedError(f"no call: {shown(value)}")
    ((name, arguments),) = value.items()
    return ToolCall(name, arguments_of(arguments, name))


def function_call(value: Any) -> ToolCall:
    """`{"function": {"name", "arguments"}}`, an item of OpenAI's `tool_calls`, as a call.

    Raises:
        MalformedError: It is no such object.
    """
    inner = value.get("function") if isinstance(value, dict) else None
    if not isinstance(inner, dict):
        raise MalformedError(f"a tool call without a function: {shown(value)}")
    return call_of(inner, text_arguments=True)


def name_of(value: Mapping[str, Any]) -> Any:
    """What an object states as the name of its call; `tool_name` is Cohere's word."""
    return next((value[key] for key in NAMES if key in value), None)


def is_named(value: Any) -> bool:
    """Whether `value` is an object with a name and arguments, right ones or not."""
    return (
        isinstance(value, dict)
        and isinstance(name_of(value), str)
        and any(_is_object(value.get(key)) for key in ARGUMENTS)
    )


def _is_object(value: Any) -> bool:
    return isinstance(value, dict) or (isinstance(value, str) and value.lstrip().startswith("{"))


def is_function(value: Any) -> bool:
    """Whether `value` looks like an item of OpenAI's `tool_calls`, and not like a declaration."""
    function = value.get("function") if isinstance(value, dict) else None
    return (
        isinstance(function, dict)
        and isinstance(function.get("name"), str)
        and not ("parameters" in function and _is_declaration(function))
    )


def _is_declaration(function: Mapping[str, Any]) -> bool:
    """Whether a function's parameters are described, and not given."""
    parameters = function["parameters"]
    if not isinstance(parameters, dict) or not parameters or "description" in function:
        return True
    return "properties" in parameters or all(
        isinstance(one, dict) and "type" in one for one in parameters.values()
    )


def is_keyed(value: Any, names: Container[str] | None) -> bool:
    """Whether `value` is `{"name": {arguments}}`, of one of `names` if there are any."""
    if not isinstance(value, dict) or len(value) != 1:
        return False
    ((name, arguments),) = value.items()
    return isinstance(arguments, Mapping) and (names is None or name in names)
