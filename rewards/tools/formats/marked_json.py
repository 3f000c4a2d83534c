"""JSON calls between marks of a family's own: `<tool_calls>[{...}]</tool_calls>` and its like.

What stands between is an object, several in a row or a list of them, each with a name and
arguments, or BFCL's `{"f": {...}}` where the family writes that.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any, Final

from rewards.tools.formats.found import Found, Offered, skip_blank
from rewards.tools.shapes import (
    ARGUMENTS,
    call_of,
    function_call,
    is_function,
    is_keyed,
    keyed_call,
)
from rewards.tools.strict_json import MalformedError, decode_at
from rewards.tools.types import ToolCall


@dataclass(frozen=True, slots=True)
class Marks:
    """What stands around the calls of a family.

    Attributes:
        opening: What stands before them, as a regular expression.
        closing: What stands after them; empty: nothing does.
        is_closed: Whether the closing mark has to be there. Where it is what a model stops at, it
            is not in the text.
        is_keyed: Whether a call is `{"f": {...}}`.
        arguments: The keys that hold the arguments of a call.
    """

    opening: str
    closing: str = ""
    is_closed: bool = True
    is_keyed: bool = False
    arguments: tuple[str, ...] = ARGUMENTS


FAMILIES: Final[Mapping[str, Marks]] = MappingProxyType(
    {
        "hunyuan": Marks(r"<tool_calls>", "</tool_calls>"),
        "granite": Marks(r"<\|tool_call\|>|<function_call>", r"<\|/tool_call\|>|</function_call>",
                         is_closed=False),
        "phi4": Marks(r"functools(?=\[)"),
        "internlm": Marks(r"<\|action_start\|>\s{0,8}<\|(?:plugin|interpreter)\|>",
                          r"<\|action_end\|>", is_closed=False),
        "apertus": Marks(r"<\|tools_prefix\|>", r"<\|tools_suffix\|>", is_closed=False,
                         is_keyed=True),
        "cohere": Marks(r"<\|START_ACTION\|>", r"<\|END_ACTION\|>"),
        "nemotron": Marks(r"<TOOLCALL>", "</TOOLCALL>"),
        "longcat": Marks(r"<longcat_tool_call>", "</longcat_tool_call>"),
        "gigachat": Marks(r"<\|function_call\|>|function call<\|role_sep\|>\n"),
        "inkling": Marks(r"<\|content_invoke_tool_json\|>", r"<\|end_message\|>",
                         is_closed=False, arguments=("args",)),
    }
)  # fmt: skip
"""The families by the name of their format: Hunyuan A13B, Jamba and MiniMax M1; Granite 3 and 20B;
Phi 4 and Firefunction; InternLM; Apertus; Cohere's Command; Llama-Nemotron; ..."""
_SPOKEN: Final = re.compile(r"<\|(?:START|END)_(?:RESPONSE|TEXT|THINKING|OF_TURN_TOKEN)\|>")


def parse(text: str, offered: Offered, *, family: str) -> Found:
    """Read what follows each opening mark.

    Raises:
        MalformedError: It is no call, or is not closed.
    """
    marks = FAMILIES[family]
    found = Found()
    position = 0
    for opening in re.finditer(marks.opening, text):
        if opening.start() < position:
            continue  # it stands in an argument of the call before it
        found.outside(text[position : opening.start()])
        calls, position = _values(text, opening.end(), marks)
        found.calls.extend(calls)
        position = _closed(text, position, marks, opening[0])
    found.outside(text[position:])
    if family == "cohere":
        found.pieces = [_spoken(piece) for piece in found.pieces]
    return found


def _spoken(text: str) -> str:
    """What Cohere's model says, without the thinking before it and the marks around it."""
    thinking, ended, after = text.partition("<|END_THINKING|>")
    return _SPOKEN.sub("", after if ended else thinking)


def _values(text: str, start: int, marks: Marks) -> tuple[list[ToolCall], int]:
    """The calls from `start` on, and where they end."""
    calls: list[ToolCall] = []
    end = start
    while text.startswith(("{", "["), at := skip_blank(text, end)) or not calls:
        value, end = decode_at(text, at)
        items = value if isinstance(value, list) else [value]
        calls += [_call(item, marks) for item in items]
        if not items:
            break
    return calls, end


def _call(item: Any, marks: Marks) -> ToolCall:
    if marks.is_keyed and is_keyed(item, None):
        return keyed_call(item)
    if is_function(item):
        return function_call(item)
    return call_of(item, text_arguments=True, keys=marks.arguments)


def _closed(text: str, end: int, marks: Marks, opening: str) -> int:
    if not marks.closing:
        return end
    at = skip_blank(text, end)
    closing = re.compile(marks.closing).match(text, at)
    if closing is not None:
        return closing.end()
    if marks.is_closed:
        raise MalformedError(f"what follows {opening} is not closed")
    return end


PARSERS: Final = MappingProxyType({name: partial(parse, family=name) for name in FAMILIES})
