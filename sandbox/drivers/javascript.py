"""Calls of a JavaScript program, and a test that reaches it from a process of its own.

Guarantee: the program's own lines keep their numbers in what node says.
"""

from typing import Final

from sandbox.drivers.files import command, driver
from sandbox.drivers.javascript_modules import as_script, as_test
from sandbox.execution import Build

SHARED: Final = ("intrinsics", "link", "remote", "shapes", "values", "wire")
PROGRAMS: Final = ("timers",)
TESTS: Final = (
    *("asserts", "chai", "clock", "equality", "expect", "mocks", "pending", "scope", "suite"),
    *("turns", "watch", "hold"),
)


def calls(source: str, entry_point: str) -> tuple[Build, tuple[str, ...]]:
    """What to build, and the command that makes the calls."""
    files = {"main.js": driver("calls.js"), "program.js": as_script(source)}
    return Build(files), (*command("javascript"), entry_point)


def served(source: str) -> Build:
    """A program that does what a test asks for."""
    return Build(_files("serve", PROGRAMS) | {"program.js": as_script(source)})


def checker() -> Build:
    """What runs a test; the test itself is read from a descriptor."""
    return Build(_files("check", TESTS))


def test_script(source: str) -> str:
    """A test as `checker` reads it."""
    return as_test(source)


def _files(main: str, others: tuple[str, ...]) -> dict[str, str]:
    files = {f"{name}.js": driver(f"javascript/{name}.js") for name in (*SHARED, *others)}
    return files | {"main.js": driver(f"javascript/{main}.js")}
