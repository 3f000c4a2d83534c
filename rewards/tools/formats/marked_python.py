"""Calls as in Python between marks of a family's own.

Olmo 3 writes a call a line, `<function_calls>f(a=1)</function_calls>`; LFM 2 writes a list,
`<|tool_call_start|>[f(a=1)]<|tool_call_end|>`, and MiniCPM 3 a block of code between these.
"""

import re
from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import Final

from rewards.tools.formats.found import Found, Offered
from rewards.tools.formats.python_reader import MAX_LENGTH, Reader, odd_names
from rewards.tools.strict_json import MalformedError

_FENCE: Final = re.compile(r"\s{0,64}```(?:python)?\s{0,64}\n")
MARKS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "olmo3": ("<function_calls>", "</function_calls>"),
        "lfm2": ("<|tool_call_start|>", "<|tool_call_end|>"),
    }
)


def parse(text: str, offered: Offered, *, family: str) -> Found:
    """Read what stands between the marks.

    Raises:
        MalformedError: It is no calls, or is not closed.
    """
    opening, closing = MARKS[family]
    found = Found()
    position = 0
    while (start := text.find(opening, position)) >= 0:
        found.outside(text[position:start])
        inside = start + len(opening)
        fence = _FENCE.match(text, inside)
        inside = fence.end() if fence else inside
        reader = Reader(text[inside : inside + MAX_LENGTH], odd_names(offered), spaced=not offered)
        calls = reader.statements(until="```" if fence else closing)
        if fence and reader.statements(until=closing):
            raise MalformedError(f"a call follows the block in {opening}")
        if not calls:
            raise MalformedError(f"no call follows {opening}")
        found.calls.extend(calls)
        position = inside + reader.at
    found.outside(text[position:])
    return found


PARSERS: Final = MappingProxyType({name: partial(parse, family=name) for name in MARKS})
