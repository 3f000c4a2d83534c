"""Lists, dicts and sets of the program that its test holds too: changed by one, changed for both.

A container that a call or an attribute gives crosses as a copy. `node.children.append(other)` is to
reach the program's list nevertheless, and `items = cart.items` is to see what the program adds. So
both sides remember such a container by a number, and each message tells of those that have changed
since the last. The test's side drops those that nothing of the test holds any more. Both do so only
where the test has a word of changing something (`needs`), and for small containers.
"""

import sys
from collections import deque
from collections.abc import Callable, Mapping
from json import dumps, loads
from typing import Any, Final

from .places import CONTAINERS

MOST_TEXT: Final = 20_000  # characters of a container's JSON
MOST: Final = 64
OWN_REFERENCES: Final = 3  # to a container: the table's, the loop's, and the question's


class Shared:
    """The containers that both sides have.

    Args:
        encode: Makes JSON of a value for the other side.
        decode: Its reverse.
        is_owner: Whether this is the program's side, which numbers them.
    """

    def __init__(
        self, encode: Callable[[Any], Any], decode: Callable[[Any], Any], *, is_owner: bool
    ) -> None:
        self._encode = encode
        self._decode = decode
        self._is_owner = is_owner
        self._values: dict[int, Any] = {}
        self._texts: dict[int, str] = {}
        self._numbers: dict[int, int] = {}
        self._dropped: list[int] = []
        self._count = 0

    def number(self, value: Any) -> int | None:
        """On the program's side: the number of a container; None: it is not shared."""
        if type(value) not in CONTAINERS:
            return None
        if (found := self._numbers.get(id(value))) is not None:
            return found
        if len(self._values) >= MOST or (text := self._text(value)) is None:
            return None
        self._count += 1
        self._keep(self._count, value, text)
        return self._count

    def value(self, number: int, copy: Any) -> Any:
        """On the test's side: the container of a number, which is as `copy` now."""
        if number in self._values:
            copy_into(self._values[number], copy)
            copy = self._values[number]
        if (text := self._text(copy)) is None:
            self._dropped.append(number)
        else:
            self._keep(number, copy, text)
        return copy

    def leave(self) -> dict[str, Any]:
        """What the other side is to know."""
        changed = []
        for number in list(self._values):
            value = self._values[number]
            text = self._text(value)
            if text is not None and text != self._texts[number]:
                changed.append([number, loads(text)])
                self._texts[number] = text
            if text is None or (not self._is_owner and sys.getrefcount(value) <= OWN_REFERENCES):
                self._dropped.append(number)
                self._forget(number)
        left: dict[str, Any] = {"shared": changed} if changed else {}
        if self._dropped:
            left["dropped"] = self._dropped[:]
            self._dropped.clear()
        return left

    def enter(self, message: Mapping[str, Any]) -> None:
        """Take on what the other side has changed."""
        for number, content in message.get("shared", ()):
            if (value := self._values.get(number)) is not None:
                copy_into(value, self._decode(content))
                self._texts[number] = self._text(value) or ""
        for number in message.get("dropped", ()):
            self._forget(number)

    def _keep(self, number: int, value: Any, text: str) -> None:
        self._values[number] = value
        self._texts[number] = text
        self._numbers[id(value)] = number

    def _forget(self, number: int) -> None:
        value = self._values.pop(number, None)
        self._texts.pop(number, None)
        self._numbers.pop(id(value), None)

    def _text(self, value: Any) -> str | None:
        """What a container holds, as JSON; None: more than is shared."""
        if len(value) > MOST_TEXT:
            return None
        try:
            text = dumps(self._encode(value))
        except Exception:  # it holds what cannot cross
            return None
        return text if len(text) <= MOST_TEXT else None


def copy_into(ours: Any, theirs: Any) -> None:
    """Make a container as another of its type is, and the containers in it, each in its place."""
    if type(ours) is not type(theirs) or ours is theirs:
        return
    if type(ours) in (list, tuple) and len(ours) == len(theirs):
        for one, other in zip(ours, theirs, strict=True):
            copy_into(one, other)
        if isinstance(ours, list):
            ours[:] = [_kept(one, other) for one, other in zip(ours, theirs, strict=True)]
    elif type(ours) in CONTAINERS and isinstance(ours, dict):
        for key, value in theirs.items():
            copy_into(ours.get(key), value)
        new = {key: _kept(ours.get(key), value) for key, value in theirs.items()}
        ours.clear()
        ours.update(new)
    elif type(ours) in (list, bytearray):
        ours[:] = theirs
    elif type(ours) is deque:
        ours.clear()
        ours.extend(theirs)
    elif type(ours) is set:
        ours.clear()
        ours.update(theirs)


def _kept(ours: Any, theirs: Any) -> Any:
    """The container that was there, where it has been brought up to date."""
    is_container = isinstance(ours, list | dict | set | bytearray)
    return ours if is_container and type(ours) is type(theirs) else theirs
