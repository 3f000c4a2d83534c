"""The tested program's side of a check: its functions and objects, for a tester elsewhere.

Requests and replies are lines of JSON; while one is answered, the program may ask for what the test
handed over, with lines of its own (`want`). Values cross as `objects` describes them. What writes
and reads the lines is held from before there is a program, which may replace it for itself.
"""

import asyncio
import contextlib
import functools
import os
import random
import threading
from collections.abc import Callable, Sequence
from json import dumps, loads
from os import write
from types import ModuleType
from typing import Any, BinaryIO

from . import equality, given, looks, operations, plain, world
from .foreign import awaited, foreign
from .library import find
from .objects import Objects, describe, nearest_builtin
from .patches import ABSENT, Patches
from .places import Given, Places, rebuild
from .shared import Shared
from .waiting import waited


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


def _named(module: ModuleType, name: str) -> Any:
    try:
        return getattr(module, name)
    except AttributeError:
        if (found := given.lent(name)) is None:
            raise
        return found


class WantedError(Exception):
    """Something of the test's process raised; the test knows what."""


class Server:
    """Answers the requests of a tester about one program."""

    def __init__(self, requests: int, replies: int, needs: Sequence[str] = ()) -> None:
        self._requests: BinaryIO = os.fdopen(requests, "rb")
        self._replies = replies
        self._reading = threading.RLock()  # who holds it gets the next line
        self._objects = Objects()
        self._module = ModuleType("solution")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._world = world.Inside(needs, self._want)
        self._shared = Shared(self._objects.encode, self._decode, is_owner=True)
        self._shares = "shared" in needs
        self._patches = Patches()

    def refuse(self, error: BaseException) -> None:
        """Say that the program did not load."""
        self._say({"refused": describe(error)})

    def serve(self, module: ModuleType) -> None:
        """Answer until the tester has gone."""
        self._module = module
        self._say({"loaded": True})
        while True:
            with self._reading:
                line = self._requests.readline()
            if not line:
                return
            self._serve_one(loads(line))

    def _serve_one(self, request: dict[str, Any]) -> None:
        containers = Given()
        try:
            self._say(self._answer(request, containers))
        except BaseException as error:
            answer = {"raised": self._described(error)}
            containers.forget_later()
            with contextlib.suppress(Exception):  # they hold what cannot cross
                answer |= self._changed(containers)
            self._say(answer)

    def _want(self, request: dict[str, Any]) -> Any:
        """Ask the test's process, from any thread; answer what it asks meanwhile."""
        for name in ("args", "kwargs"):
            if name in request:
                request[name] = self._objects.encode(request[name])
        with self._patches.lifted(), self._reading:
            self._say({"want": request})
            while True:
                line = self._requests.readline()
                if not line:
                    raise WantedError("the test has ended")
                reply = loads(line)
                if "do" not in reply:
                    break
                self._serve_one(reply)
        if "raised" in reply:
            error = self._decode(reply["raised"])
            if "e" in reply["raised"]["o"]:  # the test's own, which is to get it back
                error._plumb_original = reply["number"]
            raise error
        return self._decode(reply["value"])

    def _answer(self, request: dict[str, Any], containers: Given) -> dict[str, Any]:
        self._world.enter(request)
        self._shared.enter(request)
        is_call = request["do"] == "call"
        places = containers.places if is_call else None
        args = self._decode(request.get("args", []), places)
        kwargs = self._decode(request["kwargs"], places) if is_call else {}
        containers.remember()
        if "patches" in request:
            self._patches.take(dict(self._decode(request["patches"])))
        with self._patches.applied():
            value = self._do(request, args, kwargs)
        answer = self._changed(containers)
        is_given = containers.places.number(value) is not None
        answer["value"] = self._objects.encode(value, containers.places)
        if self._shares and not is_given and (number := self._shared.number(value)) is not None:
            answer["at"] = number
        return answer

    def _changed(self, containers: Given) -> dict[str, Any]:
        """What a call did to the containers that it was given."""
        encode, places = self._objects.encode, containers.places
        told = [[number, encode(held, places)] for number, held in containers.changed()]
        return {"after": told} if told else {}

    def _do(self, request: dict[str, Any], args: list[Any], kwargs: dict[str, Any]) -> Any:
        operation = request["do"]
        if operation == "name":
            return _named(self._module, request["name"])
        if operation == "entry":
            return entry_point(self._module, request["name"])()
        if operation == "seed":
            return random.seed(*args)
        if operation == "set name":
            return setattr(self._module, request["name"], *args)
        if operation == "delete name":
            return delattr(self._module, request["name"])
        target = self._objects.find(request["target"])
        if operation == "call":
            return target(*args, **kwargs)
        return self._do_to(target, operation, request.get("name", ""), args)

    def _do_to(self, target: Any, operation: str, name: str, args: list[Any]) -> Any:
        if operation == "attribute":
            return getattr(target, name)
        if operation == "special":
            if name in operations.AWAITED:
                return self._await(getattr(target, name)(*args))
            return operations.SPECIAL[name](target, *args)
        if operation == "exit":
            return self._exit(target, *args)
        if operation == "await":
            return self._await(target)
        if operation == "look":
            return looks.ASKED[args[0]](target, *args[1:])
        if operation == "send":
            return target.send(*args) if args[0] is not None else next(target)
        if operation == "throw":
            return target.throw(*args)
        if operation == "plain":
            return _plain(target)
        comparisons: dict[str, Callable[[Any, Any], bool]] = {
            "same": equality.same,
            "same value": equality.same_value,
            "holds": equality.holds,
            "is instance": lambda kind, value: isinstance(value, kind),
        }
        return comparisons[operation](target, *args)

    @staticmethod
    def _exit(target: Any, kind: str | None, text: str) -> bool:
        if kind is None:
            type(target).__exit__(target, None, None, None)
            return False
        error = _nearest(kind)(text)
        return bool(type(target).__exit__(target, type(error), error, None))

    def _await(self, awaitable: Any) -> Any:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            asyncio.set_event_loop(self._loop)
        return waited(awaitable, self._loop)

    def _decode(self, value: Any, places: Places | None = None) -> Any:
        return plain.decode(value, functools.partial(self._found, places=places), places)

    def _found(self, described: Any, places: Places | None = None) -> Any:
        if "n" in described:
            return self._objects.find(described["n"])
        if "mine" in described:
            found = foreign(self._want, described["mine"], described["told"])
            return awaited(found) if described.get("is_coroutine") else found
        if "absent" in described:
            return ABSENT
        if "ref" in described:
            return find(*described["ref"])
        if "y" in described:
            return plain.builtin(described["y"])
        if "lib" in described or "again" in described:
            return rebuild(described, self._decode, places)
        if "e" in described:
            kind, args = described["e"]
            return _nearest(kind)(*self._decode(args))
        raise plain.NotPlainError("not an object of this process")

    def _described(self, error: BaseException) -> dict[str, Any]:
        """An exception that the program raised, or let through from the test."""
        if (number := getattr(error, "_plumb_original", None)) is not None:
            return {"original": number}
        described: dict[str, Any] = self._objects.exception(error)["e"]
        kind = nearest_builtin(type(error))
        return described | {"kind": kind, "text": describe(error).partition(": ")[2]}

    def _say(self, reply: dict[str, Any]) -> None:
        reply |= self._world.leave() | self._shared.leave()
        if news := self._objects.news():
            reply["types"] = list(news.items())
        line = dumps(reply).encode() + b"\n"
        while line:
            line = line[write(self._replies, line) :]


def _nearest(kind: str) -> Any:
    found = find("builtins", kind)
    return found if isinstance(found, type) and issubclass(found, Exception) else RuntimeError


def _plain(target: Any) -> Any:
    """The builtin value of an object whose type derives from a mutable builtin one."""
    if isinstance(target, dict):
        return {key: dict.__getitem__(target, key) for key in dict.__iter__(target)}
    if isinstance(target, list):
        return list(list.__iter__(target))
    if isinstance(target, set):
        return set(set.__iter__(target))
    return bytearray.copy(target)
