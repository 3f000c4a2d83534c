"""Calls of a Java program, and a test behind it.

Guarantees: the program's own lines keep their numbers in what a compiler says. The test keeps the
meaning that its words have without the program's classes of known names.
"""

import re
from typing import Final

from sandbox.drivers.files import driver
from sandbox.execution import Build
from sandbox.languages import JAVA, LANGUAGES

IMPORTS: Final = "".join(
    f"import java.{package}.*; "
    for package in ("io", "math", "util", "util.function", "util.stream")
)
MOST_NAMES: Final = 2000  # of a test, that a constant array of Java holds
LIBRARY: Final = ("Calls.java", "Convert.java", "Descriptor.java", "Json.java")
_IMPORT: Final = re.compile(
    r"^[ \t]*(?:import\s+(?:static\s+)?[\w.]+(?:\.\*)?\s*;[ \t]*)+", re.MULTILINE
)
_PACKAGE: Final = re.compile(r"^[ \t]*package\s+[\w.]+\s*;", re.MULTILINE)


def calls(source: str, entry_point: str) -> tuple[Build, tuple[str, ...]]:
    """What to build, and the command that makes the calls."""
    imports = "" if _PACKAGE.search(source) else IMPORTS
    files = {"Main.java": imports + source}
    files |= {f"library/{name}": driver(name) for name in LIBRARY}
    return Build(files, LANGUAGES["java"]), (*_command("PlumbCalls"), entry_point)


def harness(source: str, test: str) -> tuple[Build, tuple[str, ...]]:
    """What to build, and the command that ends well once the test is over."""
    main = _main(test)
    if main and re.search(rf"\bclass\s+{main}\b", source):
        renamed = f"{main}OfTheTest"
        test = re.sub(rf"\b{main}\b", renamed, test)
        main = renamed
    program = _PACKAGE.sub("", source)
    both = f"{program}\n{test}"
    imports = [found[0].strip() for found in _IMPORT.finditer(both)]
    first = " ".join(" ".join(one.split()) for one in imports)
    # What is taken out keeps its line breaks, so that the lines after it keep their numbers.
    rest = _IMPORT.sub(lambda found: "\n" * found[0].count("\n"), both)
    declared = set(re.findall(r"\b(?:class|interface|enum|record)\s+(\w+)", test))
    used = sorted(set(re.findall(r"\b[A-Z]\w*", test)) - declared)[:MOST_NAMES]
    packages = {"java.lang", *re.findall(r"import ([\w.]+)\.(?:\*|[A-Z]\w*) ?;", first)}
    wrapper = driver("Harness.java").replace("PLUMB_MAIN", main)
    wrapper = wrapper.replace("PLUMB_PACKAGES", _strings(sorted(packages)))
    wrapper = wrapper.replace("PLUMB_NAMES", _strings(used))
    files = {"Main.java": f"{first} {rest}", "Harness.java": wrapper}
    files["Descriptor.java"] = driver("Descriptor.java")
    return Build(files, LANGUAGES["java"]), _command("PlumbHarness", "-ea")


def _strings(words: list[str]) -> str:
    return ", ".join(f'"{word}"' for word in words)


def _main(test: str) -> str:
    """The class of a test that has the main method; empty: the program's class goes on in it."""
    start = re.search(r"\bvoid\s+main\s*\(", test)
    classes = re.findall(r"\bclass\s+(\w+)", test[: start.start()] if start else "")
    return classes[-1] if classes else ""


def _command(main: str, *switches: str) -> tuple[str, ...]:
    return (*JAVA, *switches, "-Xmx{heap}m", "-cp", "/app/main.jar", main)
