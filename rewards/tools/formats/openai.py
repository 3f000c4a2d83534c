"""`{"tool_calls": [{"function": {"name", "arguments"}}]}`, or the list alone: OpenAI's message.

The arguments are an object or its JSON text. The whole text is the message.
"""

from rewards.tools.formats.found import Found, Offered, nothing, whole
from rewards.tools.shapes import function_call, is_function
from rewards.tools.strict_json import MalformedError, loads

KEY = "tool_calls"


def parse(text: str, offered: Offered) -> Found:
    """Read the message.

    Raises:
        MalformedError: It has `tool_calls` that are broken.
    """
    stripped = text.strip()
    try:
        value = loads(stripped)
    except MalformedError:
        if stripped.startswith(("{", "[")) and f'"{KEY}"' in stripped:
            raise
        return nothing(text)
    if isinstance(value, dict) and KEY in value:
        items = value[KEY]
        if items is None:
            return nothing(text)
        if not isinstance(items, list):
            raise MalformedError(f'"{KEY}" is no list')
        content = value.get("content")
        found = whole(text, map(function_call, items))
        found.outside(content if isinstance(content, str) else "")
        return found
    items = value if isinstance(value, list) else [value]
    if not items or not any(is_function(item) for item in items):
        return nothing(text)
    return whole(text, map(function_call, items))
