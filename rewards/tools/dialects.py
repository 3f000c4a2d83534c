"""BFCL's names of types, and those of JSON Schema, as kinds of JSON values.

BFCL describes Java and JavaScript functions with types of those languages, and their arguments as
source text. Which language a declaration is of shows in its types: `String` is one of either,
`long` or `HashMap` of Java, `Boolean` or `Bigint` of JavaScript. What names none of them is read as
Python, unless the caller says the language: BFCL's own checker is told it.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final, Literal

Language = Literal["java", "javascript"]

PYTHON: Final[Mapping[str, type]] = MappingProxyType(
    {
        "string": str,
        "integer": int,
        "float": float,
        "boolean": bool,
        "array": list,
        "tuple": list,
        "dict": dict,
        "any": str,
        # JSON Schema's and Python's own names, which BFCL's data does not have:
        "number": float,
        "object": dict,
        "str": str,
        "int": int,
        "bool": bool,
        "list": list,
    }
)
JAVA: Final[Mapping[str, type]] = MappingProxyType(
    {
        "byte": int,
        "short": int,
        "integer": int,
        "float": float,
        "double": float,
        "long": int,
        "boolean": bool,
        "char": str,
        "Array": list,
        "ArrayList": list,
        "Set": list,
        "HashMap": dict,
        "Hashtable": dict,
        "Queue": list,
        "Stack": list,
        "String": str,
        "any": str,
    }
)
JAVASCRIPT: Final[Mapping[str, type]] = MappingProxyType(
    {
        "String": str,
        "integer": int,
        "float": float,
        "Bigint": int,
        "Boolean": bool,
        "dict": dict,
        "array": list,
        "any": str,
    }
)
KINDS: Final[Mapping[Language, Mapping[str, type]]] = MappingProxyType(
    {"java": JAVA, "javascript": JAVASCRIPT}
)
ITEMS: Final = frozenset({"array", "tuple", "list", "Array", "ArrayList"})
"""Types whose declaration may say what their items are."""
FLOATS: Final = frozenset({"float", "number"})
"""Types of Python functions for which an integer stands too."""
_JAVA_ONLY: Final = frozenset(JAVA) - frozenset(JAVASCRIPT) - frozenset(PYTHON)
_JAVASCRIPT_ONLY: Final = frozenset({"Bigint", "Boolean"})


def languages(properties: Mapping[str, Any]) -> tuple[Language, ...]:
    """The languages that a tool with these parameters may be of; none of them: Python."""
    named = set(_types(properties))
    if named.isdisjoint(_FOREIGN):
        return ()
    if named & _JAVA_ONLY:
        return ("java",)
    if named & _JAVASCRIPT_ONLY or named & {"array", "dict"}:
        return ("javascript",)
    return ("java",) if "boolean" in named else ("java", "javascript")


_FOREIGN: Final = _JAVA_ONLY | _JAVASCRIPT_ONLY | {"String"}


def _types(properties: Mapping[str, Any]) -> Iterator[str]:
    for schema in properties.values():
        if isinstance(schema, (dict, Mapping)):
            kind = schema.get("type")
            if isinstance(kind, str):
                yield kind
                if kind in ITEMS:
                    items = schema.get("items")
                    if isinstance(items, (dict, Mapping)) and isinstance(items.get("type"), str):
                        yield items["type"]
