"""Which container is which: lists, dicts and sets of one exchange, numbered as they are met.

Both sides meet the same containers in the same order, one as it writes a message and the other as
it reads it. So a container that is met again crosses as its number, and what a call did to those
that it was given, however deep, is told as what each of them holds now: the test finds its own
containers changed, and in a result those that were its own, or that stand in it twice.
"""

import operator
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from . import library, plain

CONTAINERS: Final = frozenset(
    (list, dict, set, bytearray, deque, Counter, defaultdict, OrderedDict)
)
NAMES: Final = frozenset(kind.__name__ for kind in CONTAINERS)  # as `library` calls them
_MISSING: Final = object()


class Places:
    """Containers by number; each is kept alive, so that its id stays its own."""

    def __init__(self, values: Iterable[Any] = ()) -> None:
        self.values: list[Any] = []
        self._numbers: dict[int, int] = {}
        for value in values:
            self.add(value)

    def number(self, value: object) -> int | None:
        """The number of a container; None: it has not been met."""
        return self._numbers.get(id(value))

    def add(self, value: object) -> None:
        """Give a container the next number."""
        self._numbers[id(value)] = len(self.values)
        self.values.append(value)

    def met(self, value: object) -> int | None:
        """The number of a container of the library's; None: it had none, and has one now."""
        if type(value) not in CONTAINERS:
            return None
        if (number := self.number(value)) is None:
            self.add(value)
        return number

    def reserve(self) -> int:
        """The next number, for a container that is made later."""
        self.values.append(_MISSING)
        return len(self.values) - 1

    def fill(self, number: int, value: object) -> None:
        """Say which container a reserved number is of."""
        self._numbers[id(value)] = number
        self.values[number] = value

    def find(self, number: Any) -> Any:
        """The container of a number.

        Raises:
            NotPlainError: There is none.
        """
        if type(number) is not int or not 0 <= number < len(self.values):
            raise plain.NotPlainError("a container that was never met")
        if (found := self.values[number]) is _MISSING:
            raise plain.NotPlainError("a container that holds itself")
        return found


def rebuild(said: Any, decode: Callable[..., Any], places: Places | None) -> Any:
    """A value of the library's from its description, or a container that has been met before."""
    if "again" in said:
        if places is None:
            raise plain.NotPlainError("a container that was never met")
        return places.find(said["again"])
    if places is None or said["lib"] not in NAMES:
        return library.rebuild(said["lib"], decode(said["parts"]))
    number = places.reserve()
    made = library.rebuild(said["lib"], decode(said["parts"], places))
    places.fill(number, made)
    return made


class Given:
    """The containers that a call was given, and what each held then."""

    def __init__(self) -> None:
        self.places = Places()
        self._before: list[list[Any]] = []

    def remember(self) -> None:
        """Take note of what they hold."""
        self._before = [_held(one) for one in self.places.values]

    def forget_later(self) -> None:
        """Forget those that have been met since."""
        self.places = Places(self.places.values[: len(self._before)])

    def changed(self) -> list[tuple[int, tuple[Any, ...] | bytes]]:
        """Those that hold something else now, by number, with what they hold."""
        found: list[tuple[int, tuple[Any, ...] | bytes]] = []
        for number, before in enumerate(self._before):
            value = self.places.values[number]
            now = _held(value)
            if len(now) != len(before) or not all(map(operator.is_, now, before)):
                found.append((number, _content(value)))
        return found


def _held(value: Any) -> list[Any]:
    return [*value, *value.values()] if isinstance(value, dict) else list(value)


def _content(value: Any) -> tuple[Any, ...] | bytes:
    if isinstance(value, bytearray):
        return bytes(value)
    return tuple(value.items()) if isinstance(value, dict) else tuple(value)


def put(value: Any, content: Sequence[Any]) -> None:
    """Make a container hold what `changed` told; raises TypeError, ValueError for nonsense."""
    if isinstance(value, list | bytearray):
        value[:] = content
    elif isinstance(value, dict):
        keys = plain.table([key for key, _ in content])
        value.clear()
        for key, (_, item) in zip(keys, content, strict=True):
            value[key] = item
    else:
        items = plain.table(list(content)) if isinstance(value, set) else content
        value.clear()
        (value.update if isinstance(value, set) else value.extend)(items)
