"""What a method of an environment gave, and the kinds of what can go wrong with a call."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

Wrong = Literal["malformed", "unknown", "arguments", "raised", "late", "too_many"]
KINDS: Final[tuple[Wrong, ...]] = (
    "malformed", "unknown", "arguments", "raised", "late", "too_many"
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Answer:
    """What a method of an environment gave."""

    text: str
    reward: float = 0.0
    done: bool = False
    error: str = ""
    """Of `KINDS`; empty: nothing went wrong."""
    seconds: float = 0.0
    tools: Sequence[Mapping[str, Any]] = ()
    """Declarations of those that are on offer from now on, beside the others."""


def answer_of(given: Any) -> Answer:
    """What a method returned: words, anything else as JSON, or an object with a `text` and perhaps
    `reward`, `done` and, where rows bring the tools, further `tools`.
    """
    if isinstance(given, str):
        return Answer(given)
    text = getattr(given, "text", None)
    if isinstance(text, str):
        reward, done = getattr(given, "reward", 0.0), getattr(given, "done", False)
        tools = getattr(given, "tools", ())
        earned = 0.0 if reward is None else float(reward)
        return Answer(text, earned, bool(done), tools=tuple(tools))
    try:
        return Answer(json.dumps(given, ensure_ascii=False))
    except (TypeError, ValueError, RecursionError):
        return Answer(str(given))
