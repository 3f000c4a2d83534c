"""The program's objects in the test's process.

Guarantees: no code of the program runs here, and an object of the program is equal to no value of
the test unless the test itself made the object and its comparison tells values apart. What an
operator gives for such an object and a value of the test is believed only where the test made the
object: a function that has to return a number cannot return something that is close to every
number. The other side describes its types as it likes; it decides what they are called and which
methods they have, and nothing else.
"""

import builtins
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from . import operations

HOLDERS: tuple[type, ...] = (list, dict, set, bytearray)
STATE = "_plumb_state"


class Way(Protocol):
    """How an object of the program is reached."""

    def call(self, number: int, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        """Call it."""

    def attribute(self, number: int, name: str) -> Any:
        """Read an attribute of it."""

    def special(self, number: int, name: str, *args: Any) -> Any:
        """Do what a special method does."""

    def ask(self, operation: str, number: int, *args: Any) -> Any:
        """Do something else to it."""

    def compare(self, number: int, how: str, *args: Any) -> bool:
        """Compare it."""

    def coroutine(self, number: int) -> Any:
        """Wait for it."""

    def has_raised(self, error: BaseException | None) -> bool:
        """Whether the program raised this error."""


class State:
    """Where an object lives, and how much the test knows of it."""

    __slots__ = ("is_made", "is_tainted", "link", "number")

    def __init__(self, link: Way, number: int) -> None:
        self.link = link
        self.number = number
        self.is_made = False  # the test called its class, or an operator on such objects
        self.is_tainted = False  # an operator on another object and a value of the test gave it


def state_of(value: object) -> State | None:
    """The state of an object of the program; None: it is one of the test's."""
    if not isinstance(type(value), RemoteType):
        return None
    try:
        found = object.__getattribute__(value, STATE)
    except AttributeError:
        return None
    return found if isinstance(found, State) else None


# A class of the program: its objects are made, and its attributes looked up, over there.
class RemoteType(type):
    _plumb_link: Way
    _plumb_number: int
    _plumb_told: frozenset[str]
    _plumb_is_holder: bool
    _plumb_is_named = False  # whether the test has called it by a name that classes have

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        made = cls._plumb_link.call(cls._plumb_number, args, kwargs)
        if cls._plumb_is_named and (state := state_of(made)) is not None:
            state.is_made = True
        return made

    @property
    def __doc__(cls) -> Any:  # type: ignore[override]
        return getattr(cls, "_plumb_link", None) and cls._asked("__doc__")

    def _asked(cls, name: str) -> Any:
        return cls._plumb_link.attribute(cls._plumb_number, name)

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("_plumb_") or _is_private(name):
            raise AttributeError(name)
        return cls._asked(name)

    def __setattr__(cls, name: str, value: Any) -> None:
        if name.startswith("_plumb_") or name == "__abstractmethods__":
            type.__setattr__(cls, name, value)
        else:
            cls._plumb_link.special(cls._plumb_number, "__setattr__", name, value)

    def __delattr__(cls, name: str) -> None:
        cls._plumb_link.special(cls._plumb_number, "__delattr__", name)

    def __getitem__(cls, key: Any) -> Any:
        return cls._plumb_link.special(cls._plumb_number, "__class_getitem__", key)

    def __instancecheck__(cls, instance: Any) -> bool:
        if type.__instancecheck__(cls, instance):
            return True
        if state_of(instance) is None:
            return False
        return cls._plumb_link.compare(cls._plumb_number, "is instance", instance)

    def __dir__(cls) -> list[str]:
        return list(type.__dir__(cls))


class ListedType(RemoteType):
    """A class that is a container itself, such as an Enum."""

    def __iter__(cls) -> Any:
        return cls._plumb_link.special(cls._plumb_number, "__iter__")

    def __len__(cls) -> int:
        return int(cls._plumb_link.special(cls._plumb_number, "__len__"))

    def __contains__(cls, value: Any) -> bool:
        return cls._plumb_link.compare(cls._plumb_number, "holds", value)


class Value(metaclass=RemoteType):
    """An object whose class derives from an immutable builtin one: that value, and more."""

    def __getattr__(self, name: str) -> Any:
        return attribute_of(self, name)

    def __repr__(self) -> str:
        return text_of(self, "__repr__")

    def __str__(self) -> str:
        return text_of(self, "__str__")


class Remote(metaclass=RemoteType):
    """Any other object."""

    __slots__ = (STATE,)

    def __getattr__(self, name: str) -> Any:
        return attribute_of(self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        _special(self, "__setattr__", name, value)

    def __delattr__(self, name: str) -> None:
        _special(self, "__delattr__", name)

    def __bool__(self) -> bool:
        _refuse_tainted(self, "its truth")
        return _special(self, "__bool__") is True

    def __str__(self) -> str:
        return text_of(self, "__str__")

    def __repr__(self) -> str:
        return text_of(self, "__repr__")

    def __copy__(self) -> Any:
        return _copied(self, "__copy__")

    def __deepcopy__(self, _: Any) -> Any:
        return _copied(self, "__deepcopy__")

    def __dir__(self) -> list[str]:
        return list(attribute_of(self, "__dict__"))

    def __eq__(self, other: object) -> bool:
        return _is_equal(self, other)

    def __ne__(self, other: object) -> bool:
        return not _is_equal(self, other)

    def __hash__(self) -> int:
        told = type(self)._plumb_told
        if "__eq__" in told or "__hash__" in told:
            return int(_special(self, "__hash__"))
        return _state(self).number


def _state(value: Any) -> State:
    found: State = object.__getattribute__(value, STATE)
    return found


def _is_private(name: str) -> bool:
    """Whether a name is Python's or pytest's, and not the program's to have."""
    if name.startswith("__") and name.endswith("__"):
        return name not in operations.READABLE
    return name.startswith(("_pytest", "pytest"))


def attribute_of(value: Any, name: str) -> Any:
    if name == STATE or _is_private(name):
        raise AttributeError(f"'{type(value).__name__}' object has no attribute '{name}'")
    state = _state(value)
    return state.link.attribute(state.number, name)


def _special(value: Any, name: str, *args: Any) -> Any:
    state = _state(value)
    return state.link.special(state.number, name, *args)


def text_of(value: Any, name: str) -> str:
    return str.__str__(_special(value, name))


def _copied(value: Any, name: str) -> Any:
    copied = _special(value, name)
    if (state := state_of(copied)) is not None:
        state.is_made = _state(value).is_made
    return copied


def _refuse_tainted(value: Any, what: str) -> None:
    if _state(value).is_tainted:
        raise TypeError(
            f"{what} follows from an operator of the program's on a value of the test; "
            "compare values, or objects that the test makes"
        )


def _is_equal(one: Any, other: object) -> bool:
    state, others = _state(one), state_of(other)
    has_own = "__eq__" in type(one)._plumb_told
    if others is not None:
        if state.number == others.number:
            return True
        if has_own or "__eq__" in getattr(type(other), "_plumb_told", ()):
            return state.link.compare(state.number, "same", other)
        return False
    if isinstance(other, HOLDERS) and type(one)._plumb_is_holder:
        return bool(state.link.ask("plain", state.number) == other)
    return state.is_made and has_own and state.link.compare(state.number, "same value", other)


def _binary(name: str) -> Callable[..., Any]:
    def method(self: Any, other: Any, *more: Any) -> Any:
        state, others = _state(self), state_of(other)
        is_known = state.is_made or (others is not None and others.is_made)
        if state.is_tainted or (others is not None and others.is_tainted):
            is_known = False
        given = _special(self, name, other, *more)
        found = state_of(given)
        if found is not None:
            found.is_made = found.is_made or is_known
            found.is_tainted = found.is_tainted or not (is_known or others is not None)
            return given
        if not is_known and others is None:
            raise TypeError(
                f"unsupported operand types: '{type(self).__name__}', an object that the test did "
                f"not make, and '{type(other).__name__}', a value of the test"
            )
        return given

    return method


def _order(name: str) -> Callable[..., Any]:
    def method(self: Any, other: Any) -> Any:
        state = _state(self)
        _refuse_tainted(self, "its order")
        if state_of(other) is None and not state.is_made:
            raise TypeError(
                f"'{type(self).__name__}', an object that the test did not make, has no order "
                f"beside '{type(other).__name__}', a value of the test"
            )
        return _special(self, name, other)

    return method


def _number(name: str) -> Callable[..., Any]:
    def method(self: Any, *args: Any) -> Any:
        _refuse_tainted(self, "its value as a number")
        given = _special(self, name, *args)
        if (found := state_of(given)) is not None:
            found.is_made = found.is_made or _state(self).is_made
        return given

    return method


def _plainly(name: str) -> Callable[..., Any]:
    def method(self: Any, *args: Any) -> Any:
        return _special(self, name, *args)

    return method


def _later(name: str) -> Callable[..., Any]:
    async def method(self: Any, *args: Any) -> Any:
        return _special(self, name, *([None] * 3 if name == "__aexit__" else args))

    return method


def _call(self: Any, *args: Any, **kwargs: Any) -> Any:
    state = _state(self)
    return state.link.call(state.number, args, kwargs)


def _contains(self: Any, value: Any) -> bool:
    state = _state(self)
    told = type(self)._plumb_told
    if "__contains__" in told and state.is_made:
        return _special(self, "__contains__", value) is True
    if "__iter__" in told or "__getitem__" in told:
        return any(value is item or value == item for item in self)
    return state.link.compare(state.number, "holds", value)


def _exit(self: Any, kind: type | None, error: Any, _: object) -> bool:
    """Tell the program; it may swallow an error of the test's own where the test made the object.

    Never a failed assertion, and nothing that the program raised: a test would pass by it.
    """
    state = _state(self)
    text = [None, ""] if kind is None else [error_name(kind), str(error)]
    swallowed = state.link.ask("exit", state.number, *text) is True
    is_own = isinstance(error, Exception) and not state.link.has_raised(error)
    return swallowed and state.is_made and is_own and not isinstance(error, AssertionError)


def error_name(kind: type) -> str:
    """The nearest builtin type of an exception type, by name."""
    for base in kind.__mro__:
        if getattr(builtins, base.__name__, None) is base:
            return str(base.__name__)
    return "Exception"


def _await(self: Any) -> Any:
    state = _state(self)
    return state.link.coroutine(state.number).__await__()


class Holder(Remote):
    """An object whose class derives from a mutable builtin one."""

    __slots__ = ()


HELD: dict[type, type] = {}  # a Holder for each builtin type that one may derive from
for _kind in HOLDERS:
    HELD[_kind] = type.__new__(RemoteType, "Holder", (Holder,), {"__slots__": ()})
    type.__setattr__(HELD[_kind], "_plumb_holds", _kind.__name__)
type.__setattr__(Remote, "_plumb_told", frozenset())
type.__setattr__(Remote, "_plumb_is_holder", False)

METHODS: dict[str, Callable[..., Any]] = (
    {name: _order(name) for name in operations.ORDER}
    | {name: _binary(name) for name in operations.BINARY}
    | {name: _number(name) for name in operations.NUMBERS}
    | {name: _plainly(name) for name in operations.OTHERS}
    | {name: _later(name) for name in operations.AWAITED}
    | {
        "__aiter__": _plainly("__aiter__"),
        "__call__": _call,
        "__contains__": _contains,
        "__exit__": _exit,
        "__await__": _await,
    }
)
