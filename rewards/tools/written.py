"""Arguments that a format writes as plain text: what value a text stands for.

`<parameter=n>7</parameter>` is a number if the tool's declaration says so, and a text if it says
that. Where it says both or nothing, the text stands for either (`ToolCall.readings`): the model
had no way to say which.

Guarantees: nothing is evaluated or raised; declarations are followed through `enum`, `const`,
`anyOf`, `oneOf`, `allOf` and `$ref` within bounds.
"""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from math import isfinite
from typing import Any, Final

from rewards.tools.composed import MAX_DEPTH, referred
from rewards.tools.dialects import JAVA, JAVASCRIPT, PYTHON, languages
from rewards.tools.errors import ToolsError
from rewards.tools.formats.python_reader import literal
from rewards.tools.offered import OBJECT, Declaration, declared, parameters_of, properties_of
from rewards.tools.strict_json import MalformedError, loads
from rewards.tools.types import ToolCall

MAX_OPTIONS: Final = 64
ANYTHING: Final = frozenset({"anything"})
"""The kinds of a declaration that does not say any."""
_KINDS: Final[Mapping[type, str]] = {
    str: "string", bool: "boolean", int: "integer", float: "number", list: "array",
    tuple: "array", dict: "object", type(None): "null",
}  # fmt: skip
_CONSTANTS: Final = ("True", "False", "None")
_BOOLEANS: Final = ("true", "false")
_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,400}")
_NUMBER: Final = re.compile(
    r"[+-]?(?:[0-9]{1,400}\.?[0-9]{0,400}|\.[0-9]{1,400})(?:[eE][+-]?[0-9]{1,4})?"
)


def written_call(name: str, texts: Mapping[str, str], tool: Declaration | None) -> ToolCall:
    """A call whose arguments were written as `texts`."""
    arguments: dict[str, Any] = {}
    readings: dict[str, Sequence[Any]] = {}
    for key, text in texts.items():
        first, *others = values_of(text, kinds_of(tool, key))
        arguments[key] = first
        if others:
            readings[key] = tuple(others)
    return ToolCall(name, arguments, readings) if readings else ToolCall(name, arguments)


def values_of(text: str, kinds: frozenset[str]) -> list[Any]:
    """What `text` may stand for where values of `kinds` are declared, the likeliest first."""
    found, value = _value(text.strip(), kinds)
    bare = text.removeprefix("\n").removesuffix("\n")
    texts = [bare] if bare == text else [bare, text]
    if kinds == ANYTHING:
        return [value, *texts] if found else texts
    if "string" not in kinds:
        return [value] if found else [bare]
    fits = found and (_KINDS[type(value)] in kinds or (type(value) is int and "number" in kinds))
    return [*texts, value] if fits and not isinstance(value, str) else texts


def kinds_of(tool: Declaration | None, key: str) -> frozenset[str]:
    """The kinds of JSON values that a tool's declaration allows for a parameter."""
    if tool is None:
        return ANYTHING
    try:
        root, properties = parameters_of(tool), properties_of(tool)
    except ToolsError:
        return ANYTHING
    schema = properties.get(key)
    kinds = _kinds(schema, root, 0) or ANYTHING
    return kinds | {"string"} if languages(properties) else kinds  # source text is a text


def _value(text: str, kinds: frozenset[str]) -> tuple[bool, Any]:
    """Whether a text is a value of JSON, or a constant, list or object of Python, and which.

    Where the declaration has numbers or booleans, they are also what every public parser takes for
    them: `.5`, `+5`, `TRUE`. `3.0` for a number is 3, which stands for 3.0 too.
    """
    if "boolean" in kinds and text.lower() in _BOOLEANS:
        return True, text.lower() == "true"
    if "integer" in kinds and _INTEGER.fullmatch(text):
        return True, int(text)
    if "number" in kinds and _NUMBER.fullmatch(text) and isfinite(number := float(text)):
        return True, int(number) if number.is_integer() else number
    with suppress(MalformedError):
        return True, loads(text)
    opens = ("[", "{", "(") if "array" in kinds else ("[", "{")
    if text in _CONSTANTS or text.startswith(opens):
        with suppress(MalformedError):
            return True, literal(text)
    return False, None


def _kinds(schema: Any, root: Declaration, depth: int) -> frozenset[str]:
    """The kinds that a schema names; none where it says nothing."""
    schema = declared(schema)
    if not isinstance(schema, OBJECT) or depth > MAX_DEPTH:
        return frozenset()
    kind = schema.get("type")
    named = [kind] if isinstance(kind, str) else kind if isinstance(kind, list) else []
    kinds = frozenset(_kind(one) for one in named if isinstance(one, str)) - {""}
    if kinds:
        return kinds
    values = schema["enum"] if isinstance(schema.get("enum"), list) else []
    if "const" in schema:
        values = [schema["const"]]
    if values:
        return frozenset(_KINDS[type(one)] for one in values if type(one) in _KINDS)
    if isinstance(schema.get("$ref"), str):
        return _kinds(referred(schema["$ref"], root), root, depth + 1)
    return _kinds_of_options(schema, root, depth)


def _kinds_of_options(schema: Declaration, root: Declaration, depth: int) -> frozenset[str]:
    for key in ("anyOf", "oneOf", "allOf"):
        options = schema.get(key)
        if isinstance(options, list) and options:
            each = [_kinds(one, root, depth + 1) for one in options[:MAX_OPTIONS]]
            if key != "allOf" and not all(each):
                return frozenset()
            return frozenset().union(*each)
    return frozenset()


def _kind(name: str) -> str:
    if name in ("any", "Any"):
        return ""
    if name == "null":
        return name
    kind = PYTHON.get(name) or JAVA.get(name) or JAVASCRIPT.get(name)
    return "" if kind is None else _KINDS[kind]
