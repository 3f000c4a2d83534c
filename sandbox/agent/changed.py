"""Objects that look like another, with other values in them: what a comparison is tried on.

A value keeps its type. Bools stay as they are unless they alone change: a flag that every object
of a class has says nothing about the rest.
"""

import types
from collections.abc import Callable, Iterator
from typing import Any, Final

Change = Callable[[Any, int], Any]
HOLDERS: Final[tuple[type, ...]] = (list, dict, set)
WORD: Final = "az7"  # letters and a digit, for comparisons that look at nothing else
FAR: Final = 1_000_003
MOST_SINGLE = 16  # attributes that are changed alone
_KEPT: list[Any] = []  # probes whose class would notice that they go


class Foreign:
    """Equal to nothing that honest code knows."""


OTHER: Final = Foreign()


def blank(kind: type) -> list[Any]:
    """An object of a class to which nothing has been done; none of what is builtin in part."""
    base: Any = next((one for one in HOLDERS if issubclass(kind, one)), object)
    try:
        probe = base.__new__(kind)
    except TypeError:
        return []
    if hasattr(kind, "__del__"):
        _KEPT.append(probe)
    return [probe]


def like(other: Any, change: Change, change_items: Change | None = None) -> list[Any]:
    """An object of the same class, all of whose attributes are changed; none if it has none.

    Args:
        change: Gives another value for a value, which is the attribute of that place.
        change_items: The same for what a list, dict or set holds; None: `change`.
    """
    holder = next((base for base in HOLDERS if isinstance(other, base)), None)
    try:
        found = list(_attributes(other))
        probes = blank(type(other)) if found or holder is not None else []
        for probe in probes:
            for place, (put, value) in enumerate(found):
                put(probe, change(value, place))
            if holder is not None:
                _fill(probe, holder, other, change_items or change)
    except Exception:  # a class that will not have it
        return []
    return probes


def pairs(other: Any) -> Iterator[tuple[Any, Any]]:
    """Objects like another with other values, each with one that has the same values as it."""
    for change in (*_MOVES, _flipped):
        yield from zip(like(other, change), like(other, change), strict=False)
    for place in range(min(MOST_SINGLE, len(list(_attributes(other))))):
        for change in _MOVES:
            way = (_only(change, place), _same)
            yield from zip(like(other, *way), like(other, *way), strict=False)


def _only(change: Change, at: int) -> Change:
    return lambda value, place: change(value, place) if place == at else value


def _attributes(value: Any) -> Iterator[tuple[Callable[[Any, Any], None], Any]]:
    """The attributes of an object: how each is set in another one, and its value."""
    for name, held in dict(getattr(value, "__dict__", {})).items():
        yield _setter(name), held
    for base in type(value).__mro__[:-1]:  # `object` has none
        for slot in list(vars(base).values()):
            if isinstance(slot, types.MemberDescriptorType):
                try:
                    held = slot.__get__(value)
                except AttributeError:  # it is not set
                    continue
                yield slot.__set__, held


def _setter(name: str) -> Callable[[Any, Any], None]:
    return lambda probe, value: probe.__dict__.__setitem__(name, value)


def _fill(probe: Any, holder: type, other: Any, change: Change) -> None:
    """Give a list, dict or set what another has, all of it changed."""
    if holder is dict:
        for place, key in enumerate(dict.__iter__(other)):
            dict.__setitem__(probe, key, change(dict.__getitem__(other, key), place))
        if change is not _same:
            dict.__setitem__(probe, "another", change(0, 0))
        return
    items = list(holder.__iter__(other))  # type: ignore[attr-defined]
    changed = [change(item, place) for place, item in enumerate(items)]
    if not changed and change is not _same:
        changed = [change(0, 0)]
    (list.extend if holder is list else set.update)(probe, changed)


# ---- other values ----


def _same(value: Any, _: int) -> Any:
    return value


def _flipped(value: Any, _: int) -> Any:
    return not value if isinstance(value, bool) else value


def _next(value: Any, place: int) -> Any:
    """Another value of the same type, near this one."""
    if _is_number(value):
        return _moved(value, 1 + place)
    if isinstance(value, str):
        return value + "~"
    if isinstance(value, dict):
        return {**value, _more(value): _more(value.values())}
    kind = _container(value)
    return _other(value) if kind is None else kind([*value, _more(value)])


def _further(value: Any, place: int) -> Any:
    """Another one, not in proportion to the first: of a fraction both parts change."""
    if _is_number(value):
        return _moved(value, 3 + 2 * place)
    if isinstance(value, str):
        return "~" + value
    kind = _container(value)
    return _other(value) if kind is None else kind()


def _far(value: Any, place: int) -> Any:
    """One that no tolerance takes for the same."""
    if _is_number(value):
        return _moved(value * 3, FAR + 7 * place)
    if isinstance(value, str):
        return WORD + value + WORD
    return _each(value, _far, WORD)


def _negated(value: Any, place: int) -> Any:
    """One with the other sign."""
    if _is_number(value):
        return -value if value else -1 - place
    if isinstance(value, str):
        return WORD
    return _each(value, _negated, -1)


_MOVES: Final[tuple[Change, ...]] = (_next, _further, _far, _negated)
_CONTAINERS: Final = (list, tuple, set, frozenset, dict)


def _container(value: Any) -> Any:
    return next((kind for kind in _CONTAINERS if isinstance(value, kind)), None)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | complex) and not isinstance(value, bool)


def _other(value: Any) -> Any:
    return value if isinstance(value, bool) else OTHER


def _moved(value: Any, step: int) -> Any:
    """A number plus a step, or another where that is no other; never 0, by which some divide."""
    found = value + step or step + 1
    if not _differs(found, value):
        found = value * 2
    return found if _differs(found, value) else type(value)(step)


def _differs(found: Any, value: Any) -> bool:
    """Whether a number is one, and another than `value`: not where a float tells no more apart."""
    is_number = abs(found - found) == 0  # not of inf or nan
    return is_number and bool(found != value)


def _more(values: Any) -> Any:
    """What to add to values: of their type, and true, as some comparisons drop what is not."""
    value = next(iter(values), 0)
    return True if isinstance(value, bool) else _next(value, FAR) or 1


def _each(value: Any, change: Change, empty: Any) -> Any:
    """A container with all that it holds changed; `empty` is for one that holds nothing."""

    def item(held: Any, place: int) -> Any:
        return not held if isinstance(held, bool) else change(held, place)

    if isinstance(value, dict):
        changed = {key: item(held, place) for place, (key, held) in enumerate(value.items())}
        return changed or {empty: 1}
    kind = _container(value)
    if kind is None:
        return _other(value)
    return kind([item(held, place) for place, held in enumerate(value)] or [empty])
