"""What a test asks about the program's functions and objects by `inspect` and `dataclasses`.

These look into an object, and the object is elsewhere: so they are asked there, and their answers
are data. For the test's own objects they stay what they are.
"""

import asyncio
import dataclasses
import functools
import inspect
import types
import typing
from collections.abc import Callable
from typing import Any, Final

from .remote import HOLDERS, RemoteType, state_of

IS: Final = "abstract asyncgenfunction builtin coroutinefunction function generatorfunction method"
_ABSENT: Final = inspect.Parameter.empty


def _signature(target: Any) -> Any:
    found = inspect.signature(target)
    return [
        [
            [
                one.name,
                int(one.kind),
                one.default is not _ABSENT,
                _given(one.default),
                _given(one.annotation),
            ]
            for one in found.parameters.values()
        ],
        _given(found.return_annotation),
    ]


def _given(value: Any) -> Any:
    return None if value is _ABSENT else value


def _rebuilt(said: Any) -> inspect.Signature:
    parameters = [
        inspect.Parameter(
            str(name),
            inspect._ParameterKind(kind),
            default=default if has_default else _ABSENT,
            annotation=_ABSENT if annotation is None else annotation,
        )
        for name, kind, has_default, default, annotation in said[0]
    ]
    return inspect.Signature(parameters, return_annotation=_ABSENT if said[1] is None else said[1])


def _fields(target: Any) -> Any:
    return [[one.name, one.type, _default(one)] for one in dataclasses.fields(target)]


def _default(field: Any) -> Any:
    return None if field.default is dataclasses.MISSING else field.default


def _as_fields(said: Any) -> Any:
    return tuple(
        types.SimpleNamespace(name=name, type=kind, default=default) for name, kind, default in said
    )


def _same(said: Any) -> Any:
    return said


ASKED: Final[dict[str, Callable[..., Any]]] = {
    **{f"is{name}": getattr(inspect, f"is{name}") for name in IS.split()},
    "asdict": dataclasses.asdict,
    "astuple": dataclasses.astuple,
    "fields": _fields,
    "get_type_hints": typing.get_type_hints,
    "getdoc": inspect.getdoc,
    "getsource": inspect.getsource,
    "is_dataclass": dataclasses.is_dataclass,
    "replace": lambda target, changes: dataclasses.replace(target, **changes),
    "signature": _signature,
}
"""In the program's process: what answers."""
_PLACES: Final = {
    **{f"is{name}": (inspect,) for name in IS.split()},
    "iscoroutinefunction": (inspect, asyncio),
    "asdict": (dataclasses,),
    "astuple": (dataclasses,),
    "fields": (dataclasses,),
    "get_type_hints": (typing,),
    "getdoc": (inspect,),
    "getsource": (inspect,),
    "is_dataclass": (dataclasses,),
    "replace": (dataclasses,),
    "signature": (inspect,),
}
_MADE: Final[dict[str, Callable[[Any], Any]]] = {"signature": _rebuilt, "fields": _as_fields}


def ask_there() -> None:
    """In the test's process: have these functions asked where the object is."""
    for name, modules in _PLACES.items():
        for module in modules:
            setattr(module, name, _asking(name, getattr(module, name)))


def _asking(name: str, here: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(here)
    def asked(target: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(target, RemoteType):
            said = target._plumb_link.ask("look", target._plumb_number, name, *args)
        elif (state := state_of(target)) is not None:
            more = (kwargs,) if name == "replace" else args
            said = state.link.ask("look", state.number, name, *more)
            if name == "replace" and (made := state_of(said)) is not None:
                made.is_made = state.is_made
        else:
            return here(target, *args, **kwargs)
        return _MADE.get(name, _same)(said)

    return asked


def is_instance(value: Any, kinds: Any) -> bool:
    """`isinstance`, for which an object whose class derives from a builtin container is one."""
    if isinstance(value, kinds):
        return True
    kind = type(value)
    return isinstance(kind, RemoteType) and is_subclass(kind, kinds)


def is_subclass(kind: Any, kinds: Any) -> bool:
    """`issubclass`, likewise."""
    if issubclass(kind, kinds):
        return True
    held = [vars(base).get("_plumb_holds") for base in kind.__mro__]
    builtin = [one for one in HOLDERS if one.__name__ in held]
    return any(one in builtin for one in (kinds if isinstance(kinds, tuple) else (kinds,)))
