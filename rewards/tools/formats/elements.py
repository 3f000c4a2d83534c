"""Parameters between tags: `<parameter=a>1</parameter>`, `<arg_key>a</arg_key><arg_value>1...`.

Guarantees: a value ends where its closing tag is followed by what may follow a parameter, so that
a closing tag in a value does not end it. `MalformedError` is the only thing raised; time is linear.
"""

import re
from dataclasses import dataclass
from typing import Final, NamedTuple

from rewards.tools.strict_json import MalformedError
from rewards.tools.types import shown

MAX_NAME: Final = 256


class Parameter(NamedTuple):
    """What stands between the tags of a parameter.

    Attributes:
        text: The text.
        kind: What the opening tag says of it, beside its name; mostly nothing.
    """

    text: str
    kind: str


@dataclass(frozen=True, slots=True)
class Tags:
    """How a parameter is written.

    Attributes:
        opening: The tag before a value; its group `name` is the parameter, `kind` what it says
            of the value.
        closing: The tag after it, and a look at what has to follow.
        end: What ends the parameters.
        shape: The opening tag at the start of a line, which a value must not hold.
    """

    opening: re.Pattern[str]
    closing: re.Pattern[str]
    end: re.Pattern[str]
    shape: re.Pattern[str]

    @classmethod
    def of(cls, opening: str, closing: str, end: str, *, follows: str = "") -> "Tags":
        """The tags of a format, as regular expressions; `follows`: what else may follow a value."""
        after = "|".join(filter(None, (opening, end, follows)))
        after = re.sub(r"\(\?P<\w+>", "(?:", after)
        return cls(
            re.compile(rf"\s*{opening}"),
            re.compile(rf"{closing}(?=\s*(?:{after}))"),
            re.compile(rf"\s*(?:{end})"),
            re.compile(rf"^[ \t]{{0,8}}{opening}", re.MULTILINE),
        )


def parameters(text: str, start: int, name: str, tags: Tags) -> tuple[dict[str, Parameter], int]:
    """The parameters of a call of `name` from `start` on, and where their end's tag ends.

    Raises:
        MalformedError: One is broken, is there twice, or is not closed.
    """
    found: dict[str, Parameter] = {}
    while True:
        if (end := tags.end.match(text, start)) is not None:
            return found, end.end()
        opening = tags.opening.match(text, start)
        if opening is None:
            raise MalformedError(f"the call of {shown(name)} has a broken parameter, or no end")
        key = _name(opening)
        if key in found:
            raise MalformedError(f"the key {shown(key)} stands twice")
        closing = tags.closing.search(text, opening.end())
        if closing is None or tags.shape.search(text, opening.end(), closing.start()):
            raise MalformedError(f"the parameter {shown(key)} of {shown(name)} is not closed")
        kind = opening.groupdict().get("kind") or ""
        found[key] = Parameter(text[opening.end() : closing.start()], kind)
        start = closing.end()


def _name(opening: re.Match[str]) -> str:
    key = opening["name"].strip()
    if len(key) > 1 and key[0] == key[-1] and key[0] in "'\"":
        key = key[1:-1]
    if not key:
        raise MalformedError("a parameter has no name")
    return key
