"""Programs whose functions are called, and programs with a test behind them, in other languages.

Guarantees: a driver speaks over descriptors above 2 alone; standard output and standard error are
the program's. Python needs no driver: its calls are made by the box's own interpreter.

The drivers stand in `agent/drivers`; here, one file a language, is which of them go to /app with a
program, and what is compiled and started.
"""

from collections.abc import Callable
from typing import Final

from sandbox.drivers import c, cpp, java, java_together, javascript, native
from sandbox.execution import Build

Built = tuple[Build, tuple[str, ...]]
_CALLS: Final[dict[str, Callable[[str, str], Built]]] = {
    "c": c.calls,
    "cpp": cpp.calls,
    "java": java.calls,
    "javascript": javascript.calls,
}


def calls_build(language: str, source: str, entry_point: str) -> Built:
    """What to build, and the command that makes the calls of descriptor 4.

    Raises:
        RequestError: The language has no such entry point.
    """
    return _CALLS[language](source, entry_point)


def harness_build(language: str, source: str, test: str) -> Built:
    """What to build, and the command that copies descriptor 4 to 3 once the test is over."""
    if language == "java":
        return java_together.harness(source, test)
    return native.harness(language, source, test)
