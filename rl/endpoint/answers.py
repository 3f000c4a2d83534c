"""A turn of the policy as clients read it: a chat completion, whole or in the pieces of a stream.

Guarantees: nothing is raised, whatever the policy wrote. Calls are given as calls only where all of
them were read; a broken one stays in the text, where nobody runs it. Ids of calls are nine letters
and digits, as Mistral's templates want them, and are functions of the episode's turns alone, so
that equal episodes have equal contexts.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from rewards.thinking import Opened, parted
from rewards.tools import parse_calls
from rl.tokens import LastTurn, Message, Sampled, Stop

MODEL: Final = "policy"
"""The name that the model is served under; requests may say any."""
_PIECE: Final = 512  # characters of a stream's pieces


class Spoken(NamedTuple):
    """What the policy has said last, for graders and records."""

    messages: tuple[Message, ...]
    sampled: Sampled
    opened: Opened | None
    """Whether its prompt ended in an open thinking part."""

    @property
    def last_turn(self) -> LastTurn:
        """As graders know it."""
        return LastTurn(self.sampled.text, self.opened)


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn of the policy, read."""

    number: int
    """Of the episode's turns, from 0."""
    message: Message
    """As clients read it: content without thinking; arguments as objects."""
    followed: Message
    """As templates go on from it: content with thinking, as sampled."""
    thinking: str
    stop: Stop
    prompt_tokens: int
    tokens: int
    version: int
    """Of the policy, at its last token."""

    @property
    def reason(self) -> str:
        """Why it ended, in OpenAI's word."""
        if self.stop == "length":
            return "length"
        return "tool_calls" if self.message.get("tool_calls") else "stop"

    @property
    def usage(self) -> Mapping[str, int]:
        """Its tokens."""
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.tokens,
            "total_tokens": self.prompt_tokens + self.tokens,
        }


def turn_of(
    sampled: Sampled,
    number: int,
    prompt_tokens: int,
    *,
    format: str,
    tools: Sequence[Mapping[str, Any]],
    opened: Opened | None,
) -> Turn:
    """What was sampled, read; see `message_of`."""
    message, followed, thinking = message_of(
        sampled.text, number, format=format, tools=tools, opened=opened
    )
    spans, tokens = sampled.segment.versions, len(sampled.segment.ids)
    version = spans[-1].version if spans else 0
    return Turn(number, message, followed, thinking, sampled.stop, prompt_tokens, tokens, version)


def message_of(
    text: str,
    number: int,
    *,
    format: str,
    tools: Sequence[Mapping[str, Any]],
    opened: Opened | None,
) -> tuple[Message, Message, str]:
    """A turn's text as a message for clients and for templates, and its thinking.

    Args:
        text: What the policy wrote.
        number: Of the turn.
        format: Of its calls, or `auto`.
        tools: Declarations of the tools on offer; without any, nothing is a call.
        opened: Whether its prompt ended in an open thinking part.
    """
    parts = parted(text, opened)
    thinking = (parts.thinking or "").strip()
    said: Message = {"role": "assistant", "content": parts.answer.strip()}
    written: Message = {"role": "assistant", "content": text}
    if not tools:
        return said, written, thinking
    parsed = parse_calls(text, format=format, tools=tools, thinking=opened)
    if parsed.fault is not None or not parsed.calls:
        return said, written, thinking
    calls = [
        {
            "id": _call_id(number, i),
            "type": "function",
            "function": {"name": call.name, "arguments": dict(call.arguments)},
        }
        for i, call in enumerate(parsed.calls)
    ]
    before = _thought(text, parts.answer.strip())
    said = {**said, "content": parsed.text.strip(), "tool_calls": calls}
    return said, {**said, "content": f"{before}{parsed.text}"}, thinking


def _thought(text: str, answer: str) -> str:
    """The thinking part of a text, with its marks and the space behind it."""
    return text[: text.rstrip().rfind(answer)] if answer else text


def _call_id(turn: int, call: int) -> str:
    return hashlib.blake2b(f"{turn}/{call}".encode(), digest_size=5).hexdigest()[:9]


def completion(turn: Turn, created: int) -> dict[str, Any]:
    """The whole answer to a request that is not streamed; `created` in seconds of Unix time."""
    message: dict[str, Any] = {"role": "assistant", "content": turn.message["content"] or None}
    if turn.thinking:
        message["reasoning_content"] = turn.thinking
    if turn.message.get("tool_calls"):
        message["tool_calls"] = [_written(call) for call in turn.message["tool_calls"]]
    elif message["content"] is None:
        message["content"] = ""
    choice = {"index": 0, "message": message, "finish_reason": turn.reason, "logprobs": None}
    return {
        **_head(turn.number, created, "chat.completion", turn.version),
        "choices": [choice],
        "usage": turn.usage,
    }


def opening(number: int, created: int) -> dict[str, Any]:
    """The first piece of a stream, before anything is sampled."""
    return _chunk(number, created, {"role": "assistant", "content": ""})


def pieces(turn: Turn, created: int, *, with_usage: bool) -> Iterator[dict[str, Any]]:
    """The other pieces of a stream."""
    for name, text in (
        ("reasoning_content", turn.thinking),
        ("content", turn.message["content"]),
    ):
        for first in range(0, len(text), _PIECE):
            yield _chunk(turn.number, created, {name: text[first : first + _PIECE]})
    for i, call in enumerate(turn.message.get("tool_calls", ())):
        written = {"index": i, **_written(call)}
        arguments = written["function"]["arguments"]
        start = {**written, "function": {**written["function"], "arguments": ""}}
        yield _chunk(turn.number, created, {"tool_calls": [start]})
        for first in range(0, len(arguments), _PIECE):
            part = {"index": i, "function": {"arguments": arguments[first : first + _PIECE]}}
            yield _chunk(turn.number, created, {"tool_calls": [part]})
    yield _chunk(turn.number, created, {}, turn.reason)
    if with_usage:
        head = _head(turn.number, created, "chat.completion.chunk", turn.version)
        yield {**head, "choices": [], "usage": turn.usage}


def _chunk(
    number: int, created: int, delta: Mapping[str, Any], reason: str | None = None
) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": reason, "logprobs": None}
    return {**_head(number, created, "chat.completion.chunk"), "choices": [choice]}


def _head(number: int, created: int, kind: str, version: int | None = None) -> dict[str, Any]:
    head = {"id": f"chatcmpl-{number}", "object": kind, "created": created, "model": MODEL}
    return head if version is None else {**head, "system_fingerprint": f"version-{version}"}


def _written(call: Mapping[str, Any]) -> dict[str, Any]:
    """A call with its arguments as JSON text."""
    function = call["function"]
    arguments = json.dumps(function["arguments"], ensure_ascii=False)
    return {**call, "function": {"name": function["name"], "arguments": arguments}}
