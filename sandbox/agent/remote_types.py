"""Classes here for the program's classes, made of what the program says of them.

A description decides what a class is called, which special methods its objects have, and which of
the classes here it derives from; whatever else is in it is not read.
"""

import builtins
import keyword
from collections.abc import Mapping, Sequence
from typing import Any

from . import library
from .remote import (
    HELD,
    METHODS,
    ListedType,
    Remote,
    RemoteType,
    Value,
    Way,
    attribute_of,
    text_of,
)

_VALUED = frozenset(("__call__", "__enter__", "__exit__"))


def make_type(link: Way, number: int, said: Mapping[str, Any], bases: Sequence[type]) -> type:
    """The class here for a class of the program.

    Args:
        link: The way to it.
        number: Its number.
        said: Its description by `objects`.
        bases: The classes here of its bases.
    """
    name = str(said["name"])
    told = frozenset(str(one) for one in said["told"])
    chosen = _usable(bases)
    is_value = any(not isinstance(base, RemoteType) for base in chosen) or any(
        issubclass(base, Value | BaseException) for base in chosen
    )
    documented = property(lambda self: attribute_of(self, "__doc__"))
    names: dict[str, Any] = {"__module__": "solution", "__doc__": documented}
    if is_value:  # which no mere object can be a base of; `isinstance` asks about those
        chosen = tuple(base for base in chosen if not issubclass(base, Remote))
        own = _VALUED & told
        if not any(issubclass(base, Value | BaseException) for base in chosen):
            chosen = (Value, *chosen)
    else:
        own = told
        names["__slots__"] = ()
        chosen = chosen if any(issubclass(base, Remote) for base in chosen) else (Remote, *chosen)
    names |= {one: METHODS[one] for one in own if one in METHODS}
    if any(issubclass(base, BaseException) for base in chosen):
        names["__getattr__"] = attribute_of
        if said["says"]:
            names["__str__"] = lambda self: text_of(self, "__str__")
    meta = ListedType if said["is_listed"] else RemoteType
    label = name if name.isidentifier() and not keyword.iskeyword(name) else "Object"
    try:
        kind = type.__new__(meta, label, chosen, names)
    except TypeError:  # bases that do not go together
        kind = type.__new__(meta, label, (Remote,), names | {"__slots__": ()})
    kind._plumb_link, kind._plumb_number, kind._plumb_told = link, number, told
    type.__setattr__(
        kind, "_plumb_is_holder", any(getattr(base, "_plumb_holds", False) for base in kind.__mro__)
    )
    return kind


def base_type(name: Any) -> type:
    """The class here for a builtin base, or for an error of the standard library."""
    if isinstance(name, list):
        try:
            found = library.find(*name)
        except (LookupError, TypeError):
            return Exception
    else:
        found = getattr(builtins, str(name), None)
    if not isinstance(found, type) or found is object or found is type:
        return Remote
    if found in HELD:
        return HELD[found]
    if issubclass(found, BaseException):
        return found if issubclass(found, Exception | SystemExit) else Exception
    return found if found in (int, float, complex, str, bytes, tuple, frozenset) else Remote


def _usable(bases: Sequence[type]) -> tuple[type, ...]:
    """Without bases that others derive from, so that an order of them exists."""
    return tuple(
        base
        for base in dict.fromkeys(bases)
        if not any(other is not base and issubclass(other, base) for other in bases)
    )
