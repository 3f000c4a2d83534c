"""Chats and declarations of tools as OpenAI's protocol wants them, and calls as records have them.

Guarantees: a tool's name that the protocol does not take, such as `math.factorial`, is sent under
another and comes back as it was. Types are JSON Schema's. Nothing that a model wrote is evaluated.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from data.asking.answers import Answer
from rewards.judge.replies import Choice
from rewards.tools import parse_calls
from rewards.tools.errors import ToolsError
from rewards.tools.offered import function_of
from rewards.tools.schema import json_schema

_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_OTHERS: Final = re.compile(r"[^A-Za-z0-9_-]")
_LONGEST: Final = 60


class Offer:
    """The tools on offer in one question.

    Args:
        tools: Declarations as records have them.

    Attributes:
        tools: The same for the protocol.

    Raises:
        ToolsError: One has no name, or its parameters are none.
    """

    def __init__(self, tools: Sequence[Mapping[str, Any]]) -> None:
        self._sent: dict[str, str] = {}
        self._original: dict[str, str] = {}
        self.tools = tuple(self._declared(tool) for tool in tools)

    def name_in_record(self, name: str) -> str:
        """A tool's name as the record has it."""
        return self._original.get(name, name)

    def name_sent(self, name: str) -> str:
        """A tool's name as the protocol takes it."""
        return self._sent.get(name) or _fitting(name)

    def _declared(self, tool: Mapping[str, Any]) -> dict[str, Any]:
        function = function_of(tool)
        if function is None:
            raise ToolsError("a tool has no name")
        name = str(function["name"])
        sent, number = _fitting(name), 2
        while sent in self._original:
            sent, number = f"{_fitting(name)}_{number}", number + 1
        self._sent.setdefault(name, sent)
        self._original[sent] = name
        said = {"description": function["description"]} if function.get("description") else {}
        return {
            "type": "function",
            "function": {"name": sent, **said, "parameters": json_schema(function)},
        }


def wire_messages(messages: Sequence[Mapping[str, Any]], offer: Offer) -> list[dict[str, Any]]:
    """A chat as the protocol wants it: calls have ids, and results say of which call they are."""
    made: list[dict[str, Any]] = []
    waiting: list[str] = []  # ids of calls whose results come next
    count = 0
    for message in messages:
        sent = dict(message)
        if sent.get("tool_calls"):
            calls = []
            for call in sent["tool_calls"]:
                count += 1
                calls.append(_call(call, call.get("id") or f"call_{count}", offer))
            sent["tool_calls"] = calls
            waiting = [call["id"] for call in calls]
        elif sent.get("role") == "tool" and "tool_call_id" not in sent:
            sent["tool_call_id"] = waiting.pop(0) if waiting else "call_0"
        made.append(sent)
    return made


def answer_of(choice: Choice, offer: Offer, tokens: int) -> Answer:
    """An answer as the rest of Plumb reads it.

    Where the server read no calls, they are looked for in the text: not every server has a parser
    for every model.
    """
    text, fault = choice.text, ""
    calls: tuple[dict[str, Any], ...] = ()
    if offer.tools:
        parsed = parse_calls(
            _as_text(choice),
            format="openai" if choice.calls else "auto",
            tools=offer.tools,
        )
        fault = parsed.fault or ""
        calls = tuple(
            {"name": offer.name_in_record(call.name), "arguments": dict(call.arguments)}
            for call in parsed.calls
        )
        text = choice.text if choice.calls or not calls else parsed.text
    return Answer(
        text=_whole(text),
        calls=calls,
        fault=fault,
        stop_reason="stop" if choice.is_whole else "length",
        tokens=tokens,
        thinking=_whole(choice.thinking),
    )


def _whole(text: str) -> str:
    """`text` without halves of surrogate pairs, which no file could hold."""
    return text.encode("utf-8", "replace").decode()


def _as_text(choice: Choice) -> str:
    """The text from which calls are read: the server's own in OpenAI's form, if any."""
    if not choice.calls:
        return choice.text
    calls = [
        {"type": "function", "function": {"name": name, "arguments": arguments}}
        for name, arguments in choice.calls
    ]
    return json.dumps({"tool_calls": calls})


def _call(call: Mapping[str, Any], id: str, offer: Offer) -> dict[str, Any]:
    function = call["function"]
    arguments = function.get("arguments", {})
    written = arguments if isinstance(arguments, str) else json.dumps(arguments)
    named = {"name": offer.name_sent(function["name"]), "arguments": written}
    return {"id": id, "type": "function", "function": named}


def _fitting(name: str) -> str:
    if _NAME.fullmatch(name):
        return name
    return _OTHERS.sub("_", name)[:_LONGEST] or "_"
