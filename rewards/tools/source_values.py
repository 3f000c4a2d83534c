"""Values out of Java and JavaScript source, as BFCL's type converters read them.

Guarantees: linear time, nothing is run. What is not the literal of its type stays text, which then
fits no other type. Quotes and brackets are respected where lists and objects are split.
"""

import re
from collections.abc import Iterator
from typing import Any

from rewards.tools.dialects import Language

MAX_LENGTH = 20_000  # characters of a literal
MAX_NESTING = 32

_INTEGER = re.compile(r"-?[0-9]{1,400}")
_DOUBLE = re.compile(r"-?[0-9]{1,400}(?:\.[0-9]{1,400})?(?:[eE][+-]?[0-9]{1,3})?")
_DECIMAL = re.compile(r"-?[0-9]{1,400}(?:\.[0-9]{1,400})?")
_JAVA_ARRAY = re.compile(r"new\s+\w+\[\]\s*\{")
_JAVA_AS_LIST = re.compile(r"new\s+ArrayList<\w*>\(Arrays\.asList\(")
_JAVA_LIST = re.compile(r"new\s+ArrayList<\w*>\(\)(\s*\{\{)?")
_JAVA_MAP = re.compile(r"new\s+HashMap<[\w\s,<>\[\].?]{0,200}>\s*\(\)")
_ADD = re.compile(r"\badd\(")
_PUT = re.compile(r"\bput\(")
_JS_ARRAY = re.compile(r"\[|new\s+Array\(")
_SCAN = re.compile(r'"(?:[^"\\]++|\\.)*+"?+|\'(?:[^\'\\]++|\\.)*+\'?+|[\[\](){},:]', re.DOTALL)
_PAIRS = {"[": "]", "(": ")", "{": "}"}


def read_source(text: str, kind: str, items: str | None, language: Language) -> Any:
    """What `text` stands for, as a value of type `kind` with items of type `items`.

    The texts of a Java array keep their quotes, those of an ArrayList lose them, as in BFCL.
    """
    if len(text) > MAX_LENGTH:
        return text
    if language == "javascript":
        return _javascript(text, kind, items, 0)
    return _java(text, kind, items)


def _java(text: str, kind: str, items: str | None) -> Any:  # noqa: PLR0911 - a value a type
    match kind:
        case "byte" | "short" | "integer":
            return int(text) if _INTEGER.fullmatch(text) else text
        case "long":
            is_long = text[-1:] in ("l", "L") and _INTEGER.fullmatch(text[:-1])
            return int(text[:-1]) if is_long else text
        case "float":
            is_float = text[-1:] in ("f", "F") and _DOUBLE.fullmatch(text[:-1])
            return float(text[:-1]) if is_float else text
        case "double":
            return float(text) if _DOUBLE.fullmatch(text) else text
        case "boolean":
            return text == "true" if text in ("true", "false") else text
        case "Array" | "ArrayList":
            found = _java_items(text, kind)
            if found is None:
                return text
            return [_java_item(item, kind, items) for item in found]
        case "HashMap":
            return _java_map(text)
    return text


def _java_items(text: str, kind: str) -> list[str] | None:
    """The source of each item; None: it is no such literal."""
    opening = (_JAVA_ARRAY if kind == "Array" else _JAVA_AS_LIST).search(text)
    if opening is not None:
        inside = _inside(text, opening.end())
        is_closed = kind == "Array" or "))" in text[opening.end() :]
        return list(_split(inside)) if inside is not None and is_closed else None
    opening = _JAVA_LIST.search(text) if kind == "ArrayList" else None
    if opening is None or (opening[1] and "}}" not in text[opening.end() :]):
        return None
    return _arguments(_ADD, text, opening.end()) if opening[1] else []


def _arguments(call: re.Pattern[str], text: str, start: int) -> list[str]:
    """What stands in the brackets of each `call`, to the first that is not closed."""
    found = []
    while (match := call.search(text, start)) is not None:
        inside = _inside(text, match.end())
        if inside is None:
            break
        found.append(inside.strip())
        start = match.end() + len(inside)  # each part is read once
    return found


def _java_item(text: str, kind: str, items: str | None) -> Any:
    if items is None:
        return _java_value(text)
    if kind == "ArrayList" and items in ("char", "String"):
        return text[1:-1]
    return _java(text, items, None)


def _java_map(text: str) -> Any:
    opening = _JAVA_MAP.search(text)
    if opening is None:
        return text
    found: dict[str, Any] = {}
    for put in _arguments(_PUT, text, opening.end()):
        key, comma, value = put.partition(",")
        if comma and _is_java_text(key.strip()):
            found[key.strip()[1:-1]] = _java_value(value.strip())
    return found


def _java_value(text: str) -> Any:
    """A literal whose type nobody declared."""
    if text in ("true", "false"):
        return text == "true"
    if _is_java_text(text):
        return text[1:-1]
    if text[-1:] in ("l", "L") and _INTEGER.fullmatch(text[:-1]):
        return int(text[:-1])
    if text[-1:] in ("f", "F") and _DOUBLE.fullmatch(text[:-1]):
        return float(text[:-1])
    return _number(text)


def _javascript(text: str, kind: str, items: str | None, depth: int) -> Any:  # noqa: PLR0911
    match kind:
        case "String":
            return text[1:-1] if _is_quoted(text) else text
        case "integer":
            return int(text) if _INTEGER.fullmatch(text) else text
        case "float":
            return float(text) if _DECIMAL.fullmatch(text) else text
        case "Bigint":
            is_big = text.endswith("n") and _INTEGER.fullmatch(text[:-1])
            return int(text[:-1]) if is_big else text
        case "Boolean":
            return text == "true" if text in ("true", "false") else text
        case "array":
            return _javascript_array(text.strip(), items, depth)
        case "dict":
            return _javascript_object(text.strip(), depth)
    return text


def _javascript_array(text: str, items: str | None, depth: int) -> Any:
    opening = _JS_ARRAY.match(text)
    inside = None if opening is None else _inside(text, opening.end())
    if inside is None or depth > MAX_NESTING:
        return text
    found = list(_split(inside))
    if items is None or any(item.startswith("[") for item in found):
        return [_javascript_value(item, depth + 1) for item in found]
    return [_javascript(item, items, None, depth + 1) for item in found]


def _javascript_object(text: str, depth: int) -> Any:
    inside = _inside(text, 1) if text.startswith("{") else None
    if inside is None or depth > MAX_NESTING:
        return text
    found: dict[str, Any] = {}
    for pair in _split(inside):
        key, value = _key_and_value(pair)
        if value is None:
            continue
        if value.startswith(("[", "{")):
            found[key] = _javascript_value(value, depth + 1)
        else:
            found[key] = _javascript_value(value.strip("'\""), depth + 1)
    return found


def _javascript_value(text: str, depth: int) -> Any:
    if text.startswith("["):
        return _javascript_array(text, None, depth)
    if text.startswith("{"):
        return _javascript_object(text, depth)
    if text in ("true", "false"):
        return text == "true"
    return text[1:-1] if _is_quoted(text) else _number(text)


def _key_and_value(pair: str) -> tuple[str, str | None]:
    for match in _SCAN.finditer(pair):
        if match[0] == ":":
            return pair[: match.start()].strip().strip("'\""), pair[match.end() :].strip()
    return pair, None


def _number(text: str) -> Any:
    if len(text) <= 400:
        for kind in (int, float):
            try:
                return kind(text)
            except ValueError:
                continue
    return text


def _is_quoted(text: Any) -> bool:
    return isinstance(text, str) and len(text) > 1 and text[0] in "'\"" and text[-1] == text[0]


def _is_java_text(text: Any) -> bool:
    return _is_quoted(text) and text[0] == '"'


def _inside(text: str, start: int) -> str | None:
    """What stands from `start`, behind a bracket, to where it closes; None if it does not."""
    depth = 1
    for match in _SCAN.finditer(text, start):
        if match[0] in _PAIRS:
            depth += 1
        elif match[0] in ("]", ")", "}"):
            depth -= 1
            if depth == 0:
                return text[start : match.start()]
    return None


def _split(text: str) -> Iterator[str]:
    """The parts between the commas that stand in no quotes and no brackets; no empty ones."""
    depth, begin = 0, 0
    for match in _SCAN.finditer(text):
        if match[0] in _PAIRS:
            depth += 1
        elif match[0] in ("]", ")", "}"):
            depth -= 1
        elif match[0] == "," and depth == 0:
            if part := text[begin : match.start()].strip():
                yield part
            begin = match.end()
    if part := text[begin:].strip():
        yield part
