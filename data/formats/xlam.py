"""xLAM (`Salesforce/xlam-function-calling-60k`): a query, tools and the calls, as JSON texts.

The parameters of a tool, which the data has by name with types of Python such as `List[int]` and
`str, optional`, become a JSON Schema, as chat templates read it: required is what has no default
and is not optional.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from data.errors import RowError
from data.files import Row
from data.formats.fields import Columns, decoded, has, identity, record, sequence, text, user
from data.schema import Record
from data.tools import as_tools
from rewards.tools.errors import ToolReferenceError
from rewards.tools.offered import declared, is_flat, properties_of
from rewards.tools.reference import exact_calls

_JSON_TYPES: Final[Mapping[str, str]] = {
    "str": "string",
    "int": "integer",
    "float": "number",
    "bool": "boolean",
    "list": "array",
    "tuple": "array",
    "set": "array",
    "dict": "object",
}


@dataclass(frozen=True, slots=True)
class Xlam:
    """Rows of `query`, `tools` and `answers`."""

    name: ClassVar[str] = "xlam"
    tasks: ClassVar[tuple[str, ...]] = ("tool",)
    licence: ClassVar[str] = "CC-BY-4.0"

    def matches(self, columns: Columns) -> str | None:
        """By the three columns."""
        return "query, tools and answers" if has(columns, "query", "tools", "answers") else None

    def records(self, row: Row) -> Iterator[Record]:
        """One record, with the calls as they are."""
        calls = sequence(row, "answers", decoded(row, "answers"))
        try:
            exact_calls(calls)
        except ToolReferenceError as error:
            raise RowError(f"{row.where}: column 'answers': {error}; mend the row") from error
        offered = as_tools(row.columns.get("tools"), row.where, "tools")
        yield record(
            row,
            user(text(row, "query")),
            "tool",
            list(calls),
            tools=[_declared(one) for one in offered],
            source="Salesforce/xlam-function-calling-60k",
            source_id=identity(row, "id"),
            licence=self.licence,
        )


def _declared(tool: Mapping[str, Any]) -> Mapping[str, Any]:
    """A tool with a JSON Schema of its parameters."""
    function = tool["function"]
    parameters = function["parameters"]
    if not is_flat(parameters) and "properties" in parameters:
        return tool
    properties = properties_of(function)
    required = [
        name
        for name, schema in properties.items()
        if "default" not in schema and "optional" not in str(schema.get("type"))
    ]
    schema = {
        "type": "object",
        "properties": {name: _in_json(declared(one)) for name, one in properties.items()},
        "required": required,
    }
    return {**tool, "function": {**function, "parameters": schema}}


def _in_json(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A parameter's schema with JSON's names of types; `any` is none."""
    changed = dict(schema)
    kind = changed.get("type")
    if kind == "any":
        del changed["type"]
    elif isinstance(kind, str):
        changed["type"] = _JSON_TYPES.get(kind, kind)
    if isinstance(changed.get("items"), Mapping):
        changed["items"] = _in_json(changed["items"])
    if isinstance(changed.get("anyOf"), list):
        changed["anyOf"] = [_in_json(one) for one in changed["anyOf"]]
    return changed
