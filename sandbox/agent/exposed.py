"""The test's own objects that the program may use: functions handed over, instances, coroutines.

Guarantees: the program reaches nothing that the test did not hand over. Of a function it may ask
for a call, of an object for public attributes; it sets attributes only of objects whose class
stands in the test, and never one that hides a method. Names that begin with an underscore are
refused, and so are the test's cases, its modules and its frames. What the program may not have, or
cannot be told, is an error of the program's: nothing that it asks for makes the test unusable,
unless the test hands over coroutines that wait for what stands still meanwhile.
"""

import builtins
import functools
import io
import sys
import types
import unittest
from collections.abc import Callable
from typing import Any, Final
from unittest import mock

from . import operations
from .errors import ApartError, UnusableError
from .remote import error_name
from .waiting import Turns

FUNCTIONS: Final = (
    types.FunctionType,
    types.MethodType,
    types.BuiltinFunctionType,
    types.MethodDescriptorType,
    types.MethodWrapperType,
    functools.partial,
)
STREAMS: Final = (io.IOBase, mock.NonCallableMock)
TEXTS: Final = ("__name__", "__qualname__", "__doc__", "__module__")
ITERATORS: Final = ("builtins", "itertools", "collections")


class Exposed:
    """Numbers of the test's objects, and what may be done to them."""

    def __init__(
        self,
        encode: Callable[[Any], Any],
        decode: Callable[[Any], Any],
        is_theirs: Callable[[BaseException], bool],
    ) -> None:
        self._encode = encode
        self._decode = decode
        self._objects: list[object] = []
        self._numbers: dict[int, int] = {}
        self._errors: list[Exception] = []
        self._turns = Turns(is_theirs)

    def expose(self, value: object) -> Any:
        """The description of an object for the program; None: it must not have it."""
        if not _may_cross(value):
            return None
        if id(value) not in self._numbers:
            self._numbers[id(value)] = len(self._objects)
            self._objects.append(value)
        told = operations.told_of(type(value)) if not isinstance(value, type) else ["__call__"]
        described = {"mine": self._numbers[id(value)], "told": told}
        return described | {"is_coroutine": True} if operations.is_coroutine(value) else described

    def find(self, number: Any) -> Any:
        """The object of a number."""
        return self._objects[int(number)]

    def raised(self, number: Any) -> Exception:
        """An exception of the test's that came through the program."""
        return self._errors[int(number)]

    def answer(self, request: Any) -> dict[str, Any]:
        """Do what the program asks for."""
        try:
            return {"value": self._encode(self._do(request))}
        except ApartError:  # only where the test hands over what is awaited
            raise
        except UnusableError as error:  # it gives what the program may not have
            kind = AttributeError if request["do"] == "attribute" else TypeError
            return self._raised(kind(str(error)))
        except Exception as error:
            return self._raised(error)

    def _raised(self, error: Exception) -> dict[str, Any]:
        self._errors.append(error)
        try:
            told = self._encode(error)
        except (Exception, UnusableError):  # it holds what cannot be told
            told = {"o": {"e": [error_name(type(error)), [_text(error)]]}}
        return {"raised": told, "number": len(self._errors) - 1}

    def _do(self, request: Any) -> Any:
        operation, args = request["do"], self._decode(request.get("args", []))
        if operation == "input":
            return builtins.input(*args)
        if operation == "stdin":
            if request["name"] not in ("read", "readline"):
                raise AttributeError(request["name"])
            return getattr(sys.stdin, request["name"])(*args)
        if operation in ("go on", "give up"):
            go = self._turns.go_on if operation == "go on" else self._turns.give_up
            return go(int(request["target"]))
        target = self.find(request["target"])
        if operation == "call":
            return target(*args, **self._decode(request["kwargs"]))
        if operation == "attribute":
            return _attribute(target, request["name"])
        if operation == "await":
            return self._turns.begin(target)
        if operation == "special":
            return _special(target, request["name"], args)
        raise ValueError(f"no such operation: {operation}")


def _text(error: Exception) -> str:
    try:
        return str(error)
    except Exception:  # it is made of what it holds
        return ""


def _may_cross(value: object) -> bool:
    if isinstance(value, unittest.TestCase | types.ModuleType | types.FrameType):
        return False
    if isinstance(value, type):
        return _is_of_test(value) and not issubclass(value, unittest.TestCase)
    if isinstance(value, FUNCTIONS):
        owner = getattr(value, "__self__", None)
        return not isinstance(owner, unittest.TestCase | types.FrameType) or _is_of_test(
            type(owner)
        )
    kind = type(value)
    is_iterator = hasattr(kind, "__next__") and kind.__module__ in ITERATORS
    is_theirs = is_iterator or operations.is_coroutine(value)
    return isinstance(value, STREAMS) or is_theirs or _is_of_test(kind)


def _is_of_test(kind: type) -> bool:
    return kind.__module__ == "__main__"


def _attribute(target: Any, name: str) -> Any:
    if name in TEXTS and isinstance(target, FUNCTIONS):
        return str(getattr(target, name))  # for functools.wraps
    if name.startswith("_") or isinstance(target, FUNCTIONS):
        raise AttributeError(name)
    return getattr(target, name)


def _special(target: Any, name: str, args: list[Any]) -> Any:
    if name == "__setattr__":
        attribute, value = args
        hides = callable(getattr(type(target), attribute, None))
        if not _is_of_test(type(target)) or attribute.startswith("_") or hides:
            raise AttributeError(f"{attribute} is the test's")
        return setattr(target, attribute, value)
    if name == "__exit__":
        return type(target).__exit__(target, None, None, None)
    if name not in operations.SPECIAL:
        raise AttributeError(name)
    return operations.SPECIAL[name](target, *args)
