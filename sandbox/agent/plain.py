"""Python values as JSON and back: builtin types alone, told apart (a tuple is no list).

Guarantees: `decode(encode(value))` is equal to `value` and of the same builtin types; what comes
out of `decode` holds nothing but builtin types, and what `find` gives, whatever text went in, and
is bounded in depth, in values and in keys that share a hash, so that it takes time in proportion.
Types beyond JSON's are objects of one key: t tuple, d dict, s set, z frozenset, b bytes, c complex,
f float that is no number, i int of many digits, y a builtin type, o what `keep` says of any other.
"""

import builtins
import math
from collections.abc import Callable
from typing import Any

MANY_DIGITS = 10**4000  # Python refuses to write or read decimals much longer than this
MOST_VALUES = 1 << 21
DEEPEST = 400  # levels; Python's own stack ends somewhat later
SAME_HASH = 64  # keys of a table: honest data have two or three, whatever the table's size

_BUILTIN_TYPES = frozenset(one for one in vars(builtins).values() if isinstance(one, type))
_BUILTIN_NAMES = {one.__name__: one for one in _BUILTIN_TYPES}

KINDS = (str, int, float, list, tuple, dict, set, frozenset, bytes, bytearray, complex)
_EXACT = frozenset((*KINDS, bool, type(None))) - {bytearray}

Keep = Callable[[object], Any]  # gives JSON, or NotImplemented for what is to be as its base
Find = Callable[[Any], object]


class NotPlainError(Exception):
    """The value is not made of builtin types, or is nested too deeply."""


def is_builtin(kind: type) -> bool:
    """Whether it is one of the builtin types."""
    return kind in _BUILTIN_TYPES


def encode(value: object, keep: Keep | None = None) -> Any:
    """`value` for `json.dumps`; an object of another type becomes what `keep` says of it.

    Without a `keep`, an object of a type that derives from a builtin one counts as that.

    Raises:
        NotPlainError: There is another type in it and no `keep`, or it is nested too deeply.
    """
    try:
        return _encode(value, keep)
    except RecursionError as error:
        raise NotPlainError("nested too deeply") from error


def decode(value: Any, find: Find | None = None) -> Any:
    """The value that `encode` described; `find` gives the objects that stayed behind.

    Raises:
        NotPlainError: It is not what `encode` writes.
    """
    try:
        return _Decoder(find).decode(value, 0)
    except NotPlainError:
        raise
    except (RecursionError, ValueError, TypeError, OverflowError) as error:
        raise NotPlainError(f"not an encoded value: {error}") from error


def _encode(value: object, keep: Keep | None) -> Any:
    if keep is None or type(value) in _EXACT or (kept := keep(value)) is NotImplemented:
        return _encode_as_builtin(value, keep)
    return {"o": kept}


def _encode_as_builtin(value: object, keep: Keep | None) -> Any:
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
        return [_encode(item, keep) for item in value]
    if isinstance(value, tuple):
        return {"t": [_encode(item, keep) for item in value]}
    if isinstance(value, dict):
        return {"d": [[_encode(key, keep), _encode(item, keep)] for key, item in value.items()]}
    if isinstance(value, (set, frozenset)):
        return {"s" if isinstance(value, set) else "z": [_encode(item, keep) for item in value]}
    if isinstance(value, (bytes, bytearray)):
        return {"b": bytes(value).hex()}
    if isinstance(value, complex):
        return {"c": [_encode(value.real, None), _encode(value.imag, None)]}
    if isinstance(value, type) and value in _BUILTIN_TYPES:
        return {"y": value.__name__}
    raise NotPlainError(f"a {type(value).__name__} cannot leave its process")


class _Decoder:
    """Decodes one value within the bounds."""

    def __init__(self, find: Find | None) -> None:
        self._find = find
        self._left = MOST_VALUES

    def decode(self, value: Any, depth: int) -> Any:
        self._left -= 1
        if self._left < 0 or depth > DEEPEST:
            raise NotPlainError("too many values, or nested too deeply")
        if isinstance(value, list):
            return [self.decode(item, depth + 1) for item in value]
        if not isinstance(value, dict):
            return value
        if len(value) != 1:
            raise NotPlainError("not an encoded value: an object of several keys")
        ((tag, inside),) = value.items()
        if tag == "d":
            keys = _table([self.decode(key, depth + 1) for key, _ in inside])
            values = [self.decode(item, depth + 1) for _, item in inside]
            return dict(zip(keys, values, strict=True))
        if tag in ("t", "s", "z"):
            items = [self.decode(item, depth + 1) for item in inside]
            return tuple(items) if tag == "t" else (set if tag == "s" else frozenset)(_table(items))
        return self._scalar(tag, inside, depth)

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
        if tag == "y" and inside in _BUILTIN_NAMES:
            return _BUILTIN_NAMES[inside]
        if tag == "o" and self._find is not None:
            return self._find(inside)
        raise NotPlainError(f"not an encoded value: tag {tag!r}")


def _table(keys: list[Any]) -> list[Any]:
    """`keys`, unless so many share a hash that a table of them would take quadratic time.

    The hashes of texts are secret, those of numbers are not: multiples of 2**61 - 1 all have 0.
    """
    hashes = sorted(map(hash, keys))
    if any(one == other for one, other in zip(hashes, hashes[SAME_HASH:], strict=False)):
        raise NotPlainError("its keys are made to collide")
    return keys
