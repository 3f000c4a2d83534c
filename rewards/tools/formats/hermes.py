"""`<tool_call>{"name": ..., "arguments": {...}}</tool_call>`, any number of them: Hermes, Qwen.

Granite 3.1 writes `<tool_call>[{...}, {...}]`, and no closing tag after its list.
"""

from rewards.tools.formats.found import Found, Offered, skip_blank
from rewards.tools.shapes import call_of
from rewards.tools.strict_json import MalformedError, decode_at

OPEN, CLOSE = "<tool_call>", "</tool_call>"


def parse(text: str, offered: Offered) -> Found:
    """Read every block.

    Raises:
        MalformedError: One is broken, or the last is not closed.
    """
    found = Found()
    position = 0
    while (start := text.find(OPEN, position)) >= 0:
        found.outside(text[position:start])
        inside = skip_blank(text, start + len(OPEN))
        value, end = decode_at(text, inside)
        found.calls.extend(map(call_of, value) if isinstance(value, list) else [call_of(value)])
        end = skip_blank(text, end)
        is_closed = text.startswith(CLOSE, end)
        if not is_closed and not (isinstance(value, list) and end == len(text)):
            raise MalformedError(f"call {len(found.calls)} is not closed by {CLOSE}")
        position = end + len(CLOSE) if is_closed else end
    rest = text[position:]
    if CLOSE in rest:
        raise MalformedError(f"{CLOSE} closes a call that was not opened")
    found.outside(rest)
    return found
