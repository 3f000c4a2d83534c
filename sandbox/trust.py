"""How far the verdict of some tests can be believed, said before any answer is seen.

Guarantees: the level follows from the tests and the language that the data names for them, never
from a program; a judgement of these tests has this level or a better one. Tests are read as text
and as syntax trees, and never run.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from sandbox.brackets import require_closed
from sandbox.drivers import native
from sandbox.drivers.java import runs_together
from sandbox.split import split_check, split_script
from sandbox.types import AnyTests, CallTests, CheckTests, Language, StdioTests, Trust


def trust_of(tests: AnyTests, language: Language) -> Trust:
    """What a verdict of `tests` on a program in `language` rests on, at least.

    Raises:
        TestsError: There is nothing in the tests that could be run.
    """
    if isinstance(tests, StdioTests):
        return Trust.OUTSIDE if tests.checker is None else Trust.CHECKER
    if isinstance(tests, CallTests):
        return Trust.OUTSIDE
    if isinstance(tests, CheckTests):  # Python's, whatever the program is in
        return _apart(split_check(tests.source, tests.entry_point) is not None)
    return _HARNESS[language](tests.source)


def _apart(is_split: bool) -> Trust:
    return Trust.OUTSIDE if is_split else Trust.CHECKER


def _python(source: str) -> Trust:
    return _apart(split_script(source) is not None)


def _javascript(source: str) -> Trust:
    return Trust.CHECKER


def _java(source: str) -> Trust:
    if not source.lstrip().startswith("}"):  # or it begins by closing a class of the program
        require_closed(source)
    return Trust.IN_PROCESS if runs_together(source) else Trust.CHECKER


def _native(source: str) -> Trust:
    native.require_whole(source)
    return Trust.IN_PROCESS


_HARNESS: Final[Mapping[Language, Callable[[str], Trust]]] = MappingProxyType(
    {"python": _python, "javascript": _javascript, "java": _java, "c": _native, "cpp": _native}
)
"""What a test script in a language comes to, by its source."""
