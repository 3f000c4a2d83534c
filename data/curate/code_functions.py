"""A program in C, C++, Java or JavaScript without what its functions do."""

import re
from typing import Final

from data.curate.code_tokens import Function, functions, tokens

_OF_TYPE: Final = {"boolean": "false"} | dict.fromkeys(
    ("int", "long", "short", "byte", "char", "float", "double"), "0"
)
"""What Java's types without null have."""
_NO_TYPE: Final = frozenset(re.findall(r"\S+", "public private protected { } ; : ) , ~ static"))


def emptied(source: str, language: str) -> str | None:
    """The program with functions that do nothing, and return 0 or its like; None: it has none.

    Constructors and `main` stay.
    """
    found = tokens(source, language)
    pieces: list[str] = []
    place = reached = 0
    for function in functions(found):
        body = _body(function, language)
        if function.opening < reached or body is None:
            continue
        pieces += [source[place : found[function.opening].start], body]
        place, reached = found[function.closing].end, function.closing
    return "".join((*pieces, source[place:])) if pieces else None


def _body(function: Function, language: str) -> str | None:
    """What stands in place of a function's body; None: it stays."""
    is_script = language == "javascript"
    if function.name in ("main", "constructor"):
        return None
    if function.before in _NO_TYPE and not is_script:  # a constructor, or what a macro makes
        return None
    if is_script or function.before == "void":
        return "{ }"
    nothing = {"c": "0", "cpp": "{}", "java": "null"}[language]
    if language == "java":
        nothing = _OF_TYPE.get(function.before, nothing)
    return f"{{ return {nothing}; }}"
