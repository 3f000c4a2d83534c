"""Objects of the test in the program's process: functions handed over, and the test's own objects.

What a program does to them is asked of the test's process, which answers what it chooses to.
"""

from asyncio import CancelledError, _get_running_loop, sleep
from collections.abc import Callable
from typing import Any, Final

from . import operations

PAUSE_SECONDS: Final = 0.001  # between two looks at a coroutine of the test that waits
Ask = Callable[[dict[str, Any]], Any]


class Foreign:
    """Something that lives in the test's process."""

    __slots__ = ("_plumb_ask", "_plumb_number")

    def __init__(self, ask: Ask, number: int) -> None:
        object.__setattr__(self, "_plumb_ask", ask)
        object.__setattr__(self, "_plumb_number", number)

    def __getattr__(self, name: str) -> Any:
        return self._plumb_ask({"do": "attribute", "target": self._plumb_number, "name": name})

    def __setattr__(self, name: str, value: Any) -> None:
        self._special("__setattr__", name, value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Foreign) and other._plumb_number == self._plumb_number

    def __hash__(self) -> int:
        return hash(("foreign", self._plumb_number))

    def __repr__(self) -> str:
        return str(self._special("__repr__"))

    def __bool__(self) -> bool:
        return self._special("__bool__") is True

    def _special(self, name: str, *args: Any) -> Any:
        request = {"do": "special", "target": self._plumb_number, "name": name, "args": list(args)}
        return self._plumb_ask(request)


async def awaited(of: Foreign) -> Any:
    """A coroutine of this process for one of the test's, which goes on while this one waits."""
    ask = of._plumb_ask
    number, state, value = ask({"do": "await", "target": of._plumb_number})
    while state == "waiting":
        try:
            await sleep(0 if value or _get_running_loop() is None else PAUSE_SECONDS)
            number, state, value = ask({"do": "go on", "target": number})
        except CancelledError:
            number, state, value = ask({"do": "give up", "target": number})
    if state == "cancelled":
        raise CancelledError
    return value


def _call(self: Foreign, *args: Any, **kwargs: Any) -> Any:
    request = {"do": "call", "target": self._plumb_number, "args": list(args), "kwargs": kwargs}
    return self._plumb_ask(request)


def _documentation(self: Foreign) -> Any:
    try:
        return self.__getattr__("__doc__")
    except AttributeError:
        return None


def _method(name: str) -> Callable[..., Any]:
    def method(self: Foreign, *args: Any) -> Any:
        return self._special(name, *args)

    return method


_CLASSES: dict[tuple[str, ...], type[Foreign]] = {}


def foreign(ask: Ask, number: int, told: list[str]) -> Foreign:
    """An object with these special methods."""
    key = tuple(told)
    if key not in _CLASSES:
        names: dict[str, Any] = {"__slots__": (), "__doc__": property(_documentation)}
        for name in told:
            if name in operations.SPECIAL and name not in operations.ALWAYS:
                names[name] = _method(name)
        if "__call__" in told:
            names["__call__"] = _call
        if "__contains__" in told:
            names["__contains__"] = _method("__contains__")
        if "__await__" in told:
            names["__await__"] = lambda self: awaited(self).__await__()
        if "__exit__" in told:
            names["__exit__"] = lambda self, *_: self._special("__exit__")
        _CLASSES[key] = type("Foreign", (Foreign,), names)
    return _CLASSES[key](ask, number)
