"""What may be done to an object of another process, by name; both sides know this list."""

import copy
import inspect
import math
import operator
from collections.abc import Callable, Mapping
from typing import Any, Final


def _reflected(operation: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda target, other: operation(other, target)


_OPERATORS: Final = "add sub mul truediv floordiv mod pow matmul lshift rshift and or xor"
_ARITHMETIC: Final = _OPERATORS.split()
_BY_NAME: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "divmod": divmod,
    **{name: getattr(operator, f"__{name}__") for name in _ARITHMETIC},
}

ORDER: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    f"__{name}__": getattr(operator, name) for name in ("lt", "le", "gt", "ge")
}
BINARY: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    **{f"__{name}__": function for name, function in _BY_NAME.items()},
    **{f"__r{name}__": _reflected(function) for name, function in _BY_NAME.items()},
    **{f"__i{name}__": getattr(operator, f"__i{name}__") for name in _ARITHMETIC},
}
NUMBERS: Final[Mapping[str, Callable[..., Any]]] = {
    "__abs__": abs,
    "__neg__": operator.neg,
    "__pos__": operator.pos,
    "__invert__": operator.invert,
    "__int__": int,
    "__float__": float,
    "__complex__": complex,
    "__index__": operator.index,
    "__round__": round,
    "__trunc__": math.trunc,
    "__floor__": math.floor,
    "__ceil__": math.ceil,
}
OTHERS: Final[Mapping[str, Callable[..., Any]]] = {
    "__len__": len,
    "__length_hint__": operator.length_hint,
    "__iter__": iter,
    "__next__": next,
    "__reversed__": reversed,
    "__getitem__": operator.getitem,
    "__setitem__": operator.setitem,
    "__delitem__": operator.delitem,
    "__missing__": lambda target, key: target.__missing__(key),
    "__enter__": lambda target: type(target).__enter__(target),
    "__format__": format,
    "__bytes__": bytes,
    "__fspath__": lambda target: target.__fspath__(),
}
AWAITED: Final = ("__anext__", "__aenter__", "__aexit__")
# Asked in every case, or in a way of their own.
ALWAYS: Final[Mapping[str, Callable[..., Any]]] = {
    "__bool__": bool,
    "__str__": str,
    "__repr__": repr,
    "__hash__": hash,
    "__setattr__": setattr,
    "__delattr__": delattr,
    "__copy__": copy.copy,
    "__deepcopy__": copy.deepcopy,
    "__contains__": operator.contains,
    "__class_getitem__": operator.getitem,
    "__aiter__": lambda target: target.__aiter__(),
}
SPECIAL: Final[Mapping[str, Callable[..., Any]]] = {
    **ORDER,
    **BINARY,
    **NUMBERS,
    **OTHERS,
    **ALWAYS,
}
TOLD: Final = (
    *SPECIAL,
    *AWAITED,
    "__call__",
    "__eq__",
    "__exit__",
    "__await__",
)
"""Methods whose presence a type tells of."""
_NAMES: Final = "all annotations author dict doc members module name qualname slots version wrapped"
READABLE: Final = frozenset(f"__{name}__" for name in _NAMES.split())
"""Attributes between underscores that may be read."""


def told_of(kind: type) -> list[str]:
    """The methods of TOLD that a type has and `object` has not."""
    found = []
    for name in TOLD:
        for base in kind.__mro__:
            if base is not object and name in vars(base):
                if vars(base)[name] is not None:
                    found.append(name)
                break
    return found


def is_coroutine(value: object) -> bool:
    """Whether it is to be awaited."""
    return inspect.iscoroutine(value)
