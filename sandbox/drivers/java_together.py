"""A Java test that has to run in the program's own process.

Guarantees: a test that is not run to its end has not passed. The test keeps the meaning that its
words have without the program's classes of known names, and its assertions are made whatever the
program says to its class loader. What remains: a program that was written against this sandbox and
reads or changes its own memory.
"""

import re
from typing import Final

from sandbox.drivers.files import driver
from sandbox.drivers.java import JUNIT, command, library
from sandbox.drivers.java_form import WRAPPER, form_of, split_imports
from sandbox.drivers.java_source import braces, tokens, top
from sandbox.execution import Build
from sandbox.languages import LANGUAGES

MOST_NAMES: Final = 2000  # of a test, that a constant array of Java holds
# Nobody may attach to the machine and dump what it holds, another process of the program included.
SWITCHES: Final = ("-ea", "-XX:+DisableAttachMechanism")


def harness(source: str, test: str) -> tuple[Build, tuple[str, ...]]:
    """What to build, and the command that copies descriptor 4 to 3 once the test is over.

    Raises:
        TestsError: The test has nothing to run.
    """
    form = form_of(test)
    main, run = form.main, "main" if form.main else "annotated"
    tests = [one.name for one in top(tokens(test))]
    opened = ""  # the class of the program that the test goes on in
    if form.goes_on:
        parts = tokens(source)
        if not braces(parts)[1]:
            test = f"{form.imports} {form.body}".replace("extends PLUMB_OPENED", "")
            test = test.replace("PLUMB_MADE", "")
        elif main.startswith(WRAPPER):
            main, opened = "", next((one.name for one in top(parts) if not one.is_closed), "")
    if main and re.search(rf"\b(?:class|interface|enum|record)\s+{main}\b", source):
        renamed = f"{main}OfTheTest"
        test = re.sub(rf"\b{main}\b", renamed, test)
        main = renamed
    main = main or opened
    # What is taken out keeps its line breaks, so that the lines after it keep their numbers.
    first, rest = split_imports(f"{source}\n{test}")
    declared = set(re.findall(r"\b(?:class|interface|enum|record)\s+(\w+)", test))
    used = sorted(set(re.findall(r"\b[A-Z]\w*", test)) - declared)[:MOST_NAMES]
    packages = {"java.lang", *re.findall(r"import ([\w.]+)\.(?:\*|[A-Z]\w*) ?;", first)}
    wrapper = driver("Together.java").replace("PLUMB_MAIN", main).replace("PLUMB_RUN", run)
    wrapper = wrapper.replace("PLUMB_PACKAGES", _strings(sorted(packages)))
    wrapper = wrapper.replace("PLUMB_NAMES", _strings(used))
    wrapper = wrapper.replace("PLUMB_TESTS", _strings(sorted(set(tests))[:MOST_NAMES]))
    files = {"Main.java": f"{first} {rest}", "Together.java": wrapper, "about/pinned": ""}
    files |= library(("Descriptor.java", *JUNIT))
    return Build(files, LANGUAGES["java"]), command("PlumbTogether", *SWITCHES)


def _strings(words: list[str]) -> str:
    return ", ".join(f'"{word}"' for word in words)
