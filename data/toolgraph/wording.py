"""A plan in words: what a person asks for, at once or turn by turn.

Guarantee: every value that the person has to say stands in the words as the call has it; what comes
from an earlier result is named by what it is.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from data.toolgraph.api import Language
from data.toolgraph.plans import Plan, Planned, Taken

_OPENINGS: Final[Mapping[Language, tuple[str, ...]]] = {
    "en": ("Please {}.", "I need you to {}.", "Could you {}?", "{}."),
    "zh": ("请{}。", "请帮我{}。", "能否{}？", "麻烦你{}。"),
}
_JOINTS: Final[Mapping[Language, tuple[str, str]]] = {
    "en": (", and also ", ", then "),
    "zh": ("，并且", "，然后"),
}
_TAKEN: Final[Mapping[Language, str]] = {"en": "the {} you got", "zh": "得到的{}"}
_REPLIES: Final[Mapping[Language, str]] = {"en": "Done: {}.", "zh": "已完成：{}。"}


def asked_at_once(plan: Plan, language: Language, manner: int) -> str:
    """The whole task in one message.

    Args:
        plan: what is to be done.
        language: of the words.
        manner: chooses the opening.
    """
    _, after = _JOINTS[language]
    return _opened(after.join(_step(step, language) for step in plan), language, manner)


def asked_in_turn(plan: Plan, language: Language, manner: int) -> list[str]:
    """A message for each step."""
    return [_opened(_step(step, language), language, manner + at) for at, step in enumerate(plan)]


def reply(results: Sequence[Mapping[str, Any]], language: Language) -> str:
    """What the assistant says between two turns."""
    said = [f"{name}: {value}" for result in results for name, value in result.items()]
    return _REPLIES[language].format(", ".join(said))


def _step(calls: Sequence[Planned], language: Language) -> str:
    also, _ = _JOINTS[language]
    return also.join(_call(call, language) for call in calls)


def _call(call: Planned, language: Language) -> str:
    words = {}
    for name, value in call.arguments.items():
        kind = call.api.parameters[name]
        words[name] = (
            _TAKEN[language].format(kind.words[language])
            if isinstance(value, Taken)
            else str(value)
        )
    return call.api.asks[language].format_map(words)


def _opened(words: str, language: Language, manner: int) -> str:
    openings = _OPENINGS[language]
    opening = openings[manner % len(openings)]
    if opening.startswith("{}"):
        words = words[:1].upper() + words[1:]
    return opening.replace("{}", words)
