"""`<|tool_call>call:f{a:<|"|>x<|"|>,n:1}<tool_call|>`: Gemma 4, and FunctionGemma.

FunctionGemma has `<start_function_call>call:f{a:<escape>x<escape>}<end_function_call>`. Texts stand
between `<|"|>` or `<escape>`, or in JSON's quotation marks; numbers, true, false and null as they
are; objects have bare keys. A bare word is a text.
"""

import re
from typing import Any, Final

from rewards.tools.formats.found import Found, Offered, skip_blank
from rewards.tools.strict_json import MalformedError, decode_at, loads
from rewards.tools.types import ToolCall, shown

MAX_NESTING: Final = 64
QUOTES: Final = ('<|"|>', "<escape>")
_OPEN: Final = re.compile(r"<\|tool_call>|<start_function_call>")
_CALL: Final = re.compile(r"\s{0,64}call:\s{0,8}([^\s{}<>]{1,256})\s{0,8}\{")
_CLOSE: Final = re.compile(r"\s{0,64}(?:<tool_call\|>|<end_function_call>)")
_KEY: Final = re.compile(r"\s{0,64}([^\s:,{}\[\]<>\"]{1,256})\s{0,64}:")
_BARE: Final = re.compile(r"[^,\[\]{}<>\"\n]{1,4096}")


def parse(text: str, offered: Offered) -> Found:
    """Read every call.

    Raises:
        MalformedError: One is broken or not closed.
    """
    found = Found()
    position = 0
    while (opening := _OPEN.search(text, position)) is not None:
        found.outside(text[position : opening.start()])
        call = _CALL.match(text, opening.end())
        if call is None:
            raise MalformedError(f"no call follows {opening[0]}")
        arguments, end = _object(text, call.end(), 0)
        closing = _CLOSE.match(text, end)
        if closing is None:
            raise MalformedError(f"call {len(found.calls) + 1} is not closed")
        found.calls.append(ToolCall(call[1], arguments))
        position = closing.end()
    found.outside(text[position:])
    return found


def _object(text: str, at: int, depth: int) -> tuple[dict[str, Any], int]:
    """The object whose brace opened before `at`, and where it ends."""
    found: dict[str, Any] = {}
    while not text.startswith("}", at := skip_blank(text, at)):
        key, at = _key(text, at)
        if key in found:
            raise MalformedError(f"the key {shown(key)} stands twice")
        found[key], at = _value(text, at, depth + 1)
        at = _comma(text, at, "}")
    return found, at + 1


def _list(text: str, at: int, depth: int) -> tuple[list[Any], int]:
    """The list whose bracket opened before `at`, and where it ends."""
    found: list[Any] = []
    while not text.startswith("]", at := skip_blank(text, at)):
        value, at = _value(text, at, depth + 1)
        found.append(value)
        at = _comma(text, at, "]")
    return found, at + 1


def _comma(text: str, at: int, close: str) -> int:
    at = skip_blank(text, at)
    if text.startswith(",", at):
        return at + 1
    if text.startswith(close, at):
        return at
    raise MalformedError(f"broken call: neither a comma nor {close} at character {at}")


def _key(text: str, at: int) -> tuple[str, int]:
    quoted = _quoted(text, at)
    if quoted is None:
        match = _KEY.match(text, at)
        if match is None:
            raise MalformedError(f"broken call: no key at character {at}")
        return match[1], match.end()
    key, end = quoted
    end = skip_blank(text, end)
    if not text.startswith(":", end):
        raise MalformedError(f"broken call: a key without a value at character {end}")
    return key, end + 1


def _value(text: str, at: int, depth: int) -> tuple[Any, int]:
    if depth > MAX_NESTING:
        raise MalformedError("nested too deeply")
    at = skip_blank(text, at)
    if (quoted := _quoted(text, at)) is not None:
        return quoted
    if text.startswith("{", at):
        return _object(text, at + 1, depth)
    if text.startswith("[", at):
        return _list(text, at + 1, depth)
    match = _BARE.match(text, at)
    if match is None:
        raise MalformedError(f"broken call: no value at character {at}")
    word = match[0].strip()
    try:
        return loads(word), match.end()
    except MalformedError:
        return word, match.end()


def _quoted(text: str, at: int) -> tuple[str, int] | None:
    """The text in marks at `at`, and where it ends; None if there is none.

    Raises:
        MalformedError: It is not closed.
    """
    for quote in QUOTES:
        if text.startswith(quote, at):
            end = text.find(quote, at + len(quote))
            if end < 0:
                raise MalformedError("a text is not closed")
            return text[at + len(quote) : end], end + len(quote)
    if text.startswith('"', at):
        value, end = decode_at(text, at)
        return str(value), end
    return None
