"""`<|tool_call_begin|>functions.f:0<|tool_call_argument_begin|>{"a": 1}<|tool_call_end|>`: Kimi K2.

`<|tool_calls_section_begin|>` and its end stand around the calls. Where a decoder has dropped the
marks, `functions.f:0{"a": 1}` is left, which is read too.
"""

import re
from typing import Final

from rewards.tools.formats.found import Found, Offered, skip_blank
from rewards.tools.shapes import arguments_of
from rewards.tools.strict_json import MalformedError, decode_at
from rewards.tools.types import ToolCall

SECTION: Final = "<|tool_calls_section_begin|>"
BEGIN, ARGUMENTS, END = "<|tool_call_begin|>", "<|tool_call_argument_begin|>", "<|tool_call_end|>"
_ID: Final = re.compile(r"\s{0,64}(?:functions\.)?([^\s:<>{}]{1,256}):\d{1,9}\s{0,64}")
_BARE: Final = re.compile(r"functions\.([^\s:<>{}]{1,256}):\d{1,9}\s{0,64}(?=\{)")
_WRAPPING: Final = re.compile(r"<\|tool_calls_section_(?:begin|end)\|>")


def parse(text: str, offered: Offered) -> Found:
    """Read every call.

    Raises:
        MalformedError: One is broken, or there is none in a section.
    """
    if SECTION not in text and BEGIN not in text:
        return _bare(text)
    found = Found()
    position = 0
    while (start := text.find(BEGIN, position)) >= 0:
        found.outside(_WRAPPING.sub("", text[position:start]))
        match = _ID.match(text, start + len(BEGIN))
        if match is None or not text.startswith(ARGUMENTS, match.end()):
            raise MalformedError(f"call {len(found.calls) + 1} has no id such as functions.f:0")
        value, end = decode_at(text, skip_blank(text, match.end() + len(ARGUMENTS)))
        found.calls.append(ToolCall(match[1], arguments_of(value, match[1])))
        end = skip_blank(text, end)
        if not text.startswith(END, end):
            raise MalformedError(f"call {len(found.calls)} is not closed by {END}")
        position = end + len(END)
    if not found.calls:
        raise MalformedError(f"no call follows {SECTION}")
    found.outside(_WRAPPING.sub("", text[position:]))
    return found


def _bare(text: str) -> Found:
    """Calls whose marks a decoder has dropped."""
    found = Found()
    position = 0
    while (match := _BARE.search(text, position)) is not None:
        found.outside(text[position : match.start()])
        value, position = decode_at(text, match.end())
        found.calls.append(ToolCall(match[1], arguments_of(value, match[1])))
    found.outside(text[position:])
    return found
