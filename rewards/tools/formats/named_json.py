"""A name and a JSON object: Functionary's `>>>f` and `{"a": 1}` in the next line.

Its version 2 writes `<|from|>assistant`, `<|recipient|>f` and `<|content|>{"a": 1}`. What is to
`all` is text. The first `>>>` belongs to the prompt, and may be missing. Where a decoder has
dropped Mistral's or DeepSeek's marks, `f{"a": 1}` is left, which is read too if a text is that.
"""

import re
from typing import Final

from rewards.tools.formats.found import Found, Offered, nothing, skip_blank
from rewards.tools.shapes import arguments_of
from rewards.tools.strict_json import MalformedError, decode_at
from rewards.tools.types import ToolCall

_HEAD: Final = re.compile(
    r">>>([^\s<>{}]{1,256})\n"
    r"|(?:<\|from\|>\s{0,8}assistant\s{0,8})?<\|recipient\|>\s{0,8}([^\s<>{}]{1,256})\s{0,8}"
    r"<\|content\|>"
)
_BARE: Final = re.compile(r"\s{0,64}([^\s<>{}]{1,256}+)\s{0,64}\{\s{0,64}[\"}]")
_STOP: Final = re.compile(r"<\|(?:stop|from)\|>")


def parse(text: str, offered: Offered) -> Found:
    """Read every message.

    Raises:
        MalformedError: A call is broken.
    """
    found = Found()
    position = _first(text, offered, found)
    while (head := _HEAD.search(text, position)) is not None:
        found.outside(_STOP.sub("", text[position : head.start()]))
        name = head[1] or head[2]
        position = head.end() if name == "all" else _called(text, head.end(), name, found)
    found.outside(_STOP.sub("", text[position:]))
    return found


def bare(text: str, offered: Offered) -> Found:
    """Read a text that is the name of a tool on offer and an object, if it is that.

    Raises:
        MalformedError: It begins as that, and is broken.
    """
    begun = _BARE.match(text)
    return parse(text, offered) if begun and begun[1] in offered else nothing(text)


def _first(text: str, offered: Offered, found: Found) -> int:
    """Read a call at the start, whose `>>>` the prompt had; returns where it ends."""
    name = max((one for one in offered if text.startswith(one)), key=len, default="")
    if name and text.startswith("{", skip_blank(text, len(name))):
        return _called(text, len(name), name, found)
    if text.startswith("all\n"):
        return len("all\n")
    return 0


def _called(text: str, start: int, name: str, found: Found) -> int:
    value, end = decode_at(text, skip_blank(text, start))
    arguments = arguments_of(value, name)
    rest = skip_blank(text, end)
    if rest < len(text) and not text.startswith((">>>", "<|", name), rest):
        raise MalformedError(f"something follows the arguments of {name[:80]!r}")
    found.calls.append(ToolCall(name, arguments))
    return end
