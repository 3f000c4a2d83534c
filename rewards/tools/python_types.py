"""Names of Python types, as data sets declare parameters with them, in terms of JSON Schema.

xLAM's tools have `"type": "str, optional"`, `"List[Tuple[int, int]]"`, `"Union[int, str]"` or
`"Callable[[float], float]"`; ToolACE's have `"dict"` and `"float"`; Gemini's have `"STRING"`.

Guarantees: nothing is evaluated; a text that is no such name is left alone (None), and so are the
names that BFCL's Java and JavaScript functions use. Time is linear in the text.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from rewards.tools.dialects import JAVA, JAVASCRIPT, PYTHON

MAX_LENGTH: Final = 500
MAX_NESTING: Final = 8
Schema = dict[str, Any]
_WORDS: Final[Mapping[str, Schema]] = {
    "str": {"type": "string"},
    "text": {"type": "string"},
    "bytes": {"type": "string"},
    "date": {"type": "string"},
    "datetime": {"type": "string"},
    "int": {"type": "integer"},
    "float": {"type": "float"},
    "complex": {},
    "bool": {"type": "boolean"},
    "none": {"type": "null"},
    "nonetype": {"type": "null"},
    "any": {},
    "callable": {},
    "function": {},
    "object": {"type": "object"},
    "string": {"type": "string"},
    "integer": {"type": "integer"},
    "number": {"type": "float"},
    "boolean": {"type": "boolean"},
    "null": {"type": "null"},
    "array": {"type": "array"},
}
_LISTS: Final = frozenset({"list", "set", "frozenset", "sequence", "iterable", "deque", "array"})
_OBJECTS: Final = frozenset({"dict", "mapping", "defaultdict", "ordereddict"})
_OPEN: Final = frozenset({"callable", "type", "annotated", "awaitable"})
_KNOWN: Final = frozenset(PYTHON) | frozenset(JAVA) | frozenset(JAVASCRIPT)
"""Names that need no translation, or have another meaning in BFCL's data, as `any` does."""
_HINT: Final = re.compile(
    r",?\s*\(?\boptional\b\)?\.?$|,?\s*default(?:s to|\s*[:=]).*$", re.I | re.S
)
_TOKEN: Final = re.compile(
    r"\s*(?:([A-Za-z_][\w.]*)|('[^']*'|\"[^\"]*\"|-?\d+)|([\[\],|])|(\.\.\.))"
)


class _UnknownError(Exception):
    """A text names no type."""


def schema_of_type(kind: str) -> Mapping[str, Any] | None:
    """What the name of a Python type says of a value; None where it is no such name.

    Args:
        kind: What a declaration has as its `type`.
    """
    if kind in _KNOWN or len(kind) > MAX_LENGTH:
        return None
    return _schema(kind)


@lru_cache(maxsize=1024)
def _schema(kind: str) -> Mapping[str, Any] | None:
    text = _HINT.sub("", kind.strip()).strip().rstrip(",").strip()
    try:
        schema, end = _union(text, 0, 0)
    except _UnknownError:
        return None
    return schema if not text[end:].strip() else None


def _next(text: str, start: int) -> re.Match[str]:
    match = _TOKEN.match(text, start)
    if match is None:
        raise _UnknownError
    return match


def _union(text: str, start: int, depth: int) -> tuple[Schema, int]:
    """`int | str` from `start` on, and where it ends."""
    options: list[Schema] = []
    while True:
        option, end = _one(text, start, depth)
        options.append(option)
        bar = _TOKEN.match(text, end)
        if bar is None or bar[3] != "|":
            return _any_of(options), end
        start = bar.end()


def _one(text: str, start: int, depth: int) -> tuple[Schema, int]:
    if depth > MAX_NESTING:
        raise _UnknownError
    match = _next(text, start)
    if match[3] == "[":  # the arguments of a Callable
        parts, end = _inner(text, match.end(), depth)
        return {"items": parts}, end
    if match[4]:
        return {}, match.end()
    if match[2]:  # a value of a Literal
        return {"enum": [_literal(match[2])]}, match.end()
    if not match[1]:
        raise _UnknownError
    word = match[1].rpartition(".")[2].lower()
    bracket = _TOKEN.match(text, match.end())
    if bracket is None or bracket[3] != "[":
        return _named(match[1]), match.end()
    parts, end = _inner(text, bracket.end(), depth)
    return _generic(word, parts), end


def _inner(text: str, start: int, depth: int) -> tuple[list[Schema], int]:
    """What stands in brackets, which opened before `start`."""
    parts: list[Schema] = []
    while True:
        match = _next(text, start)
        if match[3] == "]":
            return parts, match.end()
        if match[3] == ",":
            start = match.end()
            continue
        part, start = _union(text, start, depth + 1)
        parts.append(part)


def _plain(word: str) -> Schema:
    if word in _OBJECTS:
        return {"type": "object"}
    if word in _LISTS or word == "tuple":
        return {"type": "array"}
    if word not in _WORDS:
        raise _UnknownError
    return dict(_WORDS[word])


def _named(name: str) -> Schema:
    """A name without brackets; a class of a library, `np.ndarray`, may be anything."""
    module, _, word = name.rpartition(".")
    try:
        return _plain(word.lower())
    except _UnknownError:
        if module:
            return {}
        raise


def _generic(word: str, parts: list[Schema]) -> Schema:
    """`word[parts]`."""
    if word == "optional" and len(parts) == 1:
        return _any_of([parts[0], {"type": "null"}])
    if word == "union" and parts:
        return _any_of(parts)
    if word == "literal" and all("enum" in part for part in parts):
        return {"enum": [value for part in parts for value in part["enum"]]}
    if word in _LISTS or word == "tuple":
        kinds = [part for part in parts if part]
        same = bool(kinds) and all(part == kinds[0] for part in kinds)
        return {"type": "array", "items": kinds[0]} if same else {"type": "array"}
    return {} if word in _OPEN else _plain(word)


def _any_of(options: list[Schema]) -> Schema:
    if len(options) == 1:
        return options[0]
    return {"anyOf": options} if all(options) else {}


def _literal(text: str) -> Any:
    return text[1:-1] if text[0] in "'\"" else int(text)
