"""What a call must return, as data: a checker of values that can be sent to another process."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

from sandbox.compare import same_value

Relation = Literal["==", "!=", "is"]
_RELATIONS: Final[dict[Relation, Callable[[Any, Any], bool]]] = {
    "==": lambda value, expected: bool(value == expected),
    "!=": lambda value, expected: bool(value != expected),
    "is": lambda value, expected: value is expected,
}


@dataclass(frozen=True, slots=True)
class SameValue:
    """The value is this JSON value."""

    expected: Any
    tolerance: float

    def __call__(self, value: Any) -> bool:
        return same_value(value, self.expected, self.tolerance)


@dataclass(frozen=True, slots=True)
class Related:
    """The value and a literal of a Python test stand in this relation, by Python's own rules."""

    relation: Relation
    expected: Any

    def __call__(self, value: Any) -> bool:
        return _RELATIONS[self.relation](value, self.expected)


@dataclass(frozen=True, slots=True)
class Near:
    """`abs(value - expected) < most`; `strictly`: not `<=`."""

    expected: float
    most: float
    strictly: bool

    def __call__(self, value: Any) -> bool:
        if not isinstance(value, int | float):
            return False
        try:
            error = abs(value - self.expected)
        except OverflowError:
            return False
        return bool(error < self.most if self.strictly else error <= self.most)


@dataclass(frozen=True, slots=True)
class Not:
    """The value is not what something else asks for."""

    inner: Callable[[Any], bool]

    def __call__(self, value: Any) -> bool:
        return not self.inner(value)
