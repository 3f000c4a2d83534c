"""`[TOOL_CALLS] [{"name", "arguments"}]`, and `[TOOL_CALLS]name[ARGS]{...}`: Mistral, old and new.

The new form may have `[CALL_ID]id` after the name, and may lack `[ARGS]`.
"""

import re

from rewards.tools.formats.found import Found, Offered, skip_blank
from rewards.tools.shapes import arguments_of, call_of
from rewards.tools.strict_json import MalformedError, decode_at
from rewards.tools.types import ToolCall

TAG = "[TOOL_CALLS]"
_NAME = re.compile(r"([\w.\-/]{1,256})\s{0,8}(?:\[CALL_ID\]\s{0,8}\w{0,64}\s{0,8})?(?:\[ARGS\])?")


def parse(text: str, offered: Offered) -> Found:
    """Read what follows each tag.

    Raises:
        MalformedError: It is no call.
    """
    found = Found()
    start = text.find(TAG)
    found.outside(text if start < 0 else text[:start])
    while start >= 0:
        inside = skip_blank(text, start + len(TAG))
        if text.startswith(("[", "{"), inside):
            value, end = decode_at(text, inside)
            items = value if isinstance(value, list) else [value]
            found.calls.extend(call_of(item, text_arguments=True) for item in items)
        else:
            name = _NAME.match(text, inside)
            if name is None:
                raise MalformedError(f"no call follows {TAG}")
            value, end = decode_at(text, skip_blank(text, name.end()))
            found.calls.append(ToolCall(name[1], arguments_of(value, name[1])))
        start = text.find(TAG, end)
        between = text[end:] if start < 0 else text[end:start]
        if "[ARGS]" in between:
            raise MalformedError(f"a call without {TAG} follows call {len(found.calls)}")
        found.outside(between)
    return found
