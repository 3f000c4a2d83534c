"""What a Java source is made of, as far as it decides how a test is run; nothing is compiled here.

Guarantees: linear time on any text; a comment, a string or a character literal is never taken for
code. What is not closed goes on to the end of the text.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

_TOKEN: Final = re.compile(
    r"""(?P<skip>\s+|//[^\n]*|/\*(?:[^*]|\*(?!/))*(?:\*/|\Z))
    |(?P<text>\"{3}(?:[^\\"]|\\.|"(?!""))*(?:\"{3}|\Z)|"(?:[^"\\\n]|\\.)*"?|'(?:[^'\\\n]|\\.)*'?)
    |(?P<number>\.?\d(?:[eEpP][+-]|[\w.])*)
    |(?P<word>[^\W\d][\w$]*|\$[\w$]*)
    |(?P<mark>.)""",
    re.VERBOSE | re.DOTALL,
)
_DECLARING: Final = frozenset(("class", "interface", "enum", "record"))
OPENING: Final = {"{": "}", "(": ")", "[": "]"}


@dataclass(frozen=True, slots=True)
class Token:
    """A word, number, text or mark of a source, and where it stands."""

    kind: str
    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Declared:
    """A class, interface, enumeration or record at the top of a source.

    Attributes:
        name: What it is called.
        kind: The word that declares it.
        first, last: Its tokens, from its modifiers to its closing brace.
        is_closed: Whether that brace is there.
    """

    name: str
    kind: str
    first: int
    last: int
    is_closed: bool


def tokens(source: str) -> list[Token]:
    """The tokens of a source, without comments."""
    return [
        Token(found.lastgroup, found[0], found.start(), found.end())
        for found in _TOKEN.finditer(source)
        if found.lastgroup is not None and found.lastgroup != "skip"
    ]


def declares(parts: Sequence[Token], at: int) -> bool:
    """Whether the word at a place declares the type whose name follows."""
    if parts[at].text not in _DECLARING or at + 1 >= len(parts) or parts[at + 1].kind != "word":
        return False
    if at and parts[at - 1].text == ".":  # `Main.class`
        return False
    follows = parts[at + 2].text if at + 2 < len(parts) else "{"
    return follows in ("{", "<", "(", "extends", "implements", "permits") and (
        parts[at].text != "record" or follows in ("(", "<")
    )


def top(parts: Sequence[Token]) -> list[Declared]:
    """The types that are declared at the top of a source."""
    found = []
    depth, first, at = 0, 0, 0
    while at < len(parts):
        text = parts[at].text
        if depth == 0 and declares(parts, at):
            last = _end_of_type(parts, at)
            is_closed = last < len(parts)
            found.append(
                Declared(parts[at + 1].text, text, first, min(last, len(parts) - 1), is_closed)
            )
            at = first = last + 1
            continue
        depth += (text in OPENING) - (text in OPENING.values())
        if depth == 0 and text in (";", "}"):
            first = at + 1
        at += 1
    return found


def _end_of_type(parts: Sequence[Token], at: int) -> int:
    depth = 0
    for place in range(at, len(parts)):
        depth += (parts[place].text == "{") - (parts[place].text == "}")
        if depth == 0 and parts[place].text == "}":
            return place
    return len(parts)


def outside(parts: Sequence[Token], types: Sequence[Declared]) -> list[Token]:
    """The tokens at the top that belong to no declared type."""
    inside = {place for one in types for place in range(one.first, one.last + 1)}
    return [part for place, part in enumerate(parts) if place not in inside]


def braces(parts: Sequence[Token]) -> tuple[int, int]:
    """How many closing braces have no opening one, and how many opening ones no closing one."""
    depth = lowest = 0
    for part in parts:
        depth += (part.text == "{") - (part.text == "}")
        lowest = min(lowest, depth)
    return -lowest, depth - lowest


def annotations(parts: Sequence[Token]) -> Iterator[str]:
    """The simple names of what is annotated with."""
    for at, part in enumerate(parts):
        if part.text == "@" and at + 1 < len(parts):
            end = at + 1
            while end + 2 < len(parts) and parts[end + 1].text == ".":
                end += 2
            yield parts[end].text


def mains(parts: Sequence[Token]) -> Iterator[tuple[str, int]]:
    """Each `main(String[])`: the binary name of its class, if it is in one, and where it stands."""
    names: list[tuple[str, int]] = []
    depth = 0
    for at, part in enumerate(parts):
        if declares(parts, at):
            names.append((parts[at + 1].text, depth))
        depth += (part.text == "{") - (part.text == "}")
        while names and part.text == "}" and depth <= names[-1][1]:
            names.pop()
        is_main = part.text == "main" and at and parts[at - 1].text == "void"
        takes = [one.text for one in parts[at + 1 : at + 4] if one.text != "final"]
        if is_main and takes[:2] == ["(", "String"]:
            yield "$".join(name for name, _ in names), at


def main_class(parts: Sequence[Token]) -> str:
    """The binary name of the class that has `main(String[])`; empty: none has.

    Among several the first is taken whose name is Main, else the first whose name has Test in it,
    else the last.
    """
    found = [name for name, _ in mains(parts) if name]
    for name in found:
        if name == "Main":
            return name
    for name in found:
        if "Test" in name:
            return name
    return found[-1] if found else ""
