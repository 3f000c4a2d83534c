"""A test's own process: it reaches the tested program across a process boundary alone.

Guarantees: no code of the program runs here. What the program returns arrives as builtin values, or
as a `Remote`, which is equal to nothing but itself, has no order and no arithmetic. So an object
that claims to be equal to everything is equal to nothing.
"""

import builtins
import json
import os
import sys
from types import CodeType, ModuleType
from typing import Any, BinaryIO, NoReturn

from . import plain


class LostError(BaseException):
    """The tested program has ended, or talks nonsense."""


class RefusedError(BaseException):
    """The tested program did not load."""


class CannotCrossError(BaseException):
    """The test hands the program something that cannot cross a process boundary."""


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

    def __len__(self) -> int:
        return int(self._special("__len__"))

    def __iter__(self) -> Any:
        return self._special("__iter__")

    def __next__(self) -> Any:
        return self._special("__next__")

    def __getitem__(self, key: Any) -> Any:
        return self._special("__getitem__", key)

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
        given = link.encode(args)
        return link.ask({"do": "special", "target": self._number, "name": name, "args": given})


class Link:
    """Requests to the tested program."""

    def __init__(self, requests: int, replies: int) -> None:
        self._requests = requests
        self._replies: BinaryIO = os.fdopen(replies, "rb")
        self.is_lost = False
        opening = self._receive()
        if "refused" in opening:
            raise RefusedError(str(opening["refused"]))

    def call(self, number: int, args: Any, kwargs: Any) -> Any:
        request = {"args": self.encode(args), "kwargs": self.encode(kwargs)}
        return self.ask({"do": "call", "target": number} | request)

    def ask(self, request: dict[str, Any]) -> Any:
        """The answer of the program; raises what it raised, as the nearest builtin type."""
        line = json.dumps(request).encode() + b"\n"
        try:
            while line:
                line = line[os.write(self._requests, line) :]
        except BrokenPipeError:
            self._lose()
        reply = self._receive()
        if "raised" in reply:
            self._raise(*reply["raised"])
        try:
            return plain.decode(reply["value"], lambda number: Remote(self, number))
        except (plain.NotPlainError, KeyError):
            self._lose()

    @staticmethod
    def encode(value: Any) -> Any:
        """A value for the program."""

        def keep(found: object) -> int:
            if isinstance(found, Remote):
                return hash(found)
            raise CannotCrossError(f"a {type(found).__name__}")

        try:
            return plain.encode(value, keep)
        except plain.NotPlainError as error:
            raise CannotCrossError(str(error)) from error

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

    @staticmethod
    def _raise(kind: str, text: str) -> NoReturn:
        found = getattr(builtins, kind, Exception)
        safe = isinstance(found, type) and issubclass(found, BaseException)
        error = found(text) if safe and found not in (SystemExit, UnicodeDecodeError) else None
        error = error or Exception(f"{kind}: {text}")
        error.from_program = True  # type: ignore[union-attr]
        raise error


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
    sys.stdout.flush()
    os.write(results, json.dumps({"outcome": outcome, "reason": reason[:500]}).encode() + b"\n")


def _outcome(text: bytes, entry: str | None, requests: int, replies: int) -> tuple[str, str]:
    try:
        code = compile(text, "test", "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        return "unusable", f"the test does not compile: {error}"
    lost = "failed", "the program ended before the test did"
    try:
        link = Link(requests, replies)
        _execute(code, entry, link)
    except LostError:
        return lost
    except RefusedError as error:
        return "failed", str(error)
    except CannotCrossError as error:
        return "unusable", f"the test hands the program {error}; give it plain values"
    except SystemExit as error:
        if error.code:
            return "failed", f"the test ended with {error.code}"
    except (ImportError, SyntaxError) as error:
        kind = "failed" if hasattr(error, "from_program") else "unusable"
        return kind, f"{type(error).__name__}: {error}"
    except BaseException as error:
        return "failed", _place(error)
    return lost if link.is_lost else ("passed", "")


def _execute(code: CodeType, entry: str | None, link: Link) -> None:
    module = _ProgramModule("solution", link)
    sys.modules["solution"] = module
    names = Names(link)
    exec(code, names)  # noqa: S102
    if entry is not None:
        names["check"](link.ask({"do": "entry", "name": entry}))


class _ProgramModule(ModuleType):
    """`import solution` in a test."""

    def __init__(self, name: str, link: Link) -> None:
        super().__init__(name)
        self._link = link

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self._link.ask({"do": "name", "name": name})


def _place(error: BaseException) -> str:
    """An exception, and the line of the test from which it came."""
    line, frame = 0, error.__traceback__
    while frame is not None:
        if frame.tb_frame.f_code.co_filename == "test":
            line = frame.tb_lineno
        frame = frame.tb_next
    return f"line {line} of the test: {type(error).__name__}: {error}".removesuffix(": ")
