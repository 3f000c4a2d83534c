"""The tools on offer: their names and parameters.

Guarantees: OpenAI's form `{"type": "function", "function": {...}}` and bare declarations are read
alike; nothing is copied or checked that was not asked for.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from rewards.tools.errors import ToolsError
from rewards.tools.types import shown

Declaration = Mapping[str, Any]
OBJECT = (dict, Mapping)
"""For isinstance: asking for a dict first is several times faster than for a Mapping alone."""


def function_of(tool: Any) -> Declaration | None:
    """The part of a declaration with the name and the parameters; None: it has no name."""
    if not isinstance(tool, OBJECT):
        return None
    inner = tool.get("function")
    function = inner if isinstance(inner, OBJECT) else tool
    name = function.get("name")
    return function if isinstance(name, str) and name else None


def by_name(tools: Iterable[Any]) -> dict[str, Declaration]:
    """The declarations that can be read, by name; of two with one name the first."""
    found: dict[str, Declaration] = {}
    for tool in tools:
        function = function_of(tool)
        if function is not None:
            found.setdefault(function["name"], function)
    return found


def declaration(tools: Iterable[Any], name: str) -> Declaration | None:
    """The declaration of `name`.

    Raises:
        ToolsError: One before it cannot be read.
    """
    for tool in tools:
        function = function_of(tool)
        if function is None:
            raise ToolsError(
                f"{shown(tool)} is no tool; write "
                '{"name": ..., "description": ..., "parameters": {...}}'
            )
        if function["name"] == name:
            return function
    return None


def parameters_of(function: Declaration) -> Declaration:
    """The schema of a tool's parameters; empty where it has none.

    Raises:
        ToolsError: It is no object.
    """
    parameters = function.get("parameters")
    if parameters is None:
        return {}
    if not isinstance(parameters, OBJECT):
        raise ToolsError(f"the parameters of tool {shown(function['name'])} are no object")
    return parameters


def properties_of(function: Declaration) -> Declaration:
    """The schemas of a tool's parameters by name.

    Raises:
        ToolsError: They are no object.
    """
    properties = parameters_of(function).get("properties")
    if properties is None:
        return {}
    if not isinstance(properties, OBJECT):
        raise ToolsError(f"the properties of tool {shown(function['name'])} are no object")
    return properties
