"""Calls in plain JSON, the whole text or amid it: an object, a list, or several in a row.

A call is `{"name", "arguments" | "parameters"}`, an item of OpenAI's `tool_calls` or an object with
such a list, or BFCL's `{"name": {arguments}}`.
"""

import re
from typing import Any

from rewards.tools.formats.found import Found, Offered, nothing, whole
from rewards.tools.quoting import is_told
from rewards.tools.shapes import (
    ARGUMENTS,
    NAMES,
    call_of,
    function_call,
    is_function,
    is_keyed,
    is_named,
    keyed_call,
)
from rewards.tools.strict_json import MalformedError, decode_at, loads
from rewards.tools.types import ToolCall

ATTEMPTS = 32  # places at which JSON may fail to begin, so that a text costs linear time
_FIRST_KEY = re.compile(r'\{\s*"([^"\\\n]{1,256})"\s*:')
_KEYS = frozenset(
    {"name", "id", "type", "index", "function", "tool_calls", "tool_call_id", *NAMES, *ARGUMENTS}
)
_NAMED = re.compile(r'"name"\s*:\s*"([^"\\\n]{1,256})"')
_BEGUN = re.compile(r'\{\s*"name"\s*:\s*"[^"\\\n]{1,256}"\s*,\s*"(?:arguments|parameters)"\s*:')
_LOOK_AHEAD = 1000  # characters in which a broken call names its tool


def parse(text: str, offered: Offered, *, any_key: bool = True) -> Found:
    """Read the whole text, or else the calls amid it.

    Args:
        text: An answer.
        offered: The tools on offer.
        any_key: Whether BFCL's shape is read for any name where no tools are known.

    Raises:
        MalformedError: A call is attempted, and is broken.
    """
    stripped = text.strip()
    if stripped.startswith(("{", "[")):
        try:
            value = loads(stripped)
        except MalformedError:
            pass  # the text only begins like JSON, or is broken: what is amid it says which
        else:
            calls = calls_in(value, offered, any_key=any_key)
            return whole(text, calls) if calls or value == [] else nothing(text)
    return _amid(text, offered)


def calls_in(value: Any, offered: Offered, *, any_key: bool = False) -> tuple[ToolCall, ...]:
    """The calls of a JSON value: none, if it is something else.

    Raises:
        MalformedError: It is a list of which only a part is calls, or a call is broken.
    """
    if isinstance(value, dict) and isinstance(value.get("tool_calls"), list):
        value = value["tool_calls"]
    items = value if isinstance(value, list) else [value]
    names = None if any_key and not offered else offered
    read = [_one(item, names) for item in items]
    if not any(read):
        return ()
    for item, call in zip(items, read, strict=True):
        if call is None:
            call_of(item)  # says what is wrong with it
    return tuple(call for call in read if call is not None)


def attempts(text: str, offered: Offered) -> bool:
    """Whether broken JSON is a call that was meant: it names a tool on offer, or has both keys."""
    beginning = text[:_LOOK_AHEAD]
    if any(match[1] in offered for match in _NAMED.finditer(beginning)):
        return True
    first = _FIRST_KEY.match(beginning.lstrip("[ \t\r\n"))
    return (first is not None and first[1] in offered) or (
        not offered and _BEGUN.search(beginning) is not None
    )


def _one(item: Any, names: Offered | None) -> ToolCall | None:
    if is_named(item):
        return call_of(item, text_arguments=True)
    if is_function(item) and not item["function"].keys().isdisjoint(ARGUMENTS):
        return function_call(item)
    name = item.get("name") if isinstance(item, dict) else None
    if names is not None and isinstance(name, str) and name in names:
        return call_of(item)  # the name of a tool, and no arguments: says so
    if is_keyed(item, names):
        return keyed_call(item)
    return None


def _amid(text: str, offered: Offered) -> Found:
    found = Found()
    position, failures = 0, 0
    for match in _FIRST_KEY.finditer(text):
        start = match.start()
        if start < position or not (match[1] in _KEYS or match[1] in offered):
            continue
        before = text[position:start].rstrip()
        if before.endswith("["):
            start = position + len(before) - 1
        try:
            value, end = decode_at(text, start)
            calls = () if is_told(text, start, end) else calls_in(value, offered)
        except MalformedError:
            if attempts(text[start : start + _LOOK_AHEAD], offered):
                if not is_told(text, start, len(text)):
                    raise
                break
            failures += 1
            if failures == ATTEMPTS:
                break
            continue
        if calls:
            found.outside(text[position:start])
            found.at(start, end, calls)
        else:
            found.outside(text[position:end])
        position = end
    if not found.calls:
        return nothing(text)
    found.outside(text[position:].lstrip(",; \n"))
    return found
