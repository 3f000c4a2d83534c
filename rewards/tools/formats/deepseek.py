"""DeepSeek's calls: V3 and R1 (`function`, the name, a fenced object), and V3.1 (name, object).

V3: `<|tool▁call▁begin|>function<|tool▁sep|>name` + a fenced JSON object + `<|tool▁call▁end|>`;
V3.1: `<|tool▁call▁begin|>name<|tool▁sep|>{...}<|tool▁call▁end|>`; the bars are full-width ones.
"""

from rewards.tools.formats.found import Found, Offered, skip_blank
from rewards.tools.shapes import arguments_of
from rewards.tools.strict_json import MalformedError, decode_at
from rewards.tools.types import ToolCall

ALL_BEGIN, ALL_END = "<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>"
BEGIN, SEPARATOR, END = "<｜tool▁call▁begin｜>", "<｜tool▁sep｜>", "<｜tool▁call▁end｜>"
FENCE = "```json"
_NAME_ROOM = 300  # characters that a name may have before its fence


def parse(text: str, offered: Offered) -> Found:
    """Read every call.

    Raises:
        MalformedError: One is broken or not closed, or there is none between the outer marks.
    """
    found = Found()
    position = 0
    while (start := text.find(BEGIN, position)) >= 0:
        found.outside(text[position:start].replace(ALL_BEGIN, ""))
        end = text.find(SEPARATOR, start)
        if end < 0:
            raise MalformedError(f"call {len(found.calls) + 1} has no {SEPARATOR}")
        name = text[start + len(BEGIN) : end].strip()
        inside = end + len(SEPARATOR)
        if name == "function" and (fence := text.find(FENCE, inside, inside + _NAME_ROOM)) >= 0:
            name, inside = text[inside:fence].strip(), fence + len(FENCE)
        if not name:
            raise MalformedError(f"call {len(found.calls) + 1} has no name")
        value, end = decode_at(text, skip_blank(text, inside))
        found.calls.append(ToolCall(name, arguments_of(value, name)))
        end = skip_blank(text, end)
        if text.startswith("```", end):
            end = skip_blank(text, end + 3)
        if not text.startswith(END, end):
            raise MalformedError(f"call {len(found.calls)} is not closed by {END}")
        position = end + len(END)
    rest = text[position:]
    if not found.calls and ALL_BEGIN in rest:
        raise MalformedError(f"no call follows {ALL_BEGIN}")
    found.outside(rest.replace(ALL_END, "").replace(ALL_BEGIN, ""))
    return found
