"""JSON calls in fenced blocks: three backticks and `json`, `tool_call`, or nothing after them."""

import re
from collections.abc import Iterator

from rewards.tools.formats import json_calls
from rewards.tools.formats.found import Found, Offered, nothing
from rewards.tools.strict_json import MalformedError, loads

TAGS = frozenset({"", "json", "tool_call", "tool_calls", "tool"})
_FENCE = re.compile(r"^[ \t]{0,8}(?:```|~~~)[ \t]{0,8}(\w{0,32})[ \t\r]{0,8}$", re.MULTILINE)


def parse(text: str, offered: Offered, *, any_key: bool = True) -> Found:
    """Read every block that holds calls; `any_key` as in `json_calls.parse`.

    Raises:
        MalformedError: A block attempts a call, and is broken.
    """
    found = Found()
    position = 0
    for start, end, source in _blocks(text):
        try:
            calls = json_calls.calls_in(loads(source), offered, any_key=any_key)
        except MalformedError:
            if json_calls.attempts(source, offered):
                raise
            calls = ()
        if calls:
            found.outside(text[position:start])
            found.at(start, end, calls)
            position = end
    if not found.calls:
        return nothing(text)
    found.outside(text[position:])
    return found


def _blocks(text: str) -> Iterator[tuple[int, int, str]]:
    """Where each block that may hold calls begins and ends, and what is in it."""
    opening: re.Match[str] | None = None
    for match in _FENCE.finditer(text):
        if opening is None:
            opening = match
        elif not match[1]:
            if opening[1].lower() in TAGS:
                yield opening.start(), match.end(), text[opening.end() : match.start()]
            opening = None
    if opening is not None and opening[1].lower() in TAGS - {""}:
        yield opening.start(), len(text), text[opening.end() :]
