"""`<function=name><parameter=x>value</parameter></function>`: Qwen3-Coder; `<tool_call>` around it.

A value is text. It is read as JSON, or else as Python's True, False, None or a literal list or
object, where the tool's declaration says another type than a string, or says nothing.
`<function=name>{...}</function>`, Llama 3.1's form, is read too.
"""

import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from rewards.tools.formats.found import Found, Offered, skip_blank
from rewards.tools.formats.pythonic import literal
from rewards.tools.shapes import arguments_of
from rewards.tools.strict_json import MalformedError, loads
from rewards.tools.types import ToolCall, shown

OPEN, CLOSE = "<function=", "</function>"
PARAMETER, PARAMETER_END = "<parameter=", "</parameter>"
_WRAPPING = ("<tool_call>", "</tool_call>")
_TEXTUAL = ("string", "String", "str", "char")
_CONSTANTS = ("True", "False", "None")
_BEGINNING = re.compile(r"^[ \t]{0,8}<parameter=", re.MULTILINE)


def parse(text: str, offered: Offered) -> Found:
    """Read every function.

    Raises:
        MalformedError: One is broken or not closed.
    """
    found = Found()
    position = 0
    while (start := text.find(OPEN, position)) >= 0:
        found.outside(_unwrapped(text[position:start]))
        bracket = text.find(">", start)
        end = text.find(CLOSE, bracket)
        if bracket < 0 or end < 0:
            raise MalformedError(f"call {len(found.calls) + 1} is not closed by {CLOSE}")
        name = text[start + len(OPEN) : bracket].strip()
        body = text[bracket + 1 : end].strip()
        if not name or "\n" in name:
            raise MalformedError(f"call {len(found.calls) + 1} has no name")
        if body.startswith("{"):
            arguments = arguments_of(loads(body), name)
        else:
            arguments = _parameters(body, name, offered.get(name, {}))
        found.calls.append(ToolCall(name, arguments))
        position = end + len(CLOSE)
    if not found.calls:
        raise MalformedError(f"no call follows {_WRAPPING[0]}")
    found.outside(_unwrapped(text[position:]))
    return found


def _parameters(body: str, name: str, declaration: Mapping[str, Any]) -> dict[str, Any]:
    schema = declaration.get("parameters")
    properties = schema.get("properties") if isinstance(schema, Mapping) else None
    found: dict[str, Any] = {}
    position = 0
    while (position := skip_blank(body, position)) < len(body):
        bracket = body.find(">", position)
        end = body.find(PARAMETER_END, position)
        if not body.startswith(PARAMETER, position) or not 0 <= bracket < end:
            raise MalformedError(f"the call of {shown(name)} has a broken parameter")
        key = body[position + len(PARAMETER) : bracket].strip()
        if key in found:
            raise MalformedError(f"the key {shown(key)} stands twice")
        if _BEGINNING.search(body, bracket, end):
            raise MalformedError(f"the parameter {shown(key)} is not closed by {PARAMETER_END}")
        declared = properties.get(key) if isinstance(properties, Mapping) else None
        found[key] = _value(body[bracket + 1 : end], declared)
        position = end + len(PARAMETER_END)
    return found


def _value(text: str, declared: Any) -> Any:
    text = text.removeprefix("\n").removesuffix("\n")
    if _is_textual(declared):
        return text
    with suppress(MalformedError):
        return loads(text)
    stripped = text.strip()
    if stripped in _CONSTANTS or stripped.startswith(("[", "{")):
        with suppress(MalformedError):
            return literal(stripped)
    return text


def _is_textual(declared: Any) -> bool:
    """Whether a declaration allows a text, perhaps among other types."""
    if not isinstance(declared, Mapping):
        return False
    kind = declared.get("type")
    kinds = kind if isinstance(kind, list) else [kind]
    if any(isinstance(one, str) and one in _TEXTUAL for one in kinds):
        return True
    options = [declared.get(key) for key in ("anyOf", "oneOf")]
    return any(
        isinstance(one, Mapping) and one.get("type") in _TEXTUAL
        for option in options
        if isinstance(option, list)
        for one in option
    )


def _unwrapped(text: str) -> str:
    for mark in _WRAPPING:
        text = text.replace(mark, "")
    return text
