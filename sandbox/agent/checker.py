"""A test's own process: it reaches the tested program across a process boundary alone.

Guarantees: no code of the program runs here. What the program returns arrives as builtin values, or
as a `Remote`, which is equal to nothing but itself, has no order and no arithmetic. So an object
that claims to be equal to everything is equal to nothing. A test that never asked the program
anything is no test. Nothing that the program does makes a test look unusable.
"""

import builtins
import contextlib
import json
import os
import sys
from types import CodeType, ModuleType
from typing import Any, BinaryIO, NoReturn

from . import plain

PROGRAM = "solution"  # what a test may import the program as


class LostError(BaseException):
    """The tested program has ended, or talks nonsense."""


class RefusedError(BaseException):
    """The tested program did not load."""


class UnusableError(BaseException):
    """The test is at fault; says how."""


class Remote:
    """Something that lives in the tested program's process."""

    __slots__ = ("_link", "_number")

    def __init__(self, link: "Link", number: int) -> None:
        object.__setattr__(self, "_link", link)
        object.__setattr__(self, "_number", number)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._link.call(self._number, args, kwargs)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self._link.ask({"do": "attribute", "target": self._number, "name": name})

    def __setattr__(self, name: str, value: Any) -> None:
        self._special("__setattr__", name, value)

    def __len__(self) -> int:
        return int(self._special("__len__"))

    def __iter__(self) -> Any:
        return self._special("__iter__")

    def __next__(self) -> Any:
        return self._special("__next__")

    def __getitem__(self, key: Any) -> Any:
        return self._special("__getitem__", key)

    def __setitem__(self, key: Any, value: Any) -> None:
        self._special("__setitem__", key, value)

    def __delitem__(self, key: Any) -> None:
        self._special("__delitem__", key)

    def __enter__(self) -> Any:
        return self._special("__enter__")

    def __exit__(self, *_: object) -> None:
        self._special("__exit__")

    def __bool__(self) -> bool:
        return self._special("__bool__") is True

    def __str__(self) -> str:
        return str.__str__(self._special("__str__"))

    def __repr__(self) -> str:
        return str.__str__(self._special("__repr__"))

    def __contains__(self, wanted: Any) -> bool:
        return any(wanted == item for item in self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Remote) and other._number == self._number

    def __hash__(self) -> int:
        return int(self._number)

    def _special(self, name: str, *args: Any) -> Any:
        link: Link = self._link
        given = link.encode(list(args))
        return link.ask({"do": "special", "target": self._number, "name": name, "args": given})


class Link:
    """Requests to the tested program."""

    def __init__(self, requests: int, replies: int) -> None:
        self.is_lost = False
        self.asked = 0
        self._requests = requests
        self._replies: BinaryIO = os.fdopen(replies, "rb")
        opening = self._receive()
        if "refused" in opening:
            raise RefusedError(str(opening["refused"]))

    def call(self, number: int, args: Any, kwargs: Any) -> Any:
        request = {"args": self.encode(list(args)), "kwargs": self.encode(kwargs)}
        reply = self._exchange({"do": "call", "target": number} | request)
        value = self._decode(reply.get("value"))
        if "after" in reply:
            _write_back(args, self._decode(reply["after"]))
        return value

    def ask(self, request: dict[str, Any]) -> Any:
        """The answer of the program; raises what it raised, as the nearest builtin type."""
        return self._decode(self._exchange(request).get("value"))

    def encode(self, value: Any) -> Any:
        """A value for the program."""

        def keep(found: object) -> int:
            if isinstance(found, Remote):
                return hash(found)
            raise UnusableError(f"the test hands the program a {type(found).__name__}")

        try:
            return plain.encode(value, keep)
        except plain.NotPlainError as error:
            raise RecursionError(str(error)) from error

    def _exchange(self, request: dict[str, Any]) -> dict[str, Any]:
        self.asked += request["do"] != "entry"
        line = json.dumps(request).encode() + b"\n"
        try:
            while line:
                line = line[os.write(self._requests, line) :]
        except BrokenPipeError:
            self._lose()
        reply = self._receive()
        if "raised" in reply:
            self._raise(reply["raised"], may_stop=request.get("name") == "__next__")
        return reply

    def _decode(self, value: Any) -> Any:
        try:
            return plain.decode(value, lambda number: Remote(self, number))
        except plain.NotPlainError:
            self._lose()

    def _receive(self) -> dict[str, Any]:
        try:
            reply = json.loads(self._replies.readline())
        except (ValueError, RecursionError):
            self._lose()
        if not isinstance(reply, dict):
            self._lose()
        return reply

    def _lose(self) -> NoReturn:
        self.is_lost = True  # for a test that catches everything
        raise LostError

    def _raise(self, raised: Any, *, may_stop: bool) -> NoReturn:
        """Raise what the program raised; what would steer the test becomes an ordinary error."""
        try:
            kind, text, args = str(raised[0]), str(raised[1]), raised[2]
        except (TypeError, IndexError, KeyError):
            self._lose()
        found: Any = getattr(builtins, kind, None)
        is_safe = isinstance(found, type) and issubclass(found, Exception)
        if is_safe and issubclass(found, StopIteration | StopAsyncIteration):
            is_safe = may_stop
        error: Any = RuntimeError(f"{kind}: {text}")
        if is_safe:
            given = self._decode(args) if args is not None else [text]
            # Some types want other arguments than the program's had, such as UnicodeDecodeError.
            with contextlib.suppress(Exception):
                error = found(*given)
        error.from_program = True
        raise error


def _write_back(before: Any, after: Any) -> None:
    """Do to the test's own lists, dicts and sets what the call did to its copies of them."""
    if not isinstance(after, list) or len(after) != len(before):
        return
    for ours, theirs in zip(before, after, strict=True):
        if type(ours) is not type(theirs) or ours == theirs:
            continue
        if isinstance(ours, list):
            ours[:] = theirs
        elif isinstance(ours, dict | set):
            ours.clear()
            ours.update(theirs)


class Names(dict[str, Any]):
    """The test's globals: its own names, Python's, and then those of the tested program."""

    def __init__(self, link: Link) -> None:
        super().__init__(__name__="__main__", __builtins__=builtins)
        self._link = link

    def __missing__(self, name: str) -> Any:
        if hasattr(builtins, name) or name.startswith("__"):
            raise KeyError(name)
        try:
            return self._link.ask({"do": "name", "name": name})
        except AttributeError:
            raise KeyError(name) from None


class _MainModule(ModuleType):
    """`__main__` of a test, where unittest looks for its cases."""

    def __init__(self, names: Names) -> None:
        super().__init__("__main__")
        self._names = names

    def __dir__(self) -> list[str]:
        return list(self._names)

    def __getattr__(self, name: str) -> Any:
        if dict.__contains__(self._names, name):
            return dict.__getitem__(self._names, name)
        raise AttributeError(name)


class _ProgramModule(ModuleType):
    """The program, as a test imports it."""

    def __init__(self, link: Link) -> None:
        super().__init__(PROGRAM)
        self._link = link

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self._link.ask({"do": "name", "name": name})


def check(
    entry_point: str | None, *, results: int, requests: int, replies: int, source: int
) -> None:
    """Run a test and write one line of JSON about it to `results`.

    Args:
        entry_point: What `check(candidate)` of the test is called with; None: running it is all.
        results: Descriptor for the outcome, `passed`, `failed` or `unusable`, and a reason.
        requests: Descriptor to the tested program.
        replies: Descriptor from it.
        source: Descriptor of the test's source.
    """
    with open(source, "rb") as file:
        text = file.read()
    outcome, reason = _outcome(text, entry_point, requests, replies)
    os.write(results, json.dumps({"outcome": outcome, "reason": reason[:500]}).encode() + b"\n")


def _outcome(text: bytes, entry: str | None, requests: int, replies: int) -> tuple[str, str]:
    try:
        code = compile(text, "test", "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        return "unusable", f"the test does not compile: {error}"
    try:
        link = Link(requests, replies)
        _execute(code, entry, link)
    except LostError:
        return "failed", "the program ended before the test did"
    except RefusedError as error:
        return "failed", str(error)
    except UnusableError as error:
        return "unusable", str(error)
    except BaseException as error:
        if _needs_a_module(error):
            return "unusable", f"the test needs a module that is not here: {error}"
        return "failed", _place(error)
    return ("failed", "the program ended before the test did") if link.is_lost else ("passed", "")


def _needs_a_module(error: BaseException) -> bool:
    """Whether the test itself imports something, beside the program, that is not here."""
    if not isinstance(error, ModuleNotFoundError) or hasattr(error, "from_program"):
        return False
    return (error.name or "").partition(".")[0] != PROGRAM


def _execute(code: CodeType, entry: str | None, link: Link) -> None:
    """Run the whole test; raises what makes it fail."""
    names = Names(link)
    sys.modules[PROGRAM] = _ProgramModule(link)
    sys.modules["__main__"] = _MainModule(names)
    suites = _watch_unittest() if "unittest" in code.co_names else []
    try:
        exec(code, names)  # noqa: S102
        if entry is not None:
            if not dict.__contains__(names, "check"):
                raise UnusableError("the test defines no function check")
            names["check"](link.ask({"do": "entry", "name": entry}))
        elif not link.asked:
            _call_test_functions(names)
    except SystemExit as error:
        if error.code:
            raise AssertionError(f"the test ended with {error.code}") from error
    for succeeded in suites:
        assert succeeded, "a unittest failed, or none was found"
    if not link.asked:
        raise UnusableError("the test never uses the program")


def _call_test_functions(names: Names) -> None:
    """Call what pytest would."""
    for name, value in list(names.items()):
        if name.startswith("test") and callable(value):
            value()


def _watch_unittest() -> list[bool]:
    """Have unittest note whether each of its runs succeeded: a test may not ask."""
    import unittest

    noted: list[bool] = []
    run_tests = unittest.TestProgram.runTests

    def run(program: Any) -> None:
        try:
            run_tests(program)
        finally:
            result = getattr(program, "result", None)
            noted.append(bool(result and result.wasSuccessful() and result.testsRun))

    setattr(unittest.TestProgram, "runTests", run)  # noqa: B010
    return noted


def _place(error: BaseException) -> str:
    """An exception, and the line of the test from which it came."""
    line, frame = 0, error.__traceback__
    while frame is not None:
        if frame.tb_frame.f_code.co_filename == "test":
            line = frame.tb_lineno
        frame = frame.tb_next
    return f"line {line} of the test: {type(error).__name__}: {error}".removesuffix(": ")
