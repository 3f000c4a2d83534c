"""Declarations of tools, as a source has them, in the one form that chat templates read.

Guarantee: what comes out is `{"type": "function", "function": {"name", "description"?,
"parameters"}}` for each tool, names differ, and a JSON text is read where a table holds one.
"""

import json
from collections.abc import Mapping
from typing import Any

from data.errors import RowError


def as_tools(value: Any, where: str, column: str) -> tuple[Mapping[str, Any], ...]:
    """Make tools of a column: a list of them, in OpenAI's form or bare, or its JSON text.

    Raises:
        RowError: the value is no list of tools, or two have one name.
    """
    if value is None:
        return ()
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError) as error:
            raise RowError(f"{where}: column {column!r} is text, and no JSON: {error}") from error
    if not isinstance(value, list | tuple):
        raise RowError(
            f"{where}: column {column!r} holds {type(value).__name__} where a list of tools "
            "should be; mend the row, or set tools_column to another column"
        )
    tools = tuple(_tool(item, where, column) for item in value)
    names = [tool["function"]["name"] for tool in tools]
    if len(set(names)) < len(names):
        raise RowError(f"{where}: column {column!r} has two tools of one name; rename one")
    return tools


def _tool(item: Any, where: str, column: str) -> Mapping[str, Any]:
    item = without_nulls(item)
    wrapped = isinstance(item, dict) and isinstance(item.get("function"), dict)
    function = item["function"] if wrapped else item
    name = function.get("name") if isinstance(function, dict) else None
    if not isinstance(name, str) or not name:
        raise RowError(
            f"{where}: column {column!r} holds a tool without a name; write "
            '{"name": ..., "description": ..., "parameters": {...}}'
        )
    parameters = function.get("parameters", {"type": "object", "properties": {}})
    if not isinstance(parameters, dict):
        raise RowError(f"{where}: the parameters of tool {name!r} are no object; mend the row")
    return {"type": "function", "function": {**function, "parameters": parameters}}


def without_nulls(value: Any) -> Any:
    """`value` without the keys that a table filled with null, at any depth; lists keep theirs."""
    if isinstance(value, Mapping):
        return {key: without_nulls(one) for key, one in value.items() if one is not None}
    if isinstance(value, list | tuple):
        return [without_nulls(one) for one in value]
    return value
