"""Python values as JSON and back: builtin types alone, told apart (a tuple is no list).

Guarantees: `decode(encode(value))` is equal to `value` and of the same builtin types; what comes
out of `decode` holds nothing but builtin types, and what `find` gives, whatever text went in, and
is bounded in depth, in values and in keys that share a hash, so that it takes time in proportion.
Types beyond JSON's are objects of one key: t tuple, d dict, s set, z frozenset, b bytes, c complex,
f float that is no number, i int of many digits, y a builtin type, o what `keep` says of any other,
a a container that has been met before (`places`). A reader that has a `find` is asked for builtin
types too, so that it knows of them.
"""

import builtins
import math
from collections.abc import Callable
from typing import Any, Protocol

MANY_DIGITS = 10**4000  # Python refuses to write or read decimals much longer than this
MOST_VALUES = 1 << 21
DEEPEST = 400  # levels; Python's own stack ends somewhat later
SAME_HASH = 64  # keys of a table: honest data have two or three, whatever the table's size

_BUILTIN_TYPES = frozenset(one for one in vars(builtins).values() if isinstance(one, type))
_BUILTIN_NAMES = {one.__name__: one for one in _BUILTIN_TYPES}

KINDS = (str, int, float, list, tuple, dict, set, frozenset, bytes, bytearray, complex)
_EXACT = frozenset((*KINDS, bool, type(None))) - {bytearray}
_MUTABLE = frozenset((list, dict, set))

Keep = Callable[[object], Any]  # gives JSON, or NotImplemented for what is to be as its base
Find = Callable[[Any], object]


class Met(Protocol):
    """The containers of an exchange, by number."""

    def number(self, value: object) -> int | None:
        """The number of one; None: it has not been met."""

    def add(self, value: object) -> None:
        """Give one the next number."""

    def find(self, number: Any) -> Any:
        """The one of a number."""


class NotPlainError(Exception):
    """The value is not made of builtin types, or is nested too deeply."""


def is_builtin(kind: type) -> bool:
    """Whether it is one of the builtin types."""
    return kind in _BUILTIN_TYPES


def builtin(name: Any) -> type:
    """The builtin type of a name; raises NotPlainError where there is none."""
    if name not in _BUILTIN_NAMES:
        raise NotPlainError("no builtin type")
    return _BUILTIN_NAMES[name]


def encode(value: object, keep: Keep | None = None, places: Met | None = None) -> Any:
    """`value` for `json.dumps`; an object of another type becomes what `keep` says of it.

    Without a `keep`, an object of a type that derives from a builtin one counts as that. Without
    `places`, a list that stands in it twice becomes two.

    Raises:
        NotPlainError: There is another type in it and no `keep`, or it is nested too deeply.
    """
    try:
        return _encode(value, keep, places)
    except RecursionError as error:
        raise NotPlainError("nested too deeply") from error


def decode(value: Any, find: Find | None = None, places: Met | None = None) -> Any:
    """The value that `encode` described; `find` gives the objects that stayed behind.

    Raises:
        NotPlainError: It is not what `encode` writes.
    """
    try:
        return _Decoder(find, places).decode(value, 0)
    except NotPlainError:
        raise
    except (RecursionError, ValueError, TypeError, OverflowError) as error:
        raise NotPlainError(f"not an encoded value: {error}") from error


def _encode(value: object, keep: Keep | None, places: Met | None) -> Any:
    kind = type(value)
    if places is not None and kind in _MUTABLE:
        if (number := places.number(value)) is not None:
            return {"a": number}
        places.add(value)
    if keep is None or kind in _EXACT or (kept := keep(value)) is NotImplemented:
        return _encode_as_builtin(value, keep, places)
    return {"o": kept}


def _encode_as_builtin(value: object, keep: Keep | None, places: Met | None) -> Any:
    if value is None or value is True or value is False:
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        number = int.__int__(value)
        return number if -MANY_DIGITS < number < MANY_DIGITS else {"i": hex(number)}
    if isinstance(value, float):
        real = float.__float__(value)
        return real if math.isfinite(real) else {"f": repr(real)}
    if isinstance(value, list):
        return [_encode(item, keep, places) for item in value]
    if isinstance(value, tuple):
        return {"t": [_encode(item, keep, places) for item in value]}
    if isinstance(value, dict):
        pairs = value.items()
        return {"d": [[_encode(key, keep, places), _encode(it, keep, places)] for key, it in pairs]}
    if isinstance(value, (set, frozenset)):
        items = [_encode(item, keep, places) for item in value]
        return {"s" if isinstance(value, set) else "z": items}
    if isinstance(value, (bytes, bytearray)):
        return {"b": bytes(value).hex()}
    if isinstance(value, complex):
        return {"c": [_encode(part, None, None) for part in (value.real, value.imag)]}
    if isinstance(value, type) and value in _BUILTIN_TYPES:
        return {"y": value.__name__}
    raise NotPlainError(f"a {type(value).__name__} cannot leave its process")


class _Decoder:
    """Decodes one value within the bounds."""

    def __init__(self, find: Find | None, places: Met | None) -> None:
        self._find = find
        self._places = places
        self._left = MOST_VALUES

    def decode(self, value: Any, depth: int) -> Any:
        self._left -= 1
        if self._left < 0 or depth > DEEPEST:
            raise NotPlainError("too many values, or nested too deeply")
        if isinstance(value, list):
            made = self._met([])
            made.extend([self.decode(item, depth + 1) for item in value])
            return made
        if not isinstance(value, dict):
            return value
        if len(value) != 1:
            raise NotPlainError("not an encoded value: an object of several keys")
        ((tag, inside),) = value.items()
        if tag in ("d", "s"):
            filled: Any = self._met({} if tag == "d" else set())
            keys = inside if tag == "s" else [key for key, _ in inside]
            keys = table([self.decode(key, depth + 1) for key in keys])
            if tag == "s":
                filled.update(keys)
            else:
                values = [self.decode(item, depth + 1) for _, item in inside]
                filled.update(zip(keys, values, strict=True))
            return filled
        if tag in ("t", "z"):
            items = [self.decode(item, depth + 1) for item in inside]
            return tuple(items) if tag == "t" else frozenset(table(items))
        return self._scalar(tag, inside, depth)

    def _met(self, made: Any) -> Any:
        if self._places is not None:
            self._places.add(made)
        return made

    def _scalar(self, tag: str, inside: Any, depth: int) -> Any:
        if tag == "i":
            return int(inside, 16)
        if tag == "f":
            return float(inside)
        if tag == "b":
            return bytes.fromhex(inside)
        if tag == "c":
            real, imaginary = (self.decode(part, depth + 1) for part in inside)
            return complex(real, imaginary)
        if tag == "y":
            return builtin(inside) if self._find is None else self._find({"y": inside})
        if tag == "a" and self._places is not None:
            return self._places.find(inside)
        if tag == "o" and self._find is not None:
            return self._find(inside)
        raise NotPlainError(f"not an encoded value: tag {tag!r}")


def table(keys: list[Any]) -> list[Any]:
    """`keys`, unless so many share a hash that a table of them would take quadratic time.

    The hashes of texts are secret, those of numbers are not: multiples of 2**61 - 1 all have 0.
    """
    hashes = sorted(map(hash, keys))
    if any(one == other for one, other in zip(hashes, hashes[SAME_HASH:], strict=False)):
        raise NotPlainError("its keys are made to collide")
    return keys
