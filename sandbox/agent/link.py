"""The way from a test to the tested program: requests go out, values come back.

Guarantees: what the program says is data. Values are rebuilt of builtin types and of the standard
library's own, objects stay where they are (`remote`), and an exception of the program's becomes one
that steers no test: no skip, no interrupt, no end of an iteration that was not asked for. Whatever
else the program says loses it the link.
"""

import contextlib
import functools
import json
import os
import threading
from collections.abc import Sequence
from typing import Any, BinaryIO, Final, NoReturn

from . import library, plain, remote, world
from .errors import LostError, RefusedError, StoppedError, UnusableError
from .exposed import Exposed
from .patches import ABSENT, Patches
from .places import NAMES, Places, put, rebuild
from .remote import RemoteType, State, state_of
from .remote_types import base_type, make_type
from .shared import Shared

NONSENSE = (TypeError, ValueError, KeyError, IndexError, AttributeError, LookupError, OverflowError)
ENDED: Final = "the program ended before the test did"


class Link:
    """Requests to the tested program.

    Attributes:
        loss: Why there is no program any more; empty: there is one.
        learned: Answers that told more than that there is something of a name.
    """

    def __init__(
        self, requests: int, replies: int, needs: Sequence[str] = (), patchable: Sequence[str] = ()
    ) -> None:
        self.loss = ""
        self.learned = 0
        self._met_others = False  # names that mean what cannot be called
        self._gave_makers = False  # classes and functions that run in the test's process
        self._requests = requests
        self._replies: BinaryIO = os.fdopen(replies, "rb")
        self._busy = threading.RLock()
        self._known: dict[int, Any] = {}
        self._numbers: dict[int, int] = {}
        self._types: dict[int, Any] = {}
        self._raised: dict[int, BaseException] = {}
        self._exposed = Exposed(self.encode, self.decode, self.has_raised)
        self._world = world.Outside(needs)
        self._patches = Patches(patchable)
        self._shared = Shared(self.encode, self.decode, is_owner=False)
        opening = self._receive()
        if "refused" in opening:
            raise RefusedError(str(opening["refused"]))

    def call(self, number: int, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        """Call an object of the program."""
        places = Places()
        request = {"do": "call", "target": number, "args": self.encode(list(args), places)}
        request["kwargs"] = self.encode(kwargs, places)
        return self._valued(self._exchange(request, places), places)

    def _change(self, reply: dict[str, Any], places: Places) -> None:
        """Do to the test's containers what a call did to them."""
        try:
            told = [
                (places.find(number), self.decode(content, places))
                for number, content in reply.get("after", ())
            ]
            for value, content in told:
                put(value, content)
        except (plain.NotPlainError, *NONSENSE):
            self._lose()

    def _valued(self, reply: dict[str, Any], places: Places) -> Any:
        value = self.decode(reply.get("value"), places)
        try:
            return self._shared.value(int(reply["at"]), value) if "at" in reply else value
        except NONSENSE:
            self._lose()

    def attribute(self, number: int, name: str) -> Any:
        """An attribute of an object."""
        return _named(name, self._asked({"do": "attribute", "target": number, "name": name}))

    def special(self, number: int, name: str, *args: Any) -> Any:
        """What a special method gives."""
        request = {"do": "special", "target": number, "name": name}
        return self._asked(request | {"args": self.encode(list(args))})

    def ask(self, operation: str, number: int, *args: Any) -> Any:
        """What another operation gives."""
        request = {"do": operation, "target": number, "args": self.encode(list(args))}
        return self._asked(request)

    def compare(self, number: int, how: str, *args: Any) -> bool:
        """What a comparison finds."""
        return self.ask(how, number, *args) is True

    def name(self, name: str) -> Any:
        """What a name of the program means; raises AttributeError where it means nothing."""
        return _named(name, self._looked_up({"do": "name", "name": name}))

    def set_name(self, name: str, value: Any) -> None:
        """Give a name of the program another meaning."""
        self._asked({"do": "set name", "name": name, "args": self.encode([value])})

    def delete_name(self, name: str) -> None:
        """Take a name from the program."""
        self._asked({"do": "delete name", "name": name})

    def entry(self, name: str) -> Any:
        """The function that a check is about."""
        return self._looked_up({"do": "entry", "name": name})

    def seed(self, *args: Any) -> None:
        """Seed the program's random numbers."""
        self._asked({"do": "seed", "args": self.encode(list(args))})

    def coroutine(self, number: int) -> Any:
        """A coroutine that waits for the program's."""

        async def wait() -> Any:
            return self.ask("await", number)

        return wait()

    def has_raised(self, error: BaseException | None) -> bool:
        """Whether the program raised it."""
        return self._raised.get(id(error)) is error

    @property
    def has_left_files(self) -> bool:
        """Whether files of the program's lie where the test's do."""
        return self._world.has_taken

    @property
    def may_have_steered(self) -> bool:
        """Whether what the program is may have changed what the test did."""
        return bool(self.learned) or self._met_others or self.has_left_files

    def encode(self, value: Any, places: Places | None = None) -> Any:
        """A value for the program."""
        try:
            return plain.encode(value, functools.partial(self._keep, places=places), places)
        except plain.NotPlainError as error:
            raise RecursionError(str(error)) from error

    def decode(self, value: Any, places: Places | None = None) -> Any:
        """A value from the program."""
        try:
            return plain.decode(value, functools.partial(self._found, places=places), places)
        except (plain.NotPlainError, *NONSENSE):
            self._lose()

    def _keep(self, value: Any, places: Places | None = None) -> Any:
        if value is ABSENT:
            return {"absent": True}
        if (state := state_of(value)) is not None:
            return {"n": state.number}
        if isinstance(value, RemoteType):
            return {"n": value._plumb_number}
        if id(value) in self._numbers:
            return {"n": self._numbers[id(value)]}
        if isinstance(value, type) and plain.is_builtin(value):
            return NotImplemented
        if places is not None and (number := places.met(value)) is not None:
            return {"again": number}
        if (found := library.parts_of(value)) is not None:
            name, parts = found
            return {"lib": name, "parts": self.encode(parts, places if name in NAMES else None)}
        if isinstance(value, type | type(len)) and (reference := library.name_of(value)):
            return {"ref": reference}
        if type(value) in (int, float, str) or isinstance(value, int | float | str | bytes):
            return NotImplemented  # an enumeration of numbers, say: its value is what crosses
        if isinstance(value, Exception):
            return {"e": [remote.error_name(type(value)), self.encode(list(value.args))]}
        if (told := self._exposed.expose(value)) is not None:
            return told
        what = f"the test hands the program a {type(value).__name__}"
        if self._gave_makers:  # which may be why
            raise TypeError(what)
        raise UnusableError(what)

    def _asked(self, request: dict[str, Any]) -> Any:
        return self._valued(self._exchange(request, Places()), Places())

    def _looked_up(self, request: dict[str, Any]) -> Any:
        value = self._asked(request)
        self._met_others = self._met_others or not callable(value)
        return value

    def _exchange(self, request: dict[str, Any], places: Places) -> dict[str, Any]:
        with self._busy:
            if news := self._patches.news():
                request["patches"] = self.encode([list(pair) for pair in news.items()])
            with self._patches.lifted():
                self._send(request | self._left())
                reply = self._receive()
            while "want" in reply:
                answer = self._exposed.answer(reply["want"])
                with self._patches.lifted():
                    self._send(answer)
                    reply = self._receive()
        is_bare = request["do"] in ("name", "entry") and _is_handle(reply.get("value"))
        self.learned += not is_bare
        if "after" in reply:
            self._change(reply, places)
        if "raised" in reply:
            self._raise(reply["raised"], may_stop=request.get("name") in ("__next__", "__anext__"))
        return reply

    def _left(self) -> dict[str, Any]:
        try:
            return self._shared.leave() | self._world.leave()
        except world.TooMuchError as error:
            if self.may_have_steered:  # what it has answered may be in them
                self._lose(f"there are {error}, after answers of the program")
            raise UnusableError(f"the test makes {error}") from error

    def _send(self, message: dict[str, Any]) -> None:
        line = json.dumps(message).encode() + b"\n"
        try:
            while line:
                line = line[os.write(self._requests, line) :]
        except BrokenPipeError:
            self._lose()

    def _receive(self) -> dict[str, Any]:
        try:
            reply = json.loads(self._replies.readline())
            if not isinstance(reply, dict):
                self._lose()
            for number, said in reply.get("types", ()):
                self._types[int(number)] = said
            self._shared.enter(reply)
            self._world.enter(reply)
        except (*NONSENSE, RecursionError, world.TooMuchError):
            self._lose()
        return reply

    def _lose(self, why: str = ENDED) -> NoReturn:
        self.loss = self.loss or why  # for a test that catches everything
        raise LostError(why)

    def _found(self, said: Any, places: Places | None = None) -> Any:
        """What stands for an object that did not cross."""
        if "lib" in said or "again" in said:
            return rebuild(said, self.decode, places)
        if said.keys() & {"mine", "ref", "y"}:
            return self._maker(said)
        if "c" in said:
            return self._type(said["c"])
        if "e" in said:
            return self._error(said["e"])
        number = int(said["n"] if "n" in said else said.get("g", said.get("a")))
        if number not in self._known:
            self._know(number, self._made(number, said))
        return self._known[number]

    def _maker(self, said: Any) -> Any:
        """An object of this process; what the test makes by it has been chosen by the program."""
        if "mine" in said:
            found = self._exposed.find(said["mine"])
            self._gave_makers = self._gave_makers or callable(found)
            return found
        self._gave_makers = True
        self.learned += 1
        return plain.builtin(said["y"]) if "y" in said else library.find(*said["ref"])

    def _know(self, number: int, value: Any) -> None:
        self._known[number] = value
        self._numbers[id(value)] = number

    def _made(self, number: int, said: Any) -> Any:
        if "g" in said:
            return self._generator(number)
        if "a" in said:
            return self.coroutine(number)
        kind = self._type(said["t"])
        if "v" in said and issubclass(kind, remote.Value):
            plainly = self.decode(said["v"])
            base = type(plainly)
            made = base.__new__(kind, *_arguments(plainly))
        else:
            made = object.__new__(kind)
        object.__setattr__(made, remote.STATE, State(self, number))
        return made

    def _type(self, number: Any) -> Any:
        number = int(number)
        found = self._types[number]
        if not isinstance(found, type):
            self._types[number] = None  # bases in a circle are none
            bases = [
                self._type(base) if isinstance(base, int) else base_type(base)
                for base in found["bases"]
            ]
            self._types[number] = found = make_type(self, number, found, bases)
        return found

    def _generator(self, number: int) -> Any:
        sent = None
        while True:
            try:
                value = self.ask("send", number, sent)
            except StoppedError as error:
                return error.values[0] if error.values else None
            try:
                sent = yield value
            except GeneratorExit:
                with contextlib.suppress(Exception):
                    method = self.attribute(number, "close")
                    method()
                raise
            except Exception as error:
                value = self.ask("throw", number, error)

    def _error(self, said: Any) -> BaseException:
        """An exception of the program's."""
        number = int(said["n"])
        if isinstance(found := self._known.get(number), BaseException):
            return found
        kind = base_type(list(said["ref"])) if "ref" in said else self._type(said["t"])
        args = self.decode(said["args"])
        if not issubclass(kind, Exception | SystemExit):
            kind = Exception
        error: BaseException = kind.__new__(kind, *args)
        if isinstance(kind, RemoteType):
            object.__setattr__(error, remote.STATE, State(self, number))
        else:
            # Some types want other arguments than the program's had, such as UnicodeDecodeError.
            with contextlib.suppress(Exception):
                error.__init__(*args)  # type: ignore[misc]
        self._know(number, error)
        return error

    def _raise(self, said: Any, *, may_stop: bool) -> NoReturn:
        """Raise what the program raised; what would steer the test becomes an ordinary error."""
        error: BaseException
        try:
            if "original" in said:
                error = self._exposed.raised(said["original"])
            else:
                error = self._error(said)
                if isinstance(error, StopIteration | StopAsyncIteration) and not may_stop:
                    stopped = StoppedError(f"{said['kind']}: {said['text']}")
                    stopped.values = list(error.args)
                    error = stopped
                self._raised[id(error)] = error
        except NONSENSE:
            self._lose()
        raise error


def _named(name: str, value: Any) -> Any:
    """A value that the test asked for by name: what it calls like a class is one for it."""
    if isinstance(value, RemoteType) and name[:1].isupper():
        value._plumb_is_named = True
    return value


def _is_handle(value: Any) -> bool:
    """Whether an answer says no more than that there is something."""
    inside = value.get("o") if isinstance(value, dict) else None
    return isinstance(inside, dict) and not inside.keys() & {"ref", "lib", "v", "e", "mine"}


def _arguments(value: Any) -> tuple[Any, ...]:
    return (value.real, value.imag) if isinstance(value, complex) else (value,)
