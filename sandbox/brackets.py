"""Whether a test in C, C++ or Java breaks off, told from its text alone.

Only what no program could mend counts: brackets that do not match, outside of texts and comments,
in a test without conditional lines. Other faults of syntax look like names that a program lacks.
"""

import re
from typing import Final

from sandbox.errors import TestsError

_BRACKET: Final = re.compile(
    r'''
    //(?:[^\n\\]|\\\n|\\)*+|/\*.*?(?:\*/|\Z)                     # comments
    |(?:u8|[uUL])?R"(?P<mark>[^()\\\s"]{0,16})\(.*?(?:\)(?P=mark)"|\Z)  # texts
    |"""(?:[^"\\]|\\.|"(?!""))*+(?:"""|\Z)|"(?:[^"\\\n]|\\.)*+"?
    |[A-Za-z_]\w*|\d(?:'?\w)*+|'(?:[^'\\\n]|\\.)*+'?         # words, numbers, characters
    |(?P<bracket>[()\[\]{}])
    ''',
    re.DOTALL | re.VERBOSE,
)
_CLOSING: Final = re.compile(r"(?:[\s};]|//[^\n]*|/\*.*?\*/)*+", re.DOTALL)
_PAIRS: Final = {")": "(", "]": "[", "}": "{"}


def require_closed(test: str, start: int = 0) -> None:
    """Check that all brackets of a test from `start` on match.

    Raises:
        TestsError: They do not.
    """
    if re.search(r"^\s*#\s*(?:if|el)", test, re.MULTILINE):
        return
    opened: list[str] = []
    for found in _BRACKET.finditer(test, start):
        bracket = found["bracket"]
        if bracket is None:
            continue
        if bracket in _PAIRS.values():
            opened.append(bracket)
        elif not opened and _CLOSING.fullmatch(test, found.start()):
            return  # it ends by closing what the program left open
        elif not opened or opened.pop() != _PAIRS[bracket]:
            line = test.count("\n", 0, found.start()) + 1
            raise TestsError(f"the test does not compile: line {line}: {bracket!r} closes nothing")
    if opened:
        raise TestsError(f"the test does not compile: {opened[-1]!r} is never closed")
