"""The tools on offer: their names and parameters.

Guarantees: OpenAI's form `{"type": "function", "function": {...}}`, bare declarations, those with
`input_schema` (Anthropic, MCP) and xLAM's, whose parameters stand without `properties` around
them, are read alike, and so are parameters that are put together by `$ref`, `allOf` and the like;
nothing is copied or checked that was not asked for.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from rewards.tools.composed import Composed, composed, is_composed
from rewards.tools.errors import ToolsError
from rewards.tools.python_types import schema_of_type
from rewards.tools.types import shown

Declaration = Mapping[str, Any]
OBJECT = (dict, Mapping)
"""For isinstance: asking for a dict first is several times faster than for a Mapping alone."""
_SCHEMAS: Final = ("parameters", "input_schema", "inputSchema")
_WORDS: Final = frozenset(
    {"$defs", "definitions", "patternProperties", "additionalProperties", "items", "contains",
     "not", "if", "then", "else", "propertyNames", "dependentSchemas", "dependentRequired"}
)  # fmt: skip
"""Words of JSON Schema that may have an object as their value, and are no parameters."""


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
    parameters = next((function[key] for key in _SCHEMAS if function.get(key) is not None), None)
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
    parameters = parameters_of(function)
    if is_composed(parameters):
        return _composed(function).properties
    properties = parameters.get("properties")
    if properties is None or is_flat(parameters):
        return {
            name: schema
            for name, schema in parameters.items()
            if isinstance(schema, OBJECT) and name not in _WORDS
        }
    if not isinstance(properties, OBJECT):
        raise ToolsError(f"the properties of tool {shown(function['name'])} are no object")
    return properties


def required_of(function: Declaration) -> Sequence[Any]:
    """The parameters that have to be there.

    Raises:
        ToolsError: The parameters cannot be read.
    """
    parameters = parameters_of(function)
    if is_composed(parameters):
        return _composed(function).required
    required = parameters.get("required")
    return required if isinstance(required, list | tuple) else ()


def _composed(function: Declaration) -> Composed:
    try:
        return composed(parameters_of(function))
    except ValueError as error:
        raise ToolsError(f"the parameters of tool {shown(function['name'])}: {error}") from error


def is_flat(parameters: Declaration) -> bool:
    """Whether `parameters` are those of a tool, by name, and no schema with `properties`."""
    if isinstance(parameters.get("type"), str | list) or is_composed(parameters):
        return False
    properties = parameters.get("properties")
    if properties is None:
        return any(
            isinstance(one, OBJECT) and name not in _WORDS for name, one in parameters.items()
        )
    return isinstance(properties, OBJECT) and any(
        not isinstance(one, dict | Mapping | bool) for one in properties.values()
    )


def declared(schema: Any) -> Any:
    """A parameter's schema, in the words of JSON Schema where its type is one of Python's."""
    kind = schema.get("type") if isinstance(schema, OBJECT) else None
    if not isinstance(kind, str) or (known := schema_of_type(kind)) is None:
        return schema
    return {**{key: one for key, one in schema.items() if key != "type"}, **known}
