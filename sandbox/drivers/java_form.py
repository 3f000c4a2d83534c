"""How a test in Java is written, and whether it can run in another machine than the program.

Guarantee: what is decided here follows from the test's source alone. A test that has nothing to run
is at fault, whatever the program is.
"""

import itertools
import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from sandbox.drivers.java_source import (
    OPENING,
    Declared,
    Token,
    annotations,
    braces,
    declares,
    main_class,
    outside,
    tokens,
    top,
)
from sandbox.drivers.java_tests import TESTS, main_is_idle, why_idle
from sandbox.drivers.java_words import CALM, PLATFORM, REFLECTING, THREADED
from sandbox.errors import TestsError

WRAPPER: Final = "TestOfTheProgram"
_IMPORT: Final = re.compile(
    r"^[ \t]*(?:import\s+(?:static\s+)?[\w.]+(?:\.\*)?\s*;[ \t]*)+", re.MULTILINE
)
_PACKAGE: Final = re.compile(r"^[ \t]*package\s+[\w.]+\s*;", re.MULTILINE)
_SILENT: Final = frozenset(";@{}")  # what says nothing by itself
_MOST_LITERAL: Final = 3  # characters of a literal in a class that the program may get to see


@dataclass(frozen=True, slots=True)
class Form:
    """A test, taken apart.

    Attributes:
        body: Its source without imports and package; lines keep their numbers.
        imports: Its imports, on one line.
        packages: What it imports as a whole, and java.lang.
        main: Binary name of the class with the main method; empty: its annotated methods are run.
        goes_on: Whether it goes on in a class of the program, whose parts it knows by bare name.
        helpers: Classes of its own that a program may use, by name; they hold no expected value.
        together: Why it has to run in the program's own process; empty: it has not.
    """

    body: str
    imports: str
    packages: tuple[str, ...]
    main: str
    goes_on: bool
    together: str
    helpers: dict[str, str] = field(default_factory=dict)


def split_imports(source: str) -> tuple[str, str]:
    """Imports on one line, and what is left; its lines keep their numbers."""
    source = _PACKAGE.sub("", source)
    imports = [" ".join(found[0].split()) for found in _IMPORT.finditer(source)]
    return " ".join(imports), _IMPORT.sub(lambda found: "\n" * found[0].count("\n"), source)


@lru_cache(maxsize=256)
def form_of(source: str) -> Form:
    """A test, taken apart.

    Raises:
        TestsError: There is nothing in it to run.
    """
    imports, body = split_imports(source)
    parts = tokens(body)
    types = top(parts)
    loose = outside(parts, types)
    packages = {"java.lang", *re.findall(r"import ([\w.]+)\.\* ?;", imports)}
    goes_on, wrapped = False, body
    main = main_class(parts)
    is_annotated = not TESTS.isdisjoint(annotations(parts)) or _extends_test_case(parts)
    if is_annotated:
        main = ""
    says_more = any(part.text not in _SILENT for part in loose)
    _require_something(parts, types, main, is_annotated=is_annotated, says_more=says_more)
    if any(part.text not in (";", "@") for part in loose) and not (types and is_annotated):
        goes_on = True
        loose_main, wrapped = _wrapped(body, parts, types, loose)
        main = loose_main if says_more else main  # which stands beside what it goes on in
    together = _together(parts, types)
    return Form(
        body=wrapped,
        imports=imports,
        packages=tuple(sorted(packages)),
        main=main,
        goes_on=goes_on,
        together=together,
        helpers={} if together else _helpers(body, parts, types),
    )


def _require_something(
    parts: list[Token], types: list[Declared], main: str, *, is_annotated: bool, says_more: bool
) -> None:
    """Check that something of a test is run: annotated methods, a main method, or statements."""
    why = ""
    if is_annotated:
        why = why_idle(parts, types) if types else ""
    elif not main and not says_more:
        why = "the test has nothing that could be run: no main(String[]), no @Test, no statement"
    elif main_is_idle(parts, "" if says_more else main):
        why = "the test has nothing that could be run: its main method is empty"
    if why:
        raise TestsError(why)


def _extends_test_case(parts: list[Token]) -> bool:
    pairs = itertools.pairwise(parts)
    return any(one.text == "extends" and other.text == "TestCase" for one, other in pairs)


def _wrapped(
    body: str, parts: list[Token], types: list[Declared], loose: list[Token]
) -> tuple[str, str]:
    """Statements or methods in a class, after the name of the one with the main method.

    Braces that close the program's class are gone; classes of the test stand beside this one.
    """
    unopened, _ = braces(parts)
    closing = 0
    while closing < len(parts) and parts[closing].text == "}":
        closing += 1
    start = parts[closing - 1].end if closing else 0
    lead = body[:start].count("\n")
    end = len(body)
    for part in reversed(parts):  # braces that close the program's class
        if part.text != "}" or unopened - closing <= 0:
            break
        end, unopened = part.start, unopened - 1
    inside, beside = body[start:end], ""
    for one in reversed(types):
        first, last = parts[one.first].start - start, parts[one.last].end - start
        declared = inside[first:last]
        beside = f"{declared}\n{beside}"
        inside = inside[:first] + "\n" * declared.count("\n") + inside[last:]
    pairs = zip(loose, loose[1:], loose[2:], strict=False)
    main, tail = WRAPPER, ""
    if not any([one.text for one in three] == ["void", "main", "("] for three in pairs):
        inside = f"static void plumb$run(String[] args) throws Throwable {{ {inside}\n}}"
        main = f"{WRAPPER}Main"
        tail = (
            f"\nclass {main} {{ public static void main(String[] args) throws Throwable"
            f" {{ {WRAPPER}.plumb$run(args); }} }}"
        )
    head = f"class {WRAPPER} extends PLUMB_OPENED {{ PLUMB_MADE "
    return main, "\n" * lead + head + inside + "\n}" + tail + "\n" + beside


def _together(parts: list[Token], types: list[Declared]) -> str:
    """Why the test shares more with the program than values and calls; empty: it does not."""
    declared = {parts[at + 1].text for at in range(len(parts)) if declares(parts, at)}
    known = declared | PLATFORM
    for one in types:
        before = {part.text for part in parts[one.first : one.first + 4]}
        if one.kind == "class" and "abstract" in before:
            return f"it has an abstract class {one.name}"
    for at, part in enumerate(parts):
        follows = parts[at + 1].text if at + 1 < len(parts) else ""
        if part.kind == "word" and part.text in REFLECTING:
            return f"it looks into classes ({part.text})"
        if part.kind == "word" and part.text in THREADED:
            after = parts[at + 2].text if follows == "." and at + 2 < len(parts) else ""
            if after not in CALM:
                return f"it has threads ({part.text})"
        if part.text == "extends" and _is_header(parts, at) and not _is_platform(follows, known):
            return f"a class of it extends {follows}"
        if part.text == "new" and _is_anonymous(parts, at) and not _is_platform(follows, known):
            return f"it has an anonymous {follows}"
    return ""


def _is_platform(name: str, known: set[str] | frozenset[str]) -> bool:
    return name in known or name.endswith(("Exception", "Error")) or name in ("java", "Throwable")


def _is_header(parts: list[Token], at: int) -> bool:
    """Whether `extends` stands in the head of a class, and not in the bound of a type."""
    depth = 0
    for place in range(at - 1, max(-1, at - 200), -1):
        text = parts[place].text
        depth += (text == ">") - (text == "<")
        if depth < 0 or text in ("?", "{", "}", ";", "("):
            return False
        if depth == 0 and declares(parts, place):
            return parts[place].text == "class"
    return False


def _is_anonymous(parts: list[Token], at: int) -> bool:
    """Whether `new X<...>(...)` is followed by a body."""
    place = at + 1
    depth = 0
    while place < len(parts) and (
        depth or parts[place].text in "<." or parts[place].kind == "word"
    ):
        depth += (parts[place].text == "<") - (parts[place].text == ">")
        place += 1
    if place >= len(parts) or parts[place].text != "(":
        return False
    while place < len(parts):
        depth += (parts[place].text in OPENING) - (parts[place].text in OPENING.values())
        place += 1
        if depth == 0:
            break
    return place < len(parts) and parts[place].text == "{"


def _helpers(body: str, parts: list[Token], types: list[Declared]) -> dict[str, str]:
    """The classes of a test that are data or interfaces, and hold nothing of what it expects."""
    names = {one.name for one in types}
    found = {one.name: one for one in types}
    while True:
        bad = [
            name
            for name, one in found.items()
            if not _is_helper(parts[one.first : one.last + 1], found.keys() | PLATFORM, names)
        ]
        if not bad:
            break
        for name in bad:
            del found[name]
    return {name: body[parts[one.first].start : parts[one.last].end] for name, one in found.items()}


def _is_helper(parts: list[Token], known: set[str], declared: set[str]) -> bool:
    variables = {
        parts[at].text
        for at in range(1, len(parts))
        if parts[at - 1].text in ("<", ",") and len(parts[at].text) <= 2
    }
    inner = {parts[at + 1].text for at in range(len(parts)) if declares(parts, at)}
    for at, part in enumerate(parts):
        if part.kind in ("text", "number") and len(part.text.strip("\"'")) > _MOST_LITERAL:
            return False
        if part.kind != "word":
            if part.text == "@" and parts[at + 1].text != "Override":
                return False
            if part.text == "{" and at and parts[at - 1].text in ("=", "]", ","):
                return False  # the elements of an array
            continue
        if part.text in ("assert", "main"):
            return False
        is_type = part.text[0].isupper() and parts[at - 1].text != "."
        if is_type and part.text not in known | inner | variables:
            is_constant = part.text.isupper() and part.text not in declared
            if not is_constant and not part.text.endswith(("Exception", "Error")):
                return False
    return True
