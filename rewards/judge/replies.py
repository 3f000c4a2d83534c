"""What is asked of an endpoint, what came back, and the failures that another try may mend.

Guarantee: `reply_of` gives the text that the model wrote, wherever a server puts it, or raises. An
error object in the place of a completion is an error.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from rewards.judge.errors import RefusedError

BUSY: Final = frozenset({408, 409, 429})  # it is there, and asks to be left alone for a while
LONGEST: Final = 300  # characters of a server's message
_THOUGHT: Final = ("reasoning_content", "reasoning")


class TransientError(Exception):
    """The endpoint did not answer this time.

    Attributes:
        is_busy: Whether it is there, and only refuses for now.
        is_told: Whether it answered that it failed; False: it did not answer.
        retry_after: Seconds that it asks to wait.
    """

    def __init__(
        self,
        message: str,
        *,
        is_busy: bool = False,
        is_told: bool = False,
        retry_after: float = 0.0,
    ) -> None:
        super().__init__(message)
        self.is_busy = is_busy
        self.is_told = is_told
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked.

    Attributes:
        messages: The chat, as OpenAI's protocol writes it.
        schema: The form of the reply; None: any.
        tools: Declarations of tools that may be called, in the same protocol.
        sampling: Fields of this request in place of the settings' own, such as `temperature`,
            `top_p`, `max_tokens`, `seed`, and `n` for several answers.
    """

    messages: Sequence[Mapping[str, Any]]
    schema: Mapping[str, Any] | None = None
    tools: Sequence[Mapping[str, Any]] = ()
    sampling: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the answers in a reply.

    Attributes:
        text: What the model wrote as its answer; empty where it only called.
        thinking: What the server took for reasoning.
        calls: The calls that the server read: names, and arguments as JSON text.
        is_whole: Whether the model ended it; False: it was cut at a limit.
    """

    text: str
    thinking: str = ""
    calls: tuple[tuple[str, str], ...] = ()
    is_whole: bool = True


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back.

    Attributes:
        text: What the model wrote.
        is_whole: Whether the model ended it; False: it was cut at a limit.
        is_thought: Whether the server took the text for reasoning, and left the answer empty.
        is_held: Whether the endpoint keeps to the schema, so that no other form is a reply.
        choices: The answers; `text` is of the first.
        reads_calls: Whether the endpoint was asked to read calls out of what the model writes.
    """

    text: str
    is_whole: bool
    input_tokens: int
    output_tokens: int
    is_thought: bool = False
    is_held: bool = False
    choices: tuple[Choice, ...] = ()
    reads_calls: bool = True


def reply_of(completion: Any, name: str) -> Reply:
    """The reply in what the endpoint called `name` answered with HTTP 200.

    Raises:
        TransientError: There is none this time.
        RefusedError: There will be none.
    """
    _raise_for(getattr(completion, "error", None), name)
    try:
        _raise_for(getattr(completion.choices[0], "error", None), name)
        choices = tuple(_choice(one) for one in completion.choices)
        first = choices[0]
        is_thought = bool(first.thinking) and not first.text.strip() and not first.calls
        usage = completion.usage
        return Reply(
            text=first.thinking if is_thought else first.text,
            is_whole=first.is_whole,
            input_tokens=int(usage.prompt_tokens or 0) if usage else 0,
            output_tokens=int(usage.completion_tokens or 0) if usage else 0,
            is_thought=is_thought,
            choices=choices,
        )
    except (AttributeError, IndexError, TypeError, ValueError) as error:
        raise TransientError(f"{name}: answered with no completion") from error


def _choice(stated: Any) -> Choice:
    message = stated.message
    thoughts = (_text(getattr(message, field, None)) for field in _THOUGHT)
    called = [one.function for one in getattr(message, "tool_calls", None) or ()]
    return Choice(
        text=_text(message.content),
        thinking=next(filter(None, thoughts), ""),
        calls=tuple((str(one.name), _arguments(one.arguments)) for one in called),
        is_whole=stated.finish_reason != "length",
    )


def _arguments(stated: Any) -> str:
    """Arguments as text; some servers write an object, and nothing where there are none."""
    text = stated if isinstance(stated, str) else json.dumps(stated or {})
    return text if text.strip() else "{}"


def failure_of(status: int, line: str, retry_after: float = 0.0) -> TransientError | RefusedError:
    """What a status says of whether another try may help."""
    if status in BUSY or status >= 500:
        busy = status in BUSY
        return TransientError(line, is_busy=busy, is_told=not busy, retry_after=retry_after)
    return RefusedError(line, status=status)


def line_of(error: object) -> str:
    """An error, or what a server said, in one line."""
    text = " ".join(str(error).split())[:LONGEST]
    if not isinstance(error, BaseException):
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _raise_for(error: object, name: str) -> None:
    """Raise for an error object in a body, if it is one."""
    if not error:
        return
    said = error.get("message") if isinstance(error, Mapping) else error
    code = error.get("code") if isinstance(error, Mapping) else None
    line = f"{name}: HTTP 200 with an error: {line_of(said or error)}"
    if isinstance(code, str) and code.isdecimal():
        code = int(code[:4])
    if isinstance(code, int) and code >= 400:
        raise failure_of(code, line)
    raise TransientError(line, is_told=True)


def _text(content: object) -> str:
    """The text of a content, which may come in parts, of which thinking is none."""
    if isinstance(content, list):
        return "".join(str(part.get("text") or "") for part in content if isinstance(part, Mapping))
    return "" if content is None else str(content)
