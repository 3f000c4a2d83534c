"""Whether a request goes on from what was recorded: messages compared as clients send them back.

Clients write anew what they were given: keys in another order, arguments without spaces, an `index`
more, outer space gone, thinking left out. So calls are compared by id, name and parsed arguments,
everything else by its text without outer space, and tools as JSON values.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from rl.tokens import Message

Key = tuple[str, ...]
"""What two messages have in common that count as one."""


def key_of(message: Message) -> Key:
    """What a message is known by."""
    calls = message.get("tool_calls")
    if calls:
        called = [
            (call["id"], call["function"]["name"], canonical(call["function"]["arguments"]))
            for call in calls
        ]
        return ("assistant calls", *(part for call in called for part in call))
    return (
        message["role"],
        message.get("name") or "",
        message.get("tool_call_id") or "",
        message["content"].strip(),
    )


def keys_of(messages: Sequence[Message]) -> tuple[Key, ...]:
    """Of each message."""
    return tuple(key_of(message) for message in messages)


def canonical(value: Any) -> str:
    """A JSON value as text that does not depend on the order of keys or on spaces."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def key_of_tools(tools: Sequence[Mapping[str, Any]]) -> str:
    """What a list of declarations is known by; their order counts, as it is rendered."""
    return canonical(list(tools))


def characters_of(message: Message) -> int:
    """How many characters of a message are going to be encoded."""
    return len(message["content"]) + len(canonical(message.get("tool_calls") or ""))
