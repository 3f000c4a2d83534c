"""What a fence, or a data set, calls a language.

Guarantee: versions and standards (`py3`, `python3.11`, `c++17`, `gnu11`, `java8`, `node.js`) and
names of files (`main.cpp`) are known. What is not one of the five languages, such as `cython` or
`typescript`, is none of them.
"""

import re
from typing import Final

from sandbox.types import Language

LONGEST: Final = 100  # characters of a name that are looked at
_VERSION: Final = r"[-_@]?v?\d{0,3}(?:\.(?:\d{1,3}|x))*"
_STANDARD: Final = r"[-_]?(?:\d[\da-z])?"
_NAMES: Final[tuple[tuple[Language, re.Pattern[str]], ...]] = (
    ("python", re.compile(rf"(?:[ci]?python|py|pypy){_VERSION}")),
    ("cpp", re.compile(rf"(?:c\+\+|cpp|cxx|cc|cplusplus|gnu\+\+|g\+\+|clang\+\+){_STANDARD}")),
    ("c", re.compile(rf"(?:c|gnu|gcc|clang|ansi-?c){_STANDARD}")),
    ("java", re.compile(rf"(?:java|jdk|openjdk){_VERSION}")),
    (
        "javascript",
        re.compile(rf"(?:javascript|js|mjs|cjs|ecmascript|es|node(?:\.?js)?){_VERSION}"),
    ),
)
_FILES: Final[tuple[tuple[Language, re.Pattern[str]], ...]] = (
    ("python", re.compile(r"[^\s.]\S*\.py3?")),
    ("cpp", re.compile(r"[^\s.]\S*\.(?:cpp|cc|cxx|c\+\+)")),
    ("c", re.compile(r"[^\s.]\S*\.c")),
    ("java", re.compile(r"[^\s.]\S*\.java")),
    ("javascript", re.compile(r"[^\s.]\S*\.[mc]?js")),
)


def language_of(name: str) -> Language | None:
    """The language that `name` stands for, in any case; None: it is none that can be run."""
    said = name.strip().lower()
    if len(said) > LONGEST:
        return None
    known = (language for language, names in (*_NAMES, *_FILES) if names.fullmatch(said))
    return next(known, None)
