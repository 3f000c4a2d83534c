"""Conversations as data sets write them: `role` and `content`, or ShareGPT's `from` and `value`.

Guarantee: what comes out are chat messages; the calls that an assistant wrote as text become
`tool_calls`, as chat templates read them, so that each model sees them in its own notation.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from data.errors import RowError
from data.files import Row
from data.formats.fields import sequence, wrong
from data.messages import ROLES
from rewards.tools import parse_calls

Message = dict[str, Any]
_ROLES: Final = {
    **{role: role for role in ROLES},
    "human": "user",
    "gpt": "assistant",
    "model": "assistant",
    "function": "tool",
    "function_response": "tool",
    "observation": "tool",
    "ipython": "tool",
}


def turns_of(row: Row, name: str) -> list[Message]:
    """The messages of a column; raises RowError where one is none."""
    found = []
    for one in sequence(row, name, row.columns.get(name)):
        if not isinstance(one, Mapping):
            raise wrong(row, name, one, "a message")
        said = one.get("role", one.get("from"))
        role = _ROLES.get(said) if isinstance(said, str) else None
        content = one.get("content", one.get("value"))
        calls = one.get("tool_calls")
        if role is None or not (isinstance(content, str) or (calls and content is None)):
            raise wrong(row, name, one, 'a message {"role", "content"} or {"from", "value"}')
        message: Message = {"role": role, "content": content or ""}
        if calls:
            message["tool_calls"] = calls
        found.append(message)
    if not found:
        raise wrong(row, name, found, "messages")
    return found


def requests(turns: Sequence[Message]) -> Iterator[tuple[Sequence[Message], Message]]:
    """Each answer to a user, with the messages before it."""
    for place, message in enumerate(turns):
        if message["role"] == "assistant" and place and turns[place - 1]["role"] == "user":
            yield turns[:place], message


def calls_of(
    row: Row, message: Message, tools: Sequence[Mapping[str, Any]], format: str = "auto"
) -> list[dict[str, Any]]:
    """The calls of an assistant's message: those stated, else those written in its text.

    Raises:
        RowError: a call was attempted that cannot be read.
    """
    stated = message.get("tool_calls")
    if stated:
        return [_stated(row, one) for one in stated]
    parsed = parse_calls(message["content"], format=format, tools=tools)
    if parsed.fault is not None:
        raise RowError(
            f"{row.where}: a call of the assistant cannot be read: {parsed.fault}; remove the row"
        )
    return [{"name": call.name, "arguments": dict(call.arguments)} for call in parsed.calls]


def with_calls(
    row: Row,
    turns: Sequence[Message],
    tools: Sequence[Mapping[str, Any]],
    format: str = "auto",
) -> list[Message]:
    """`turns`, where what the assistant called is `tool_calls` instead of text."""
    changed = []
    for message in turns:
        calls = calls_of(row, message, tools, format) if message["role"] == "assistant" else []
        if calls:
            functions = [{"type": "function", "function": call} for call in calls]
            changed.append({"role": "assistant", "content": "", "tool_calls": functions})
        else:
            changed.append(message)
    return changed


def _stated(row: Row, call: Any) -> dict[str, Any]:
    function = call.get("function", call) if isinstance(call, Mapping) else None
    if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
        raise wrong(row, "tool_calls", call, '{"function": {"name", "arguments"}}')
    arguments = function.get("arguments", {})
    return {"name": function["name"], "arguments": arguments}
