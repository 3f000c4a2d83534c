"""Calls of a Java program, and a test that drives one from another virtual machine.

Guarantees: the program's own lines keep their numbers in what a compiler says. A test is compiled
against stubs of the program's classes and runs without the program; what it knows of the program is
what comes over a pipe as data. The level of trust of a test follows from its source.
"""

import re
from dataclasses import dataclass
from typing import Final

from sandbox.drivers.files import driver
from sandbox.drivers.java_form import WRAPPER, Form, form_of, split_imports
from sandbox.drivers.java_source import Declared, Token, braces, tokens, top
from sandbox.execution import Build
from sandbox.languages import JAVA, LANGUAGES

PACKAGES: Final = ("java.io", "java.math", "java.util", "java.util.function", "java.util.stream")
IMPORTS: Final = "".join(f"import {package}.*; " for package in PACKAGES)
MOST_NAMES: Final = 2000  # of a test, that a constant array of Java holds
TEST_HEAP_MB: Final = 384
CALLS: Final = ("Calls.java", "Convert.java", "Descriptor.java", "Json.java")
SHARED: Final = tuple(
    f"apart/{name}.java"
    for name in re.findall(
        r"\w+",
        "Kinds Methods Objects Parsed Peer Proxy Reader Side Stub Table Throwables Writer",
    )
)
JUNIT: Final = tuple(
    f"junit/{name}.java"
    for name in re.findall(
        r"\w+",
        "Arguments Assertions Equals Failed Four FourMore Function JUnit Jupiter Params Providers"
        " Runners RunnersMore Three",
    )
)
OF_PROGRAM: Final = (
    "Descriptor.java",
    *SHARED,
    *(f"apart/{name}.java" for name in ("Made", "Same", "Serve")),
)
OF_TEST: Final = ("Descriptor.java", *SHARED, "apart/Harness.java", "apart/Link.java", *JUNIT)
_PACKAGE: Final = re.compile(r"^[ \t]*package\s+[\w.]+\s*;", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Apart:
    """A program and a test that are built and run without each other."""

    program: Build
    program_argv: tuple[str, ...]
    test: Build
    test_argv: tuple[str, ...]


def calls(source: str, entry_point: str) -> tuple[Build, tuple[str, ...]]:
    """What to build, and the command that makes the calls."""
    imports = "" if _PACKAGE.search(source) else IMPORTS
    files = {"Main.java": imports + classed(source)} | library(CALLS)
    return Build(files, LANGUAGES["java"]), (*command("PlumbCalls"), entry_point)


def runs_together(test: str) -> bool:
    """Whether a test has to run in the program's own process.

    Raises:
        TestsError: The test has nothing to run.
    """
    return bool(form_of(test).together)


def apart(source: str, test: str) -> Apart | None:
    """The two builds of a test that runs apart from the program; None: it has to run with it.

    Raises:
        TestsError: The test has nothing to run.
    """
    form = form_of(test)
    if form.together:
        return None
    program, opened = _program(source, form)
    files = {"Main.java": program} | library(OF_PROGRAM)
    extends = "" if not opened else f"extends {opened}"
    made = f"{WRAPPER}(PlumbRef ref, byte mark) {{ super(ref, mark); }}" if opened else ""
    body = form.body.replace("extends PLUMB_OPENED", extends, 1).replace("PLUMB_MADE", made, 1)
    files_of_test = {
        "Test.java": f"{form.imports} {IMPORTS} {body}",
        "program/Main.java": program,
        "about/opened": opened,
        "about/packages": " ".join(form.packages),
        "about/statics": " ".join(re.findall(r"import static ([\w.]+\w(?:\.\*)?)", form.imports)),
        "about/defaults": " ".join(PACKAGES),
    }
    spec = LANGUAGES["java"]
    run = [form.main] if form.main else []
    return Apart(
        program=Build(files, spec),
        program_argv=command("PlumbServe", "-ea"),
        test=Build(files_of_test | library(OF_TEST), spec),
        test_argv=(*command("PlumbHarness", "-ea", heap=str(TEST_HEAP_MB)), *run),
    )


def _program(source: str, form: Form) -> tuple[str, str]:
    """A program as it is compiled by itself, and the class of it that the test goes on in."""
    imports, body = split_imports(classed(source))
    parts = tokens(body)
    types = top(parts)
    opened = ""
    if form.goes_on:
        opened = _opened(types)
        _, unclosed = braces(parts)
        body += "\n" + "}" * unclosed
    names = {part.text for part in parts}
    declared = {one.name for one in types}
    # On the program's lines nothing moves: what the test adds stands before and behind them.
    helpers = "\n".join(
        text for name, text in form.helpers.items() if name in names and name not in declared
    )
    own = " ".join(f"{one};" for one in form.imports.split(";") if "import java" in one)
    return f"{imports} {own} {IMPORTS} {body}\n{helpers}", opened


def _opened(types: list[Declared]) -> str:
    """The class of a program that a test goes on in: one that is not closed, else the likeliest."""
    classes = [one for one in types if one.kind in ("class", "record")]
    for one in classes:
        if not one.is_closed:
            return one.name
    for name in ("Solution", "Problem", "Main"):
        if any(one.name == name for one in classes):
            return name
    return classes[-1].name if classes else ""


def classed(source: str) -> str:
    """A program; one of bare methods, in a class Solution. Lines keep their numbers."""
    imports, body = split_imports(source)
    parts = tokens(body)
    if top(parts) or not any(part.text == "(" for part in parts) or _is_statement(parts):
        return source
    return f"{imports} class Solution {{ {body}\n}}"


def _is_statement(parts: list[Token]) -> bool:
    """Whether there is no method among what stands at the top."""
    depth = 0
    for at, part in enumerate(parts):
        if depth == 0 and part.text == "{" and at and parts[at - 1].text == ")":
            return False
        depth += (part.text == "{") - (part.text == "}")
    return True


def library(names: tuple[str, ...]) -> dict[str, str]:
    return {f"library/{name}": driver(name) for name in names}


def command(main: str, *switches: str, heap: str = "{heap}") -> tuple[str, ...]:
    return (*JAVA, *switches, f"-Xmx{heap}m", "-cp", "/app/main.jar", main)
