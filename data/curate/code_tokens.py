"""Words and marks of a program in C, C++, Java or JavaScript, and which of them are its functions.

Guarantees: linear time on any text; nothing is compiled. A comment, a text, a regular expression or
a line of the preprocessor is never taken for code. What is not closed goes on to the end.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

_COMMENTS: Final = r"//(?:[^\n\\]|\\\n|\\)*+|/\*(?:[^*]|\*(?!/))*+(?:\*/|\Z)"
_TEXTS: Final = r"""
    \"{3}(?:[^\\"]|\\.|"(?!""))*+(?:\"{3}|\Z)|(?:u8|[uUL])?"(?:[^"\\\n]|\\.)*+"?
    |'(?:[^'\\\n]|\\.)*+'?"""
_NATIVE: Final = r"""
    |^[ \t]*+\#(?:[^\n\\]|\\.)*+"""
_RAW: Final = r"""|(?:u8|[uUL])?R"(?P<fence>[^()\\\s"]{0,16})\(.*?(?:\)(?P=fence)"|\Z)"""
_TEMPLATE: Final = r"|`(?:[^`\\]|\\.)*+(?:`|\Z)"
_MARKS: Final = (
    r">>>=|\.\.\.|===|!==|<<=|>>=|\*\*=|&&=|\|\|=|\?\?=|<=>"
    r"|->|=>|==|!=|<=|>=|&&|\|\||\?\?|\?\.|\+\+|--|\+=|-=|\*=|/=|%=|&=|\|=|\^=|\*\*|<<|::|."
)


def _pattern(skipped: str, texts: str) -> re.Pattern[str]:
    return re.compile(
        rf"""(?P<skip>\s++|{_COMMENTS}{skipped})
        |(?P<text>{texts}|{_TEXTS})
        |(?P<number>\.?\d(?:[eEpP][+-]|'\d|[\w.])*+)
        |(?P<word>[^\W\d][\w$]*+|\$[\w$]*+)
        |(?P<mark>{_MARKS})""",
        re.VERBOSE | re.DOTALL | re.MULTILINE,
    )


_PATTERNS: Final = {
    "c": _pattern(_NATIVE, _RAW[1:]),
    "cpp": _pattern(_NATIVE, _RAW[1:]),
    "java": _pattern("", r"(?!)"),
    "javascript": _pattern("", _TEMPLATE[1:]),
}
_CONTROL: Final = frozenset(
    re.findall(
        r"\S+", "if for while switch catch do else try return sizeof synchronized with new throw"
    )
)
_BEFORE_REGEX: Final = frozenset(
    re.findall(
        r"\S+",
        "( , = : [ ! & | ? { } ; && || ?? => return typeof case",
    )
)
_REGEX: Final = re.compile(
    r"/(?![*/])(?:[^/\\\[\n]|\\.|\[(?:[^\]\\\n]|\\.){0,200}+\]){1,500}+/[a-z]*+"
)
_PAIRS: Final = {"(": ")", "[": "]", "{": "}"}
_AFTER_PARAMETERS: Final = frozenset(
    re.findall(
        r"\S+",
        "const noexcept override final throws",
    )
)


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a program.

    Attributes:
        kind: word, number, text or mark.
        text: As it is written.
        start, end: Where it stands, in characters.
    """

    kind: str
    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Function:
    """A function with a body.

    Attributes:
        name: Its own, without a class.
        before: The word or mark before the name: mostly what it returns.
        opening, closing: The tokens `{` and `}` of its body, by number.
    """

    name: str
    before: str
    opening: int
    closing: int


def tokens(source: str, language: str) -> list[Token]:
    """The pieces of a program, without comments, spaces and preprocessor lines."""
    pattern = _PATTERNS[language]
    found: list[Token] = []
    place = 0
    while place < len(source):
        if language == "javascript" and source[place] == "/" and _may_begin_regex(found):
            regex = _REGEX.match(source, place)
            if regex is not None:
                found.append(Token("text", regex[0], place, regex.end()))
                place = regex.end()
                continue
        match = pattern.match(source, place)
        if match is None or match.end() == place:
            place += 1
            continue
        kind = match.lastgroup if match.lastgroup != "fence" else "text"
        if kind is not None and kind != "skip":
            found.append(Token(kind, match[0], place, match.end()))
        place = match.end()
    return found


def functions(found: Sequence[Token]) -> Iterator[Function]:
    """The functions of a program, outer ones before those within them."""
    closing = _partners(found)
    for number, token in enumerate(found[:-1]):
        if token.kind != "word" or token.text in _CONTROL or found[number + 1].text != "(":
            continue
        end = closing.get(number + 1)
        opening = None if end is None else _body(found, end + 1)
        if opening is not None and opening in closing:
            before = found[number - 1].text if number else ""
            yield Function(token.text, before, opening, closing[opening])


def _body(found: Sequence[Token], after: int) -> int | None:
    """The number of the brace that opens the body after parameters; None: there is none."""
    number = after
    while number < len(found) and number < after + 16:
        text = found[number].text
        if text == "{":
            return number
        names_type = found[number].kind == "word" or text in (".", ",", "::", "->", "<", ">")
        if text not in _AFTER_PARAMETERS and ((number == after and text != "->") or not names_type):
            return None
        number += 1
    return None


def _partners(found: Sequence[Token]) -> dict[int, int]:
    """For each opening bracket the number of the one that closes it."""
    pairs: dict[int, int] = {}
    opened: list[int] = []
    for number, token in enumerate(found):
        if token.kind != "mark":
            continue
        if token.text in _PAIRS:
            opened.append(number)
        elif opened and _PAIRS[found[opened[-1]].text] == token.text:
            pairs[opened.pop()] = number
    return pairs


def _may_begin_regex(found: Sequence[Token]) -> bool:
    """Whether a slash after these begins a regular expression, and is no division."""
    return not found or found[-1].text in _BEFORE_REGEX
