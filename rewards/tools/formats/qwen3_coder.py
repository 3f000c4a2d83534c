"""`<function=name><parameter=x>value</parameter></function>`: Qwen3-Coder, Nemotron 3, Step 3.5.

`<tool_call>` may stand around it, Seed-OSS has `<seed:tool_call>`. A value is text; what it stands
for is said by the tool's declaration (`rewards.tools.written`).
`<function=name>{...}</function>`, the form of Llama 3.1 and Functionary, is read too.
"""

import re
from typing import Final

from rewards.tools.formats.elements import Tags, parameters
from rewards.tools.formats.found import Found, Offered, skip_blank
from rewards.tools.shapes import arguments_of
from rewards.tools.strict_json import MalformedError, decode_at
from rewards.tools.types import ToolCall
from rewards.tools.written import written_call

CLOSE: Final = "</function>"
_OPEN: Final = re.compile(r"<function=\s{0,8}([^<>\n]{1,256}?)\s{0,8}>")
_TAGS: Final = Tags.of(
    r"<parameter=(?P<name>[^<>\n]{1,256})>", "</parameter>", "</function>", follows=r"</tool_call>"
)
_WRAPPING: Final = re.compile(r"</?(?:seed:)?tool_call>")


def parse(text: str, offered: Offered) -> Found:
    """Read every function.

    Raises:
        MalformedError: One is broken or not closed.
    """
    found = Found()
    position = 0
    while (start := text.find("<function=", position)) >= 0:
        found.outside(_WRAPPING.sub("", text[position:start]))
        opening = _OPEN.match(text, start)
        if opening is None:
            raise MalformedError(f"call {len(found.calls) + 1} has no name")
        call, position = _call(text, opening, offered)
        found.calls.append(call)
    if not found.calls and _WRAPPING.search(text):
        raise MalformedError("no call follows <tool_call>")
    found.outside(_WRAPPING.sub("", text[position:]))
    return found


def _call(text: str, opening: re.Match[str], offered: Offered) -> tuple[ToolCall, int]:
    name, inside = opening[1].strip("'\""), skip_blank(text, opening.end())
    if not text.startswith("{", inside):
        found, end = parameters(text, inside, name, _TAGS)
        texts = {key: one.text for key, one in found.items()}
        return written_call(name, texts, offered.get(name)), end
    value, end = decode_at(text, inside)
    end = skip_blank(text, end)
    if not text.startswith(CLOSE, end):
        raise MalformedError(f"the call of {name[:80]!r} is not closed by {CLOSE}")
    return ToolCall(name, arguments_of(value, name)), end + len(CLOSE)
