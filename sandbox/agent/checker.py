"""A test's own process: it reaches the tested program across a process boundary alone.

Guarantees: no code of the program runs here. What the program returns arrives as values of builtin
and library types, or as a `Remote`. Whether there is anything to run was read from the test before
(`sandbox.harness`); here a test passes when something of it has run and all of it was right.
Nothing that the program does makes a test look unusable.
"""

import builtins
import json
import os
import random
import sys
from types import CodeType, ModuleType
from typing import Any

from . import looks
from .errors import LostError, RefusedError, UnusableError
from .imports import Imports
from .link import Link
from .pytest_run import LIBRARY, stand_in_for_main
from .suites import run_suites
from .tally import Tally

FILE = "test"


class Names(dict[str, Any]):
    """The builtins of a test: Python's, and then the names of the tested program."""

    def __init__(self, link: Link, imports: Imports) -> None:
        super().__init__(
            __import__=imports.load,  # which is looked for in here alone
            isinstance=looks.is_instance,
            issubclass=looks.is_subclass,
        )
        self._link = link

    def __missing__(self, name: str) -> Any:
        if hasattr(builtins, name):  # as it is now: a test may have put something else there
            return getattr(builtins, name)
        if name.startswith("__"):
            raise KeyError(name)
        try:
            return self._link.name(name)
        except AttributeError:
            raise KeyError(name) from None


def check(
    entry_point: str | None, *, results: int, requests: int, replies: int, source: int
) -> None:
    """Run a test and write one line of JSON about it to `results`.

    Args:
        entry_point: What `check(candidate)` of the test is called with; None: running it is all.
        results: Descriptor for the outcome, `passed`, `failed` or `unusable`, and a reason.
        requests: Descriptor to the tested program.
        replies: Descriptor from it.
        source: Descriptor of the test: JSON with its `source` and what was read from it.
    """
    with open(source, "rb") as file:
        test = json.load(file)
    outcome, reason = _outcome(test, entry_point, requests, replies)
    os.write(results, json.dumps({"outcome": outcome, "reason": reason[:500]}).encode() + b"\n")
    os._exit(0)  # nothing that a test left behind may wait, or write, any more


def _outcome(
    test: dict[str, Any], entry: str | None, requests: int, replies: int
) -> tuple[str, str]:
    try:
        code = compile(test["source"], FILE, "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        return "unusable", f"the test does not compile: {error}"
    try:
        link = Link(requests, replies, test["needs"], test["patchable"])
    except (LostError, RefusedError) as error:
        return "failed", str(error)
    try:
        _execute(code, entry, link, test)
    except BaseException as error:
        outcome = describe(error, link, test)
    else:
        outcome = "passed", ""
    # Whatever a test makes of its program's end, it was the program's.
    return ("failed", link.loss) if link.loss else outcome


def describe(error: BaseException, link: Link, test: dict[str, Any]) -> tuple[str, str]:
    """What came of a test that raised, and one line about it."""
    if isinstance(error, UnusableError):
        return "unusable", str(error)
    may_be_why = link.has_raised(error) or link.has_left_files
    if isinstance(error, ModuleNotFoundError) and not may_be_why:
        lines = test["source"].splitlines()
        at = lines[min(_line(error), len(lines)) - 1].lstrip()
        if at.startswith(("import ", "from ")):
            return "unusable", f"the test needs a module that is not here: {error}"
    return "failed", _place(error)


def _execute(code: CodeType, entry: str | None, link: Link, test: dict[str, Any]) -> None:
    """Run the whole test; raises what makes it fail."""
    main = ModuleType("__main__")
    main.__dict__["__builtins__"] = Names(link, Imports(link, test["program_modules"]))
    main.__file__ = test["file"]
    for name in test["modules"]:
        setattr(main, name, __import__(name))
    sys.modules["__main__"] = main
    sys.path.append(LIBRARY)
    if "seed" in test["needs"]:
        _seed_both(link)
    if test["mentions_pytest"]:
        stand_in_for_main()
    looks.ask_there()
    tally = Tally(link)
    with tally.watching():
        try:
            exec(code, vars(main))  # noqa: S102
            if entry is not None:
                main.check(link.entry(entry))
        except SystemExit as error:
            if error.code or link.has_raised(error):
                raise AssertionError(f"the test ended with {error.code}") from error
        run_suites(main, test, tally)
    tally.conclude(expects=test["has_suites"])
    if not link.learned:
        if link.may_have_steered:
            raise AssertionError("the test passed without a question to the program")
        raise UnusableError("the test never uses the program")


def _seed_both(link: Link) -> None:
    seed = random.seed

    def both(*args: Any, **kwargs: Any) -> None:
        seed(*args, **kwargs)
        link.seed(*args)

    random.seed = both


def _line(error: BaseException) -> int:
    """The line of the test from which an exception came; 0: from none."""
    line, frame = 0, error.__traceback__
    while frame is not None:
        if frame.tb_frame.f_code.co_filename == FILE:
            line = frame.tb_lineno
        frame = frame.tb_next
    return line


def _place(error: BaseException) -> str:
    """An exception, and the line of the test from which it came."""
    try:
        text = str(error)
    except Exception:  # of the program's
        text = ""
    where = f"line {_line(error)} of the test: "
    return f"{where}{type(error).__name__}: {text}".removesuffix(": ")
