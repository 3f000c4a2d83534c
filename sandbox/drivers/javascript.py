"""Calls of a JavaScript program, and a test behind it.

Guarantee: the program's own lines keep their numbers in what node says.
"""

import re
from typing import Final

from sandbox.drivers.files import command, driver
from sandbox.execution import Build

_JS_EXPORT: Final = re.compile(
    r"""^export\b(?:
        [ \t]*\{[^{}]*\}[ \t]*(?:;|$)
        |[ \t]+(?:default[ \t]+)?(?=(?:async[ \t]+)?function\b[ \t*]+\w|class[ \t]+(?!extends\b)\w)
        |[ \t]+(?P<value>default)\b
        |[ \t]+(?=(?:const|let|var)\b)
    )""",
    re.MULTILINE | re.VERBOSE,
)


def calls(source: str, entry_point: str) -> tuple[Build, tuple[str, ...]]:
    """What to build, and the command that makes the calls."""
    files = {"main.js": driver("calls.js"), "program.js": _without_exports(source)}
    return Build(files), (*command("javascript"), entry_point)


def _without_exports(source: str) -> str:
    """A program that is written as a module, as a script; its lines keep their numbers."""
    return _JS_EXPORT.sub(
        lambda found: "module.exports = " if found["value"] else "\n" * found[0].count("\n"), source
    )


def harness(source: str, test: str) -> tuple[Build, tuple[str, ...]]:
    """A program with a test behind it."""
    files = {"main.js": driver("harness.js"), "pristine.js": driver("pristine.js")}
    files |= {"program.js": _without_exports(source), "test.js": test}
    return Build(files), command("javascript")
