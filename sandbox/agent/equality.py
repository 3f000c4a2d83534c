"""Comparisons by the program's own `__eq__` and `__contains__`, where they tell things apart.

Guarantee: one that takes for equal what no honest one does counts as none, so that an object that
is equal to everything, to all of its class, or to all that looks like it, is equal to nothing. It
is tried on strangers, on empty objects, and on objects of its class with other attributes. An
honest one may leave attributes out, compute with them and allow for differences: it has to tell one
of these apart, as one that finds things equal either way round, and those with the same attributes.
What cannot be decided so, because it raises or takes its time, counts as told apart.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from signal import ITIMER_VIRTUAL, SIGVTALRM, setitimer
from signal import signal as set_handler
from types import FrameType
from typing import Any, Final

from .changed import HOLDERS, Foreign, blank, like, pairs

SECONDS: Final = 0.25  # of CPU time, for one comparison with what the program did not make


class TooLongError(BaseException):
    """A comparison takes longer than it may."""


def same(one: Any, other: Any) -> bool:
    """Whether two objects are equal, by a comparison that tells anything apart at all."""
    if one is other:
        return True
    if (one == other) is not True:
        return False
    strangers = [Foreign(), *like(other, lambda value, place: Foreign())]
    if not _is_as_its_class(one) and not isinstance(other, HOLDERS):
        strangers += blank(type(other))
    with _alarm() as seconds:
        if any(_takes(one, probe, seconds) for probe in strangers):
            return False
        is_tried = False
        for probe, twin in pairs(other):
            is_tried = True
            if _tells_apart(one, probe, twin, seconds):
                return True
    return not is_tried


def same_value(one: Any, value: Any) -> bool:
    """Whether an object is equal to a value, by a comparison that tells values apart."""
    if (one == value) is not True:
        return False
    others = [Foreign(), "another", 7919.5, -7919, [value], None, *_neighbours(value)]
    with _alarm() as seconds:
        return not any(_takes(one, other, seconds) for other in others if other != value)


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


def _takes(one: Any, probe: Any, seconds: float) -> bool | None:
    """What a comparison says; None: nothing, since it asks for what an honest object has."""
    try:
        try:
            if seconds:
                setitimer(ITIMER_VIRTUAL, seconds)
            return bool(one == probe)
        finally:
            if seconds:
                setitimer(ITIMER_VIRTUAL, 0)
    except (Exception, TooLongError):
        return None


def _tells_apart(one: Any, probe: Any, twin: Any, seconds: float) -> bool:
    """Whether an object differs from another, either way round, which is equal to its twin."""
    found = _takes(one, probe, seconds)
    if found or _takes(probe, one, seconds):
        return False
    return found is None or _takes(probe, twin, seconds) is not False


@contextmanager
def _alarm() -> Iterator[float]:
    """The seconds after which a timer raises TooLongError; 0: there is none in this thread.

    The program's own alarm goes on afterwards.
    """
    if threading.current_thread() is not threading.main_thread():
        yield 0
        return
    left, again = setitimer(ITIMER_VIRTUAL, 0)
    before = set_handler(SIGVTALRM, _stop)
    try:
        yield SECONDS
    finally:
        set_handler(SIGVTALRM, before)
        if left:
            setitimer(ITIMER_VIRTUAL, left, again)


def _stop(_: int, __: FrameType | None) -> None:
    raise TooLongError


def _is_as_its_class(one: Any) -> bool:
    """Whether an object has what its class has by default, as an empty one has too."""
    own = getattr(one, "__dict__", {})
    return bool(own) and all(getattr(type(one), name, own) == own[name] for name in own)
