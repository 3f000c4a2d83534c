"""The program's objects as its tester sees them: numbers, and descriptions of their types.

What is made of builtin types crosses as a value (`plain`), and so do values of the standard library
(`library`). Any other object stays and crosses as a number with that of its type; a type is
described when it first crosses. An object whose type derives from an immutable builtin one takes
its value along.
"""

import builtins
import functools
import types
from typing import Any

from . import library, operations, plain
from .foreign import Foreign
from .places import NAMES, Places

IMMUTABLE = (bool, int, float, complex, str, bytes, tuple, frozenset)
ENTRIES = 500  # of what a type lists as its bases


def nearest_builtin(kind: type) -> str:
    """The nearest builtin type, by name."""
    for base in kind.__mro__:
        if getattr(builtins, base.__name__, None) is base:
            return str(base.__name__)
    return "object"


class Objects:
    """Numbers of objects, and back."""

    def __init__(self) -> None:
        self._objects: list[object] = []
        self._numbers: dict[int, int] = {}
        self._described: set[int] = set()
        self._news: dict[int, Any] = {}

    def encode(self, value: object, places: Places | None = None) -> Any:
        """A value for the tester."""
        return plain.encode(value, functools.partial(self._keep, places=places), places)

    def news(self) -> dict[int, Any]:
        """The descriptions that the tester has not yet got."""
        found, self._news = self._news, {}
        return found

    def number(self, value: object) -> int:
        """The number of an object, which is kept alive, so that its id stays its own."""
        if id(value) not in self._numbers:
            self._numbers[id(value)] = len(self._objects)
            self._objects.append(value)
        return self._numbers[id(value)]

    def find(self, number: Any) -> Any:
        """The object of a number."""
        return self._objects[number]

    def _keep(self, value: Any, places: Places | None = None) -> Any:
        kind = type(value)
        if isinstance(value, Foreign):
            return {"mine": value._plumb_number}
        if places is not None and (number := places.met(value)) is not None:
            return {"again": number}
        if (found := library.parts_of(value)) is not None:
            name, parts = found
            return {"lib": name, "parts": self.encode(parts, places if name in NAMES else None)}
        if isinstance(value, type) and plain.is_builtin(value):
            return NotImplemented
        if isinstance(value, type | types.BuiltinFunctionType | types.FunctionType) and (
            reference := library.name_of(value)
        ):
            return {"ref": reference}
        if isinstance(value, type):
            return {"c": self.type_number(value)}
        if isinstance(value, BaseException):
            return self.exception(value)
        if kind is types.GeneratorType:
            return {"g": self.number(value)}
        if operations.is_coroutine(value):
            return {"a": self.number(value)}
        described = {"n": self.number(value), "t": self.type_number(kind)}
        for base in IMMUTABLE:
            if isinstance(value, base):
                return described | {"v": plain.encode(_as_base(value, base), self._keep)}
        return described

    def exception(self, error: BaseException) -> dict[str, Any]:
        """An exception: its type, its arguments if they can cross, and its number."""
        described: dict[str, Any] = {"n": self.number(error)}
        described |= self._error_type(type(error))
        try:
            described["args"] = self.encode(list(error.args))
        except BaseException:  # a program's own exception may do anything
            described["args"] = [describe(error).partition(": ")[2]]
        return {"e": described}

    def _error_type(self, kind: type) -> dict[str, Any]:
        if plain.is_builtin(kind):
            return {"ref": ["builtins", kind.__name__]}
        if reference := library.name_of(kind):
            return {"ref": reference}
        return {"t": self.type_number(kind)}

    def type_number(self, kind: type) -> int:
        """The number of a type; its description is among the news."""
        number = self.number(kind)
        if number not in self._described:
            self._described.add(number)
            bases = [self._base(base) for base in kind.__bases__]
            self._news[number] = {
                "name": kind.__name__,
                "bases": bases[:ENTRIES],
                "told": operations.told_of(kind),
                "is_listed": "__iter__" in operations.told_of(type(kind)),
                "says": any("__str__" in vars(b) for b in kind.__mro__ if not plain.is_builtin(b)),
            }
        return number

    def _base(self, base: type) -> Any:
        if plain.is_builtin(base):
            return base.__name__
        if issubclass(base, BaseException) and (reference := library.name_of(base)):
            return reference
        return self.type_number(base)


def _as_base(value: Any, base: type) -> Any:
    """The builtin value in an object, whatever its class makes of it."""
    if base is tuple:
        return tuple(tuple.__iter__(value))
    if base is frozenset:
        return frozenset(frozenset.__iter__(value))
    if base is str:
        return str.__str__(value)
    if base is bytes:
        return bytes.__getitem__(value, slice(None))
    if base is int:
        return int.__int__(value)
    if base is float:
        return float.__float__(value)
    return complex.__pos__(value)


def describe(error: BaseException) -> str:
    """An exception in a few words."""
    try:
        text = str(error)
    except BaseException:  # a program's own exception may do anything
        text = ""
    return f"{type(error).__name__}: {text[:300]}"
