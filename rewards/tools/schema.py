"""Calls against the schemas of the tools on offer.

Guarantees: a call is valid if a tool has its name, every required parameter is there, no parameter
is unknown (unless the schema has `additionalProperties`), and every value has the declared type,
enums, nested objects and lists included. An integer stands for a float, not the reverse; true and
false are no numbers. The first fault is named. A schema that is itself broken is a `ToolsError`,
whatever is called.

BFCL's types become those of JSON Schema. Arguments of its Java and JavaScript functions may be
source text. No schema is fetched from anywhere.
"""

import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from rewards.tools.composed import composed, is_composed
from rewards.tools.dialects import JAVA, JAVASCRIPT, PYTHON, languages
from rewards.tools.errors import ToolsError
from rewards.tools.exact import ABSENT, NOTHING_MORE, Fault
from rewards.tools.offered import (
    declared,
    function_of,
    is_flat,
    parameters_of,
    properties_of,
)
from rewards.tools.types import Difference, Phrase, ToolCall, plain, shown

if TYPE_CHECKING:
    from jsonschema.protocols import Validator  # type: ignore[import-untyped]

REMEMBERED = 1024  # tools whose schemas are kept compiled
MAX_NESTING = 32
_JSON_TYPES = {str: "string", int: "integer", float: "number", bool: "boolean"}
_JSON_TYPES |= {list: "array", dict: "object"}
_INNER = ("items", "additionalProperties", "not", "contains", "if", "then", "else")
_LISTS = ("anyOf", "oneOf", "allOf", "prefixItems")
_MAPS = ("properties", "patternProperties", "$defs", "definitions")


def validate_calls(calls: Sequence[ToolCall], tools: Sequence[Any]) -> Difference | None:
    """The first fault of `calls`; None if all are valid.

    Raises:
        ToolsError: A tool cannot be read, or its schema is broken.
    """
    validators: dict[str, Validator] = {}
    for tool in tools:
        function = function_of(tool)
        if function is None:
            raise ToolsError(f"{shown(tool)} is no tool; it has no name")
        validators.setdefault(function["name"], _validator(_text_of(function)))
    for index, call in enumerate(calls):
        validator = validators.get(call.name)
        if validator is None:
            offer = Phrase(f"a tool on offer ({', '.join(map(plain, sorted(validators)[:8]))})")
            return Difference(index, call.name, "", offer, call.name)
        if (found := _fault(validator, call)) is not None:
            kind, fault = found
            return Difference(index, call.name, *fault, kind=kind)
    return None


def json_schema(function: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of a declaration as JSON Schema (draft 2020-12).

    Raises:
        ToolsError: They cannot be read.
    """
    properties = properties_of(function)
    is_foreign = bool(languages(properties))
    parameters = parameters_of(function)
    others = {} if is_flat(parameters) else parameters
    is_closed = True
    if is_composed(parameters):  # its parts say themselves what their parameters are
        properties = {**dict.fromkeys(properties, True), **(parameters.get("properties") or {})}
        is_closed = not composed(parameters).says_of_others
    translated: dict[str, Any] = _translated({**others, "properties": properties}, is_foreign, 0)
    translated["type"] = "object"
    if is_closed:
        translated.setdefault("additionalProperties", False)
    return translated


def _text_of(function: Mapping[str, Any]) -> str:
    try:
        return json.dumps({"name": function["name"], "parameters": parameters_of(function)})
    except (TypeError, ValueError, RecursionError) as error:
        raise ToolsError(
            f"the parameters of tool {shown(function['name'])} are no JSON: {error}"
        ) from error


@lru_cache(maxsize=REMEMBERED)
def _validator(text: str) -> "Validator":
    from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
    from jsonschema.exceptions import SchemaError  # type: ignore[import-untyped]
    from jsonschema.validators import extend  # type: ignore[import-untyped]
    from referencing import Registry

    function = json.loads(text)
    schema = json_schema(function)
    try:
        Draft202012Validator.check_schema(schema)
    except (SchemaError, RecursionError) as error:
        message = getattr(error, "message", "it is nested too deeply")
        raise ToolsError(
            f"the schema of tool {shown(function['name'])} is broken: {shown(Phrase(message))}"
        ) from error
    kinds = Draft202012Validator.TYPE_CHECKER.redefine("integer", _is_integer)
    checked: Validator = extend(Draft202012Validator, type_checker=kinds)(
        schema, registry=Registry()
    )
    return checked


def _is_integer(_: object, value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _fault(validator: "Validator", call: ToolCall) -> tuple[str, Fault] | None:
    """The word of the schema that a call breaks, and where."""
    from referencing.exceptions import Unresolvable

    try:
        error = next(validator.iter_errors(call.arguments), None)
    except (Unresolvable, RecursionError) as failure:
        raise ToolsError(
            f"the schema of tool {shown(call.name)} is broken: {type(failure).__name__}"
        ) from failure
    except OverflowError:
        beyond = Phrase("an integer beyond it")
        return "maximum", ("", Phrase("numbers within a double's range"), beyond)
    if error is None:
        return None
    if error.validator == "required":
        key = next(key for key in error.validator_value if key not in error.instance)
        path = _path([*error.absolute_path, key])
        return "required", (path, Phrase("a value"), ABSENT)
    if error.validator == "additionalProperties" and error.validator_value is False:
        known = error.schema.get("properties", {})
        patterns = error.schema.get("patternProperties", {})
        key = next(
            key
            for key in error.instance
            if key not in known and not any(re.search(one, key) for one in patterns)
        )
        path = _path([*error.absolute_path, key])
        return "additionalProperties", (path, NOTHING_MORE, error.instance[key])
    expected = Phrase(f"{error.validator} {shown(error.validator_value)}")
    return str(error.validator), (_path(error.absolute_path), expected, error.instance)


def _path(parts: Any) -> str:
    text = ""
    for part in parts:
        text += f"[{part}]" if isinstance(part, int) else f".{plain(part)}" if text else plain(part)
    return text


def _translated(schema: Any, is_foreign: bool, depth: int) -> Any:
    """A schema with the types of JSON Schema, and nothing else changed that has a meaning."""
    if not isinstance(schema, Mapping):
        return schema
    if depth > MAX_NESTING:
        raise ToolsError(f"a schema is nested more than {MAX_NESTING} deep")
    made = {key: one for key, one in declared(schema).items() if _is_said(key, one)}
    for key in _INNER:
        if key in made:
            made[key] = _translated(made[key], is_foreign, depth + 1)
    for key in _LISTS:
        if isinstance(made.get(key), list):
            made[key] = [_translated(one, is_foreign, depth + 1) for one in made[key]]
    for key in _MAPS:
        if isinstance(made.get(key), Mapping):
            made[key] = {
                name: _translated(one, is_foreign, depth + 1) for name, one in made[key].items()
            }
    _translate_type(made, is_foreign)
    if not isinstance(made.get("required", []), list):
        del made["required"]  # a habit of draft 3: true beside the type of the one parameter
    _move_enum(made)
    return made


def _is_said(key: str, value: Any) -> bool:
    return value is not None or key == "const"


def _translate_type(schema: dict[str, Any], is_foreign: bool) -> None:
    kind = schema.get("type")
    if isinstance(kind, list):
        schema["type"] = [_type_name(one) for one in kind]
    elif kind in ("any", "Any"):
        del schema["type"]
    elif isinstance(kind, str):
        name = _type_name(kind)
        schema["type"] = [name, "string"] if is_foreign and name != "string" else name


def _type_name(kind: Any) -> Any:
    if not isinstance(kind, str):
        return kind
    known = PYTHON.get(kind) or JAVA.get(kind) or JAVASCRIPT.get(kind)
    return kind if known is None else _JSON_TYPES[known]


def _move_enum(schema: dict[str, Any]) -> None:
    """BFCL writes the values that a list's items may have beside the list's own type."""
    values = schema.get("enum")
    is_list = schema.get("type") == "array" or schema.get("type") == ["array", "string"]
    if is_list and isinstance(values, list) and not any(isinstance(one, list) for one in values):
        items = schema.get("items")
        schema["items"] = {**(items if isinstance(items, Mapping) else {}), "enum": values}
        del schema["enum"]
