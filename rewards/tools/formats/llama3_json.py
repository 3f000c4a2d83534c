"""`{"name": ..., "parameters": {...}}`, perhaps after `<|python_tag|>`: Llama 3.

Several are parted by `;`, by `,` or by white space.
Llama's own tools are called as in Python after the tag, `brave_search.call(query="...")`.
"""

import re
from typing import Final

from rewards.tools.formats import pythonic
from rewards.tools.formats.found import Found, Offered, nothing, skip_blank
from rewards.tools.shapes import call_of, is_named
from rewards.tools.strict_json import MalformedError, decode_at

TAG = "<|python_tag|>"
_LIST: Final = re.compile(r"\s{0,64}\[\s{0,64}\{")


def parse(text: str, offered: Offered) -> Found:
    """Read the objects after the tag, or those that the text begins with.

    Raises:
        MalformedError: There is a tag, or a call begins, and no call can be read.
    """
    before, tag, rest = text.partition(TAG)
    rest = rest if tag else text
    start = skip_blank(rest, 0)
    if not rest.startswith("{", start):
        return _tagged(before, rest, offered) if tag else nothing(text)
    found = Found()
    if tag:
        found.outside(before)
    while True:
        try:
            value, end = decode_at(rest, start)
        except MalformedError:
            if tag or found.calls or '"name"' in rest[:200]:
                raise
            return nothing(text)
        if not tag and not found.calls and not is_named(value):
            return nothing(text)
        found.calls.append(call_of(value, text_arguments=True))
        start = skip_blank(rest, end)
        is_parted = rest.startswith(";", start)
        if rest.startswith((";", ","), start):
            start = skip_blank(rest, start + 1)
        if start == len(rest) or not (is_parted or rest.startswith("{", start)):
            break
    found.outside(rest[end:].lstrip("; \n"))
    return found


def _tagged(before: str, rest: str, offered: Offered) -> Found:
    """Read a list of objects after the tag, or what is called there as in Python.

    Raises:
        MalformedError: It is neither.
    """
    found = Found()
    found.outside(before)
    if _LIST.match(rest) is None:
        found.calls.extend(pythonic.calls_in(rest, offered))
        return found
    values, end = decode_at(rest, skip_blank(rest, 0))
    found.calls.extend(call_of(value, text_arguments=True) for value in values)
    found.outside(rest[end:].lstrip("; \n"))
    return found
