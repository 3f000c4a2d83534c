"""`<|channel|>commentary to=functions.f <|constrain|>json<|message|>{"a": 1}<|call|>`: gpt-oss.

An answer is a row of messages, each with a header, `<|message|>`, a body and `<|end|>`, `<|call|>`
or `<|return|>`, the last of which may be missing. What the header says it is to is called; the
channel `analysis` is thinking; all else is text. Where a decoder has dropped the marks,
`commentary to=functions.f json{"a": 1}` is left, which is read too.
"""

import re
from typing import Final

from rewards.tools.formats.found import Found, Offered, skip_blank
from rewards.tools.shapes import arguments_of
from rewards.tools.strict_json import MalformedError, decode_at
from rewards.tools.types import ToolCall, shown

MESSAGE: Final = "<|message|>"
_HEADER: Final = 300  # characters of a header in which a function is looked for
_ENDS: Final = ("<|call|>", "<|end|>", "<|return|>")
_BODY_END: Final = re.compile(r"<\|(?:call|end|return|start|channel)\|>")
_TO: Final = re.compile(r"\bto=([^\s<>]{1,256})")
_CHANNEL: Final = re.compile(r"<\|channel\|>\s{0,8}(\w{1,32})")
_FIRST: Final = re.compile(r"<\||\bto=")
_BARE: Final = re.compile(
    r"(?:assistant)?(?:commentary|analysis)\s{0,8}to=functions\.([^\s<>{}=]{1,256}?)"
    r"\s{0,8}(?:code|json)?\s{0,8}(?=\{)"
)


def parse(text: str, offered: Offered) -> Found:
    """Read every message.

    Raises:
        MalformedError: A call is broken, or marks are left that are no message.
    """
    found = Found()
    position = 0
    while (message := text.find(MESSAGE, position)) >= 0:
        header = text[position:message]
        body = message + len(MESSAGE)
        to, channel = _TO.search(header), _CHANNEL.search(header)
        found.outside(_before(header))
        if to is not None and to[1] not in ("user", "all"):
            position = _called(text, body, to[1], found)
        elif "functions." in header[-_HEADER:]:
            raise MalformedError(f"a header names a function, and is to nobody: {shown(header)}")
        else:
            end = _BODY_END.search(text, body)
            position = end.start() if end else len(text)
            if channel is None or channel[1] != "analysis":
                found.outside(text[body:position])
        position = _closed(text, position)
    rest = text[position:]
    if position == 0:
        return _bare(text)
    if _BODY_END.search(rest) is not None or _TO.search(rest) is not None:
        raise MalformedError(f"no {MESSAGE} follows a header")
    found.outside(rest)
    return found


def _before(header: str) -> str:
    """What stands before a header's first mark, if it is no part of the header."""
    first = _FIRST.search(header)
    before = header[: first.start()].strip() if first else header.strip()
    return "" if before in ("assistant", "analysis", "final", "commentary") else before


def _called(text: str, body: int, name: str, found: Found) -> int:
    """Read the call that a message is; returns where it ends."""
    name = name.removeprefix("functions.")
    value, end = decode_at(text, skip_blank(text, body))
    found.calls.append(ToolCall(name, arguments_of(value, name)))
    end = skip_blank(text, end)
    if end < len(text) and _BODY_END.match(text, end) is None:
        raise MalformedError(f"call {len(found.calls)} is not closed by {_ENDS[0]}")
    return end


def _closed(text: str, position: int) -> int:
    ending = next((one for one in _ENDS if text.startswith(one, position)), "")
    return position + len(ending)


def _bare(text: str) -> Found:
    """Messages whose marks a decoder has dropped.

    Raises:
        MalformedError: There are marks, and no message.
    """
    found = Found()
    position = 0
    while (match := _BARE.search(text, position)) is not None:
        found.outside(text[position : match.start()])
        value, position = decode_at(text, match.end())
        found.calls.append(ToolCall(match[1], arguments_of(value, match[1])))
    if not found.calls and (_BODY_END.search(text) or _TO.search(text)):
        raise MalformedError(f"no {MESSAGE} follows a header")
    found.outside(text[position:])
    return found
