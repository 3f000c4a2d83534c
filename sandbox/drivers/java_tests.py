"""What of a Java test is ever run: its annotated methods, and its main method.

What runs beside these counts too: what is done before and after each, and blocks that initialise.
Guarantee: read from the source alone, by the rules of `agent/drivers/junit/JUnit.java`; so a test
that has nothing to run is known before there is a program. What cannot be told counts as something.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from sandbox.drivers.java_source import OPENING, Declared, Token, annotations, declares, mains

TESTS: Final = frozenset(("Test", "ParameterizedTest", "RepeatedTest"))
_AROUND: Final = frozenset(
    f"{when}{what}" for when in ("Before", "After") for what in ("", "Each", "All", "Class")
)
_LEFT_OUT: Final = frozenset(("Disabled", "Ignore"))


@dataclass(frozen=True, slots=True)
class _Method:
    marks: frozenset[str]
    name: str
    takes_nothing: bool
    does_nothing: bool


@dataclass(slots=True)
class _Type:
    name: str
    kind: str
    base: str
    is_made: bool  # whether the harness makes instances of it and runs their tests
    methods: list[_Method] = field(default_factory=list)
    has_block: bool = False  # an initialiser, static or not, that does something


def why_idle(parts: Sequence[Token], types: Sequence[Declared]) -> str:
    """Why none of the annotated tests of a source is ever run; empty: some are."""
    found: list[_Type] = []
    for one in types:
        _read(parts, one.first, one.last + 1, None, found)
    by_name = {one.name: one for one in found}
    made = {one.name: _tests(one, by_name) for one in found if one.is_made}
    tests = [method for all_of_it in made.values() for method in all_of_it]
    if any(_is_run(one) and not one.does_nothing for one in tests):
        return ""
    for read in found:
        is_run = any(map(_is_run, made.get(read.name, [])))
        if is_run and _does_more(_chain(read, by_name)):
            return ""
    if any(_is_left_out(one) for one in tests) or not all(one.is_made for one in found):
        return "there is nothing to run: its tests are disabled, or in a class that is not run"
    return "there is nothing to run: it has no test with a body"


def main_is_idle(parts: Sequence[Token], owner: str) -> bool:
    """Whether the main method of a class, or one outside of any (an empty owner), does nothing."""
    found = [at for name, at in mains(parts) if name == owner]
    blocks = [at for at in range(len(parts) - 1) if _opens_static_block(parts, at)]
    return bool(found) and not any(_does_something(parts, at) for at in [*found, *blocks])


def _opens_static_block(parts: Sequence[Token], at: int) -> bool:
    return parts[at].text == "static" and parts[at + 1].text == "{"


def _does_something(parts: Sequence[Token], at: int) -> bool:
    opened = next((i for i in range(at, len(parts)) if parts[i].text == "{"), len(parts))
    follows = (part.text for part in parts[opened + 1 :] if part.text != ";")
    return next(follows, "}") != "}"


def _is_left_out(method: _Method) -> bool:
    return not _LEFT_OUT.isdisjoint(method.marks)


def _is_run(method: _Method) -> bool:
    has_arguments = any(mark.endswith("Source") for mark in method.marks)
    return not _is_left_out(method) and ("ParameterizedTest" not in method.marks or has_arguments)


def _chain(of: _Type, by_name: dict[str, _Type]) -> list[_Type]:
    """A class and those above it."""
    chain = [of]
    while (above := by_name.get(chain[-1].base)) is not None and above not in chain:
        chain.append(above)
    return chain


def _does_more(chain: list[_Type]) -> bool:
    """Whether something is done before, after or around an empty test of a class."""
    is_case = chain[-1].base == "TestCase"
    return any(one.has_block for one in chain) or any(
        not method.does_nothing
        and (
            not _AROUND.isdisjoint(method.marks)
            or method.name == one.name  # it makes the instance
            or (is_case and method.name in ("setUp", "tearDown"))
        )
        for one in chain
        for method in one.methods
    )


def _tests(of: _Type, by_name: dict[str, _Type]) -> list[_Method]:
    """The test methods that an instance has, those of the classes above it included."""
    chain = _chain(of, by_name)
    is_case = chain[-1].base == "TestCase"
    return [
        method
        for one in chain
        for method in one.methods
        if not TESTS.isdisjoint(method.marks)
        or (is_case and method.name.startswith("test") and method.takes_nothing)
    ]


def _read(
    parts: Sequence[Token], start: int, end: int, outer: _Type | None, found: list[_Type]
) -> None:
    """Add the type that is declared between two places, and those within it."""
    word = _declaring(parts, start, end)
    opened = next((at for at in range(word, end) if parts[at].text == "{"), end)
    before = {part.text for part in parts[start:word]}
    marks = set(annotations(parts[start:word]))
    kind = parts[word].text
    is_free = outer is None or "static" in before or kind == "record" or outer.kind == "interface"
    is_inner = outer is not None and outer.is_made and "Nested" in marks
    is_class = kind in ("class", "record") and "abstract" not in before
    one = _Type(
        name=parts[word + 1].text,
        kind=kind,
        base=_base(parts, word, opened),
        is_made=is_class and _LEFT_OUT.isdisjoint(marks) and (is_free or is_inner),
    )
    found.append(one)
    for first, body, last in _members(parts, opened + 1, end - 1):
        if _declaring(parts, first, body) < body:
            _read(parts, first, last + 1, one, found)
        elif (method := _method(parts, first, body, last)) is not None:
            one.methods.append(method)
        elif all(part.text == "static" for part in parts[first:body]):
            one.has_block |= any(part.text != ";" for part in parts[body + 1 : last])


def _base(parts: Sequence[Token], start: int, end: int) -> str:
    """The simple name of the class that a head extends; empty: it names none."""
    at, depth = start, 0
    while at < end and (depth or parts[at].text != "extends"):
        depth += (parts[at].text == "<") - (parts[at].text == ">")
        at += 1
    at += 1
    while at + 2 < end and parts[at + 1].text == ".":
        at += 2
    return parts[at].text if at < end else ""


def _declaring(parts: Sequence[Token], start: int, end: int) -> int:
    """Where the word stands that declares a type; the end: nowhere."""
    depth = 0
    for at in range(start, end):
        if depth == 0 and declares(parts, at):
            return at
        depth += (parts[at].text == "(") - (parts[at].text == ")")
    return end


def _members(parts: Sequence[Token], start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Of each member of a body: where it starts, and where its own body opens and closes.

    One without a body opens and closes at its semicolon.
    """
    at, depth, has_value = start, 0, False
    while at < end:
        text = parts[at].text
        if text == "{" and depth == 0 and not has_value:
            last = _closing(parts, at, end)
            yield start, at, last
            start = at = last + 1
            continue
        if text == ";" and depth == 0:
            yield start, at, at
            start, has_value = at + 1, False
        has_value = has_value or (text == "=" and depth == 0)
        depth += (text in OPENING) - (text in OPENING.values())
        at += 1


def _closing(parts: Sequence[Token], opened: int, end: int) -> int:
    depth = 0
    for at in range(opened, end):
        depth += (parts[at].text == "{") - (parts[at].text == "}")
        if depth == 0:
            return at
    return end


def _method(parts: Sequence[Token], first: int, body: int, last: int) -> _Method | None:
    """A method by its head and its body; None: it is a field or a block."""
    depth, called = 0, first
    for at in range(first, body):
        if depth == 0 and parts[at].text == "(":
            called = at  # the last one: before it there may be those of annotations
        depth += (parts[at].text == "(") - (parts[at].text == ")")
    if called == first:
        return None
    return _Method(
        marks=frozenset(annotations(parts[first:body])),
        name=parts[called - 1].text,
        takes_nothing=parts[called + 1].text == ")",
        does_nothing=all(part.text == ";" for part in parts[body + 1 : last]),
    )
