"""Values of the standard library across a process boundary: by value, or by their name.

Guarantees: what `rebuild` makes is an object of the standard library itself, made of decoded plain
data, so that the other process lends it no method; what `find` gives is pure and stands in the list
below. Neither trusts a word of the other side.
"""

import array
import builtins
import datetime
import decimal
import fractions
import importlib
import pathlib
import sys
import types
import uuid
from collections import ChainMap, Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Mapping
from typing import Any, Final

Parts = list[Any]

UNSAFE: Final = """
    breakpoint compile copyright credits delattr dir eval exec exit getattr globals help input
    license locals memoryview object open print quit setattr super type vars __import__
    __build_class__
"""
"""Builtins that are no functions of their arguments alone."""
PURE: Final = """
    _bisect _collections _datetime _decimal _functools _heapq _operator _statistics bisect cmath
    collections copy datetime decimal fractions functools heapq itertools math numbers operator
    pathlib statistics string typing
"""
"""Modules whose functions and classes are."""
ERRORS: Final = """
    asyncio.exceptions binascii concurrent.futures._base configparser csv _csv dataclasses decimal
    graphlib json.decoder queue _queue re sre_constants sqlite3 statistics struct subprocess tarfile
    urllib.error uuid xml.etree.ElementTree zipfile zoneinfo
"""
"""Modules whose errors a test may catch; none of them skips or ends a test."""
_UNSAFE, _PURE, _ERRORS = (frozenset(names.split()) for names in (UNSAFE, PURE, ERRORS))


def _offset(zone: datetime.tzinfo | None) -> Any:
    if zone is None:
        return None
    if type(zone) is not datetime.timezone:
        raise TypeError("a time zone with rules")
    return zone.utcoffset(None).total_seconds()


def _zone(seconds: Any) -> datetime.timezone | None:
    return None if seconds is None else datetime.timezone(datetime.timedelta(seconds=seconds))


def _clock(value: Any) -> Parts:
    return [value.hour, value.minute, value.second, value.microsecond, _offset(value.tzinfo)]


def _bytes(view: memoryview) -> bytes:
    if view.format != "B" or view.ndim != 1:
        raise TypeError("a view of other than bytes")
    return bytes(view)


def _factory(value: Any) -> Any:
    return value.default_factory


_EMPTY: dict[Any, Any] = {}
_RULES: Final[Mapping[type, tuple[str, Callable[[Any], Parts], Callable[..., Any]]]] = {
    Counter: ("Counter", lambda v: [dict(v)], Counter),
    OrderedDict: ("OrderedDict", lambda v: [list(v.items())], OrderedDict),
    defaultdict: ("defaultdict", lambda v: [_factory(v), dict(v)], defaultdict),
    deque: ("deque", lambda v: [list(v), v.maxlen], deque),
    bytearray: ("bytearray", lambda v: [bytes(v)], bytearray),
    memoryview: ("memoryview", lambda v: [_bytes(v)], memoryview),
    types.MappingProxyType: ("mappingproxy", lambda v: [dict(v)], types.MappingProxyType),
    ChainMap: ("ChainMap", lambda v: [v.maps], lambda maps: ChainMap(*maps)),
    range: ("range", lambda v: [v.start, v.stop, v.step], range),
    slice: ("slice", lambda v: [v.start, v.stop, v.step], slice),
    type(...): ("...", lambda _: [], lambda: ...),
    type(NotImplemented): ("NotImplemented", lambda _: [], lambda: NotImplemented),
    datetime.date: ("date", lambda v: [v.year, v.month, v.day], datetime.date),
    datetime.datetime: (
        "datetime",
        lambda v: [v.year, v.month, v.day, *_clock(v)],
        lambda year, month, day, hour, minute, second, micro, zone: datetime.datetime(
            year, month, day, hour, minute, second, micro, _zone(zone)
        ),
    ),
    datetime.time: (
        "time",
        _clock,
        lambda hour, minute, second, micro, zone: datetime.time(
            hour, minute, second, micro, _zone(zone)
        ),
    ),
    datetime.timedelta: (
        "timedelta",
        lambda v: [v.days, v.seconds, v.microseconds],
        datetime.timedelta,
    ),
    datetime.timezone: ("timezone", lambda v: [_offset(v)], _zone),
    decimal.Decimal: ("Decimal", lambda v: [str(v)], decimal.Decimal),
    fractions.Fraction: ("Fraction", lambda v: [v.numerator, v.denominator], fractions.Fraction),
    pathlib.PosixPath: ("PosixPath", lambda v: [str(v)], pathlib.PosixPath),
    pathlib.PurePosixPath: ("PurePosixPath", lambda v: [str(v)], pathlib.PurePosixPath),
    uuid.UUID: ("UUID", lambda v: [v.int], lambda number: uuid.UUID(int=number)),
    array.array: ("array", lambda v: [v.typecode, v.tolist()], array.array),
    types.SimpleNamespace: (
        "SimpleNamespace",
        lambda v: [vars(v)],
        lambda names: types.SimpleNamespace(**names),
    ),
    type(_EMPTY.keys()): ("keys", lambda v: [list(v)], lambda names: dict.fromkeys(names).keys()),
    type(_EMPTY.values()): (
        "values",
        lambda v: [list(v)],
        lambda found: dict(enumerate(found)).values(),
    ),
    type(_EMPTY.items()): ("items", lambda v: [list(v)], lambda pairs: dict(pairs).items()),
}
_REBUILD: Final = {name: make for name, _, make in _RULES.values()}


def parts_of(value: object) -> tuple[str, Parts] | None:
    """What a value of exactly such a type is made of; None: it is of another type."""
    rule = _RULES.get(type(value))
    if rule is None:
        return None
    name, take, _ = rule
    try:
        return name, take(value)
    except (TypeError, ValueError):  # such as a time zone with rules, or too many digits
        return None


def rebuild(name: str, parts: Parts) -> object:
    """The value with these parts; raises KeyError, TypeError, ValueError for what is none."""
    return _REBUILD[name](*parts)


def name_of(value: object) -> list[str] | None:
    """Module and name of a pure function or class, or of an error, of the standard library."""
    module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    if isinstance(module, str) and isinstance(name, str):
        try:
            return [module, name] if find(module, name) is value else None
        except LookupError:
            return None
    return None


def find(module: str, name: str) -> Any:
    """The function or class of that name; raises LookupError if it stands in no list."""
    if module == "builtins":
        found = None if name in _UNSAFE else getattr(builtins, name, None)
    elif module in _PURE:
        found = getattr(importlib.import_module(module), name, None)
    elif module in _ERRORS and module in sys.modules:
        found = getattr(sys.modules[module], name, None)
        if not (isinstance(found, type) and issubclass(found, Exception)):
            found = None
    else:
        found = None
    if not callable(found) or isinstance(found, types.ModuleType) or "." in name:
        raise LookupError(f"{module}.{name}")
    return found
