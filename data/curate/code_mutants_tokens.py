"""Small changes to a program in C, C++, Java or JavaScript, each of which ought to make it wrong.

Guarantees: one token is exchanged at a time, in linear time, and nothing is compiled here; what no
longer compiles is for the caller to leave out. As in Python `<` never becomes `<=`. Left alone are
sizes of arrays, large constants, exit codes, arguments of what sets up input and output, brackets
of type parameters, and `main` where tests call functions.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from data.curate.code_mutant import Mutant
from data.curate.code_tokens import Token, functions, tokens

_BETWEEN: Final = {
    "<": ">=",
    ">": "<=",
    "<=": ">",
    ">=": "<",
    "==": "!=",
    "!=": "==",
    "===": "!==",
    "!==": "===",
    "+": "-",
    "-": "+",
    "*": "+",
    "/": "*",
    "%": "/",
}
"""Marks between two values."""
_EXCHANGED: Final = {"&&": "||", "||": "&&", "+=": "-=", "-=": "+=", "*=": "+=", "%=": "/="}
_WORDS: Final = {"true": "false", "false": "true"}
_TYPES: Final = frozenset(
    re.findall(
        r"\S+",
        "int long short char float double bool boolean void unsigned signed auto size_t ll string"
        " const struct return case else typename class operator delete",
    )
)
"""After these a mark is no operator between two values."""
_SETTINGS: Final = frozenset(
    re.findall(
        r"\S+",
        "tie sync_with_stdio setprecision precision width setw reserve setbuf setvbuf srand exit"
        " resize readFileSync setEncoding StringTokenizer BufferedReader ArrayList HashMap HashSet",
    )
)
_GENERIC: Final = frozenset(
    re.findall(
        r"\S+",
        "vector map set pair queue deque stack list array tuple function greater less template get"
        " priority_queue unordered_map unordered_set multiset multimap bitset numeric_limits hash"
        " static_cast dynamic_cast reinterpret_cast const_cast make_pair make_tuple complex"
        " optional unique_ptr shared_ptr make_unique make_shared initializer_list iterator extends",
    )
)
_SMALL: Final = re.compile(r"(\d{1,2})([lLuU]{0,3})")


@dataclass(frozen=True, slots=True)
class Exchange:
    """A token, and what it becomes.

    Attributes:
        token: What stands there.
        text: What comes in its place.
        is_constant: Whether it is a constant that is not returned as it is.
    """

    token: Token
    text: str
    is_constant: bool


def token_changes(source: str, language: str, *, is_called: bool) -> list[Exchange]:
    """The tokens that may be changed, in the order of the source.

    Args:
        source: The program.
        language: c, cpp, java or javascript.
        is_called: Whether tests call its functions, so that `main` is not theirs.
    """
    found = tokens(source, language)
    hidden = _main(found) if is_called else range(0)
    return [change for number, change in _changes(found) if number not in hidden]


def token_mutant(source: str, change: Exchange) -> Mutant:
    """The program with that change."""
    token = change.token
    line = source.count("\n", 0, token.start) + 1
    text = source[: token.start] + change.text + source[token.end :]
    return Mutant(text, f"line {line}: {token.text!r} became {change.text!r}")


def _changes(found: Sequence[Token]) -> Iterator[tuple[int, Exchange]]:
    generic = _brackets_of_types(found)
    for number, token in enumerate(found):
        if number in generic or number == 0 or number + 1 == len(found):
            continue
        changed = _changed(found, number)
        if changed is not None:
            is_constant = token.kind != "mark" and found[number - 1].text != "return"
            yield number, Exchange(token, changed, is_constant)


def _changed(found: Sequence[Token], number: int) -> str | None:
    """What a token becomes; None: it stays."""
    token = found[number]
    if token.kind == "mark":
        return _changed_mark(found, number)
    if token.kind == "word" and token.text in _WORDS and not _sets_up(found, number):
        return _WORDS[token.text]
    small = _SMALL.fullmatch(token.text) if token.kind == "number" else None
    if small is None or _sets_up(found, number) or _is_size_or_code(found, number):
        return None
    return f"{int(small[1]) + 1}{small[2]}"


def _changed_mark(found: Sequence[Token], number: int) -> str | None:
    text = found[number].text
    if text in _BETWEEN and _is_between(found, number):
        return _BETWEEN[text]
    if text == "!" and not _ends_value(found[number - 1]):
        return " "
    return _EXCHANGED.get(text)


def _is_between(found: Sequence[Token], number: int) -> bool:
    """Whether a mark stands between two values, as far as tokens tell."""
    before, after = found[number - 1], found[number + 1]
    begins = after.kind in ("word", "number", "text") or after.text in ("(", "-", "!", "[")
    return _ends_value(before) and begins


def _ends_value(token: Token) -> bool:
    if token.kind == "word":
        return token.text not in _TYPES
    return token.kind in ("number", "text") or token.text in (")", "]")


def _sets_up(found: Sequence[Token], number: int) -> bool:
    """Whether it is the first argument of a call that says nothing of the answer."""
    return number >= 2 and found[number - 1].text == "(" and found[number - 2].text in _SETTINGS


def _is_size_or_code(found: Sequence[Token], number: int) -> bool:
    """Whether a number is the size of an array that is declared, or what `main` returns."""
    before, after = found[number - 1], found[number + 1]
    if before.text == "return" and after.text == ";":
        following = found[number + 2 : number + 3]
        return found[number].text == "0" and bool(following) and following[0].text == "}"
    declared = [one.text for one in found[max(0, number - 3) : number - 1]]  # new int[3], int a[3]
    return before.text == "[" and not _TYPES.isdisjoint(declared)


def _brackets_of_types(found: Sequence[Token]) -> frozenset[int]:
    """The numbers of `<` and `>` that enclose types."""
    inside: set[int] = set()
    depth = 0
    for number, token in enumerate(found):
        if token.text == "<" and number:
            before = found[number - 1]
            is_class = before.kind == "word" and before.text[:1].isupper() and depth == 0
            if depth or before.text in _GENERIC or (is_class and _closes(found, number)):
                depth += 1
                inside.add(number)
        elif depth and token.text == ">":
            depth -= 1
            inside.add(number)
        elif token.text in (";", "{", "&&", "||"):
            depth = 0
    return frozenset(inside)


def _closes(found: Sequence[Token], number: int) -> bool:
    """Whether a bracket after a class's name is closed after a few words."""
    for token in found[number + 1 : number + 24]:
        if token.text == ">":
            return True
        if token.kind != "word" and token.text not in (",", "<", "[", "]", "?", ".", "&"):
            return False
    return False


def _main(found: Sequence[Token]) -> range:
    """The tokens of the function `main`."""
    for function in functions(found):
        if function.name == "main":
            return range(function.opening, function.closing)
    return range(0)
