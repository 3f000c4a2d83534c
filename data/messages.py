"""Turning what a source holds into chat messages, with the wording a user wants around it.

A prompt ends before the answer: the last message is never the assistant's. An earlier message of
the assistant may have `tool_calls`; their arguments become objects, as chat templates want them.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from data.errors import RowError, SourceError
from data.tools import without_nulls
from data.words import words_of

Messages = tuple[Mapping[str, Any], ...]

ROLES: Final = ("system", "developer", "user", "assistant", "tool")

_TEMPLATE_PARTS: Final = re.compile(r"\{\{|\}\}|\{prompt\}")


@dataclass(frozen=True, slots=True)
class Wording:
    r"""What is put around every prompt.

    Attributes:
        system: a system message to begin with.
        template: text around the last user message. `{prompt}` stands for it, `{{` and `}}` for
            single braces, and everything else for itself, so that both `\boxed{{}}` and `\boxed{}`
            give `\boxed{}`. Nothing in a prompt is ever interpreted.
    """

    system: str | None = None
    template: str | None = None

    def __post_init__(self) -> None:
        if self.template is not None and "{prompt}" not in _TEMPLATE_PARTS.findall(self.template):
            raise SourceError(
                f"the template {self.template!r} has no place for the prompt; "
                "put {prompt} where it belongs"
            )

    def around(self, messages: Messages, where: str) -> Messages:
        """Dress the messages of the row at `where`."""
        if self.template is not None:
            messages = self._fill(messages, where)
        if self.system is None:
            return messages
        if messages[0]["role"] == "system":
            raise RowError(
                f"{where}: already begins with a system message; unset the system option, "
                "or remove the message from the data"
            )
        return ({"role": "system", "content": self.system}, *messages)

    def _fill(self, messages: Messages, where: str) -> Messages:
        *before, last = messages
        if last["role"] != "user":
            raise RowError(
                f"{where}: ends with a message of role {last['role']!r}, which the template "
                "cannot go around; unset the template option for this data"
            )
        meaning = {"{{": "{", "}}": "}", "{prompt}": last["content"]}
        content = _TEMPLATE_PARTS.sub(lambda part: meaning[part[0]], self.template or "")
        return (*before, {**last, "content": content})


def as_messages(value: Any, where: str, column: str) -> Messages:
    """Make messages of a prompt column: text is one user message, a list is a conversation.

    Raises:
        RowError: the value is neither, is empty, or does not end where the answer begins.
    """
    if isinstance(value, str):
        value = [{"role": "user", "content": value}]
    if not isinstance(value, list) or not value:
        raise RowError(
            f"{where}: column {column!r} holds {_shown(value)}; a prompt is text, or a list of "
            'messages like {"role": "user", "content": "..."}; mend it or set prompt_column'
        )
    messages = tuple(_message(item, where, column) for item in value)
    if messages[-1]["role"] == "assistant":
        raise RowError(
            f"{where}: column {column!r} ends with a message of the assistant; "
            "remove the answer from the prompt"
        )
    if not messages[-1]["content"].strip():
        raise RowError(f"{where}: the prompt in column {column!r} is empty; remove the row")
    return messages


def _message(item: Any, where: str, column: str) -> Mapping[str, Any]:
    # A parquet list of structs gives every message every key, absent ones as null.
    message = without_nulls(item) if isinstance(item, dict) else {}
    if "content" in message:
        message["content"] = words_of(message["content"], f"{where}: column {column!r}")
    calls = message.pop("tool_calls", None)
    if calls:
        message.setdefault("content", "")
    texts_only = all(isinstance(value, str) for value in message.values())
    if message.get("role") not in ROLES or "content" not in message or not texts_only:
        raise RowError(
            f"{where}: column {column!r} holds {_shown(item)} where a message should be; write "
            f'{{"role": ..., "content": ...}} with text in both and a role of {", ".join(ROLES)}'
        )
    if calls:
        message["tool_calls"] = _tool_calls(calls, where, column)
    return message


def _tool_calls(calls: Any, where: str, column: str) -> list[Mapping[str, Any]]:
    try:
        return [
            {**call, "type": "function", "function": _called(call["function"])} for call in calls
        ]
    except (TypeError, KeyError, ValueError, RecursionError) as error:
        raise RowError(
            f"{where}: column {column!r} holds {_shown(calls)} where tool calls should be; write "
            '[{"type": "function", "function": {"name": ..., "arguments": {...}}}]'
        ) from error


def _called(function: Mapping[str, Any]) -> Mapping[str, Any]:
    arguments = function.get("arguments", {})
    if isinstance(arguments, str):
        arguments = json.loads(arguments)
    if not isinstance(function["name"], str) or not isinstance(arguments, dict):
        raise TypeError("a call has a name and an object of arguments")
    return {**function, "arguments": arguments}


def _shown(value: object, most: int = 60) -> str:
    text = repr(value)
    return text if len(text) <= most else f"{text[:most]}..."
