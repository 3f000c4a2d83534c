"""The tested program's side of a check: its functions and objects, for a caller elsewhere.

Requests and replies are lines of JSON. Values cross as `plain` describes them; what is not made of
builtin types stays here and crosses as a number.
"""

import builtins
import json
import operator
import os
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, BinaryIO

from . import plain

SPECIAL: Mapping[str, Callable[..., object]] = {
    "__len__": len,
    "__iter__": iter,
    "__next__": next,
    "__bool__": bool,
    "__str__": str,
    "__repr__": repr,
    "__getitem__": operator.getitem,
    "__setitem__": operator.setitem,
    "__delitem__": operator.delitem,
    "__setattr__": setattr,
    "__enter__": lambda target: type(target).__enter__(target),
    "__exit__": lambda target: type(target).__exit__(target, None, None, None),
}


def entry_point(module: ModuleType, name: str) -> Callable[[], Callable[..., Any]]:
    """A maker of what `name` means: a function, or a method of a new `Solution`.

    Raises:
        AttributeError: There is no such function.
    """
    if callable(found := getattr(module, name, None)):
        return lambda: found
    holder, _, method = name.rpartition(".")
    kind = getattr(module, holder or "Solution", None)
    if isinstance(kind, type) and callable(getattr(kind, method, None)):
        return lambda: getattr(kind(), method)
    raise AttributeError(f"the program defines no function '{name}'")


def describe(error: BaseException) -> str:
    """An exception in a few words."""
    try:
        text = str(error)
    except BaseException:  # a program's own exception may do anything
        text = ""
    return f"{type(error).__name__}: {text[:300]}"


class Server:
    """Answers the requests of a checker about one program."""

    def __init__(self, requests: int, replies: int) -> None:
        self._requests: BinaryIO = os.fdopen(requests, "rb")
        self._replies = replies
        self._objects: list[object] = []
        self._numbers: dict[int, int] = {}

    def refuse(self, reason: str) -> None:
        """Say that the program did not load."""
        self._say({"refused": reason})

    def serve(self, module: ModuleType) -> None:
        """Answer until the checker has gone."""
        self._say({"loaded": True})
        for line in self._requests:
            request = json.loads(line)
            try:
                self._say(self._answer(module, request))
            except BaseException as error:
                self._say({"raised": self._described(error)})

    def _answer(self, module: ModuleType, request: dict[str, Any]) -> dict[str, Any]:
        if request["do"] != "call":
            return {"value": plain.encode(self._do(module, request), self._keep)}
        args = plain.decode(request["args"], self._find)
        kwargs = plain.decode(request["kwargs"], self._find)
        value = self._find(request["target"])(*args, **kwargs)
        answer = {"value": plain.encode(value, self._keep)}
        after = plain.encode(args, self._keep)
        if after != request["args"]:
            answer["after"] = after  # for what the call did to its arguments
        return answer

    def _described(self, error: BaseException) -> list[Any]:
        """An exception as its nearest builtin type, a text, and its arguments if they are plain."""
        text = describe(error).partition(": ")[2]
        try:
            return [self._kind(error), text, plain.encode(list(error.args))]
        except BaseException:  # a program's own exception may do anything
            return [self._kind(error), text, None]

    def _do(self, module: ModuleType, request: dict[str, Any]) -> object:
        operation = request["do"]
        if operation == "name":
            return getattr(module, request["name"])
        if operation == "entry":
            return entry_point(module, request["name"])()
        target = self._find(request["target"])
        if operation == "attribute":
            return getattr(target, request["name"])
        args = plain.decode(request["args"], self._find)
        if operation == "special":
            return SPECIAL[request["name"]](target, *args)
        raise ValueError(f"no such operation: {operation}")

    def _keep(self, value: object) -> int:
        if id(value) not in self._numbers:
            self._numbers[id(value)] = len(self._objects)
            self._objects.append(value)  # kept alive, so that its id stays its own
        return self._numbers[id(value)]

    def _find(self, number: int) -> Any:
        return self._objects[number]

    @staticmethod
    def _kind(error: BaseException) -> str:
        """The nearest builtin type of an exception, by name."""
        for kind in type(error).__mro__:
            if getattr(builtins, kind.__name__, None) is kind:
                return str(kind.__name__)
        return "Exception"

    def _say(self, reply: dict[str, Any]) -> None:
        line = json.dumps(reply).encode() + b"\n"
        while line:
            line = line[os.write(self._replies, line) :]
