"""A turn of the policy as a message: what it says, and what it calls.

Guarantees: nothing is raised, whatever was written; the text itself is kept where no call was read.
A call that was attempted and cannot be read is the message's `fault`, in words. Thinking stays in
the content as it was sampled. Ids of calls are those that every chat template takes.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rewards.thinking import Opened, final_part
from rewards.tools import FORMATS, ToolCall, parse_calls
from rl.errors import ConfigError
from rl.tokens import Message

Parse = Callable[[str, Opened | None], Message]


def as_written(text: str, opened: Opened | None = None) -> Message:
    """A turn as a message: its text, whatever it says."""
    return {"role": "assistant", "content": text}


class CallParser:
    """Reads the turns of one episode.

    Args:
        format: A name in `rewards.tools.FORMATS`, or `auto`.
        tools: Declarations of the tools on offer.
        shows_calls: Whether the chat template shows calls; else they stay in the content too.
    """

    def __init__(
        self, format: str, tools: Sequence[Mapping[str, Any]], *, shows_calls: bool = True
    ) -> None:
        self._format = format
        self._tools = tools
        self._shows_calls = shows_calls
        self._number = 0

    def __call__(self, text: str, opened: Opened | None = None) -> Message:
        """The message that a turn's text stands for.

        Args:
            text: What the policy wrote.
            opened: Whether its prompt ended in an open thinking part.
        """
        parsed = parse_calls(text, format=self._format, tools=self._tools, thinking=opened)
        if parsed.fault is not None:
            return {"role": "assistant", "content": text, "fault": parsed.fault}
        if not parsed.calls:
            return {"role": "assistant", "content": text}
        content = f"{_thought(text, opened)}{parsed.text}" if self._shows_calls else text
        return {
            "role": "assistant",
            "content": content,
            "tool_calls": [self._called(call) for call in parsed.calls],
        }

    def _called(self, call: ToolCall) -> Mapping[str, Any]:
        self._number += 1
        made: dict[str, Any] = {
            "id": f"call{self._number % 100_000:05d}",  # nine letters, as Mistral's templates want
            "type": "function",
            "function": {"name": call.name, "arguments": dict(call.arguments)},
        }
        if call.readings:
            made["readings"] = {key: list(values) for key, values in call.readings.items()}
        return made


def _thought(text: str, opened: Opened | None) -> str:
    """The thinking part of a text, with its marks and the space behind it."""
    answer = final_part(text, opened).strip()
    return text[: text.rstrip().rfind(answer)] if answer else text


def chosen_format(setting: str, asked_for: str) -> str:
    """The format that calls are read in.

    Args:
        setting: `episode.call_format`.
        asked_for: The one that the chat template asks for; `auto`: none that is known.
    """
    return asked_for if setting == "template" else setting


def check_format(name: str) -> None:
    """Refuse a format of calls that there is none of.

    Raises:
        ConfigError: Says which there are.
    """
    if name not in ("template", "auto") and name not in FORMATS:
        known = ", ".join(["template", "auto", *FORMATS])
        raise ConfigError(
            f"episode.call_format: there is no format {name!r}; choose one of {known}"
        )


def calls_of(message: Message) -> list[ToolCall]:
    """The calls of a message that a `CallParser` made."""
    return [
        ToolCall(call["function"]["name"], call["function"]["arguments"], call.get("readings", {}))
        for call in message.get("tool_calls", ())
    ]
