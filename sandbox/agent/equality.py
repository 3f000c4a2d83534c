"""Comparisons by the program's own `__eq__` and `__contains__`, where they tell things apart.

Guarantee: one that takes for equal what no honest one does counts as none, so that an object that
is equal to everything, to all of its class, or to all that looks like it, is equal to nothing. It
is tried on strangers, on empty objects, and on objects of its class with other attributes. An
honest one may leave attributes out, and compute with them: it has to tell one of these apart.
"""

import types
from collections.abc import Callable, Iterator
from typing import Any

_KEPT: list[Any] = []  # probes whose class would notice that they go
_HOLDERS: tuple[type, ...] = (list, dict, set)


class Foreign:
    """Equal to nothing that honest code knows."""


def same(one: Any, other: Any) -> bool:
    """Whether two objects are equal, by a comparison that tells anything apart at all."""
    if one is other:
        return True
    if (one == other) is not True:
        return False
    strangers = [Foreign(), *_like(other, lambda value, place: Foreign())]
    if not _is_as_its_class(one) and not isinstance(other, _HOLDERS):
        strangers += _blank(type(other))
    if any(_takes(one, probe) for probe in strangers):
        return False
    others = [*_like(other, _next), *_like(other, _further)]
    return not others or not all(_takes(one, probe) for probe in others)


def same_value(one: Any, value: Any) -> bool:
    """Whether an object is equal to a value, by a comparison that tells values apart."""
    if (one == value) is not True:
        return False
    others = [Foreign(), "another", 7919.5, -7919, [value], None, *_neighbours(value)]
    return not any(_takes(one, other) for other in others if other != value)


def holds(container: Any, value: Any) -> bool:
    """Whether a container holds a value, where it does not hold everything."""
    if (value in container) is not True:
        return False
    try:
        return Foreign() not in container
    except Exception:  # it asks for values of a kind
        return not any(_safely_in(other, container) for other in _neighbours(value))


def _safely_in(value: Any, container: Any) -> bool:
    try:
        return value in container
    except Exception:
        return False


def _takes(one: Any, probe: Any) -> bool:
    try:
        return bool(one == probe)
    except Exception:  # it asks for what an honest object has
        return False


def _neighbours(value: Any) -> list[Any]:
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int | float | complex):
        return [value + 1, value - 1, -value - 1]
    if isinstance(value, str):
        return [value + "x", ""]
    if isinstance(value, list):
        return [[*value, None], []]
    if isinstance(value, tuple):
        return [(*value, None), ()]
    return []


# ---- objects that look like another ----


def _is_as_its_class(one: Any) -> bool:
    """Whether an object has what its class has by default, as an empty one has too."""
    own = getattr(one, "__dict__", {})
    return bool(own) and all(getattr(type(one), name, own) == own[name] for name in own)


def _blank(kind: type) -> list[Any]:
    """An object of a class to which nothing has been done; none of what is builtin in part."""
    base: Any = next((one for one in _HOLDERS if issubclass(kind, one)), object)
    try:
        probe = base.__new__(kind)
    except TypeError:
        return []
    if hasattr(kind, "__del__"):
        _KEPT.append(probe)
    return [probe]


def _like(other: Any, change: Callable[[Any, int], Any]) -> list[Any]:
    """An object of the same class, all of whose attributes are changed; none if it has none.

    Args:
        change: Gives another value for a value, which is the attribute of that place.
    """
    holder = next((base for base in _HOLDERS if isinstance(other, base)), None)
    try:
        found = list(_attributes(other))
        probes = _blank(type(other)) if found or holder is not None else []
        for probe in probes:
            for place, (put, value) in enumerate(found):
                put(probe, change(value, place))
            if holder is not None:
                _fill(probe, holder, other, change)
    except Exception:  # a class that will not have it
        return []
    return probes


def _attributes(value: Any) -> Iterator[tuple[Callable[[Any, Any], None], Any]]:
    """The attributes of an object: how each is set in another one, and its value."""
    for name, held in dict(getattr(value, "__dict__", {})).items():
        yield _setter(name), held
    for base in type(value).__mro__:
        for slot in list(vars(base).values()):
            if isinstance(slot, types.MemberDescriptorType):
                try:
                    held = slot.__get__(value)
                except AttributeError:  # it is not set
                    continue
                yield slot.__set__, held


def _setter(name: str) -> Callable[[Any, Any], None]:
    return lambda probe, value: probe.__dict__.__setitem__(name, value)


def _fill(probe: Any, holder: type, other: Any, change: Callable[[Any, int], Any]) -> None:
    """Give a list, dict or set what another has, all of it changed."""
    if holder is dict:
        for place, key in enumerate(dict.__iter__(other)):
            dict.__setitem__(probe, key, change(dict.__getitem__(other, key), place))
        dict.__setitem__(probe, "another", change(0, 0))
        return
    items = list(holder.__iter__(other))  # type: ignore[attr-defined]
    changed = [change(item, place) for place, item in enumerate(items)] or [change(0, 0)]
    (list.extend if holder is list else set.update)(probe, changed)


def _next(value: Any, place: int) -> Any:
    """Another value of the same type, near this one."""
    return _moved(value, 1 + place, behind=True)


def _further(value: Any, place: int) -> Any:
    """Another one, not in proportion to the first: of a fraction both parts change."""
    return _moved(value, 3 + 2 * place, behind=False)


def _moved(value: Any, step: int, *, behind: bool) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float | complex):
        return value + step or step + 1  # never 0, by which some divide
    if isinstance(value, str):
        return value + "~" if behind else "~" + value
    if isinstance(value, list | tuple):
        more = (*value, None) if behind else ()
        return list(more) if isinstance(value, list) else more
    if isinstance(value, set | frozenset):
        return type(value)(value | {"~"}) if behind else type(value)()
    if isinstance(value, dict):
        return {**value, "~": None} if behind else {}
    return Foreign()
