"""Fenced blocks of a text, as models write them.

Guarantees: every block that CommonMark (section 4.5) sees is found, at any depth of indentation,
in one pass over the text, or two. Beyond CommonMark:

- tags of markup and special tokens, such as `<answer>` and `<|im_end|>`, may stand before an
  opening fence and after a closing one; prose may stand before an opening fence that names a
  language, and the last line of a program before its closing fence;
- the markers of a quotation and of an item of a list may stand before a fence;
- a fence within a string of three quotation marks of a Python program is part of the string;
- in a block of Markdown, a fence that names a language opens a block.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from rewards.code.languages import language_of
from sandbox.types import Language

MARKUP: Final = frozenset({"markdown", "md"})
HEADING_LIMIT: Final = 200  # characters kept of the line before a block
_GLUED: Final = (
    r"(?:</?[A-Za-z_][\w:.\-]{0,40}>|<\|[^|<>\s]{1,40}\|>|<\uff5c[^<>\s]{1,40}\uff5c>"
    r"|\[/?[A-Z_]{1,20}\]|[ \t\r])"
)
_QUOTE: Final = re.compile(r"[ \t]*+>[ \t]?")
_ITEM: Final = r"(?:[ \t]*+(?:[-*+]|\d{1,9}[.)])[ \t]++)?"
_OPENING: Final = re.compile(
    rf"({_ITEM}[ \t]*+)(?:{_GLUED}*+)(`{{3,}}+|~{{3,}}+)[ \t]*+([^\r]*+)\r?"
)
_AFTER_PROSE: Final = re.compile(r"[^`\n]*+(`{3,}+)[ \t]*+([^\s`]++)\s*+")
_CLOSING: Final = re.compile(rf"[ \t]*+(`{{3,}}+|~{{3,}}+){_GLUED}*+")
_CLOSING_AFTER_CODE: Final = re.compile(rf"([^`]++)(`{{3,}}+){_GLUED}*+")
_TAG: Final = re.compile(r"[\s{.(\[#!]*+(?:lang(?:uage)?[-=:])?([^\s,;:{}()\[\]=\"'|]*+)(=?)")
_STRINGS: Final = r"(\"\"\"|''')|\"(?:[^\"\\]|\\.)*+\"?|'(?:[^'\\]|\\.)*+'?"
_IN_PYTHON: Final = re.compile(rf"#.*|{_STRINGS}", re.DOTALL)
_ELSEWHERE: Final = re.compile(rf"//.*|#.*|{_STRINGS}", re.DOTALL)
_STRING_END: Final = {
    '"""': re.compile(r'(?:[^\\"]|\\.|"(?!""))*+"""'),
    "'''": re.compile(r"(?:[^\\']|\\.|'(?!''))*+'''"),
}
_COMMENT: Final = "#"


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block.

    Attributes:
        tag: The first word after the fence, in lower case.
        source: What stands between the fences, without the indentation of the first.
        is_closed: Whether its second fence is there.
        heading: The last line before it that is not blank.
    """

    tag: str
    source: str
    is_closed: bool
    heading: str = ""

    @property
    def language(self) -> Language | None:
        """What the tag names, if it can be run."""
        return language_of(self.tag)


@dataclass(slots=True)
class _Open:
    """A block that is being read.

    Attributes:
        inside: The quotation marks of the string in which the last line ended; "": in none.
        passed: Whether a fence was taken for a part of a string.
        quoted: Whether it stands in a quotation, whose lines begin with `>`.
    """

    indentation: int
    fence: str
    tag: str
    heading: str
    lines: list[str] = field(default_factory=list)
    inside: str = ""
    passed: bool = False
    quoted: bool = False
    is_python: bool = field(init=False)

    def __post_init__(self) -> None:
        self.is_python = language_of(self.tag) == "python"

    def block(self, *, is_closed: bool) -> Block:
        return Block(self.tag, "".join(f"{line}\n" for line in self.lines), is_closed, self.heading)

    def add(self, line: str) -> None:
        margin = len(line) - len(line.lstrip(" \t"))
        self.lines.append(line[min(margin, self.indentation) :])


def blocks(text: str) -> Iterator[Block]:
    """The fenced blocks of a text in order; only the last one may be open."""
    found = _read(text, minds_strings=True)
    # A string that never ends is a fault of the program, not a reason to lose what follows it.
    yield from found if found is not None else _read(text, minds_strings=False) or ()


def _read(text: str, *, minds_strings: bool) -> list[Block] | None:
    """The blocks; None: a string in one of them never ends, and took fences for a part of it."""
    found: list[Block] = []
    opening: _Open | None = None
    outer: _Open | None = None  # the block of Markdown in which the present one stands
    heading = ""
    for line in text.split("\n"):
        if opening is None:
            if outer is not None and _closes(line, outer.fence):
                outer = None
                continue
            opening = _opened(line, heading)
            heading = line[:HEADING_LIMIT] if line.strip() else heading
            continue
        inner = _opened(line, heading) if opening.tag in MARKUP else None
        if inner is not None and language_of(inner.tag) is not None:
            outer, opening = opening, inner
            continue
        inside = _QUOTE.sub("", line, count=1) if opening.quoted else line
        last = _last_line(inside, opening, minds_strings=minds_strings)
        if last is None:
            opening.add(inside)
            continue
        if last:
            opening.add(last)
        found.append(opening.block(is_closed=True))
        opening, heading = None, ""
    if opening is not None:
        if opening.passed:
            return None
        found.append(opening.block(is_closed=False))
    return found


def _opened(line: str, heading: str) -> _Open | None:
    """The block that a line opens, perhaps in a quotation."""
    quote = _QUOTE.match(line)
    opening = _fenced(line if quote is None else line[quote.end() :], heading)
    if opening is not None:
        opening.quoted = quote is not None
    return opening


def _fenced(line: str, heading: str) -> _Open | None:
    match = _OPENING.fullmatch(line)
    if match is not None and not (match[2][0] == "`" and "`" in match[3]):
        return _Open(len(match[1]), match[2], _tag(match[3]), heading)
    match = _AFTER_PROSE.fullmatch(line)
    if match is not None and language_of(_tag(match[2])) is not None:
        return _Open(0, match[1], _tag(match[2]), heading)
    return None


def _tag(info: str) -> str:
    """The language of an info string such as `{.python .numberLines}` or `py title="a.py"`."""
    match = _TAG.match(info)
    return "" if match is None or match[2] else match[1].rstrip(".").lower()


def _closes(line: str, fence: str) -> bool:
    closing = _CLOSING.fullmatch(line)
    return closing is not None and closing[1].startswith(fence)


def _last_line(line: str, opening: _Open, *, minds_strings: bool) -> str | None:
    """What stands before the closing fence of a line that ends the block; None: it does not."""
    tokens, before = _IN_PYTHON if opening.is_python else _ELSEWHERE, opening.inside
    if _closes(line, opening.fence):
        if not before:
            return ""
        opening.passed = True
        return None
    glued = _CLOSING_AFTER_CODE.fullmatch(line) if opening.fence[0] == "`" else None
    is_glued = glued is not None and glued[2].startswith(opening.fence) and glued[1].strip()
    if glued is not None and is_glued and not _inside(glued[1], before, tokens):
        return glued[1]
    if opening.is_python and minds_strings:
        opening.inside = _inside(line, before, tokens).removeprefix(_COMMENT)
    return None


def _inside(line: str, quotes: str, tokens: re.Pattern[str]) -> str:
    """The quotation marks, or the sign of a comment, within which a line ends; "": none.

    Args:
        line: Of a program.
        quotes: Those within which it begins.
        tokens: What begins a comment or a string.
    """
    at = 0
    while True:
        if quotes:
            end = _STRING_END[quotes].match(line, at)
            if end is None:
                return quotes
            at = end.end()
        token = tokens.search(line, at)
        if token is None:
            return ""
        if token[0][0] in "#/":
            return _COMMENT
        at, quotes = token.end(), token[1] or ""
