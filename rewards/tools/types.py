"""A call, what a text was read as, and what comparing calls says.

Guarantees: all are immutable; a difference is one line, however large or odd the values are.
"""

import reprlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

SHOWN = 100  # characters of a value in a message


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call: a tool's name and its arguments, which are JSON values.

    Attributes:
        name: The tool.
        arguments: The arguments, by name.
        readings: Other values that an argument may stand for. Where a format writes `7` without a
            type, and the tool's declaration allows a text and a number, both are what was said.
    """

    name: str
    arguments: Mapping[str, Any]
    readings: Mapping[str, Sequence[Any]] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a text was read as.

    Attributes:
        calls: The calls in their order; none where there is a fault.
        text: What stands outside the calls, without the thinking.
        format: The parser that read it; "text" where `auto` found no call.
        fault: Why a call that was attempted cannot be read.
    """

    calls: tuple[ToolCall, ...] = ()
    text: str = ""
    format: str = "text"
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Difference:
    """Where an answer first differs from what is right.

    Attributes:
        call: Index of the answer's call; of the reference's, where the answer lacks one.
        tool: The tool that the call is of.
        path: The argument, such as "where.city" or "points[2]"; empty for the call as a whole.
        wanted: What would be right, a value or a phrase.
        found: What stands there, likewise.
        kind: Of a call that does not fit its schema: the word of JSON Schema that it breaks, such
            as `type` or `required`; empty: there is no such tool.
    """

    call: int
    tool: str
    path: str
    wanted: object
    found: object
    kind: str = field(default="", compare=False, repr=False)

    @property
    def expected(self) -> str:
        """What would be right, in words."""
        return shown(self.wanted)

    @property
    def got(self) -> str:
        """What stands there, in words."""
        return shown(self.found)

    def __str__(self) -> str:
        where = f" argument {plain(self.path)}:" if self.path else ""
        what = f"expected {self.expected}, got {self.got}"
        return f"call {self.call + 1} ({plain(self.tool)}):{where} {what}"


@dataclass(frozen=True, slots=True)
class Match:
    """Whether calls match a reference; true if and only if they do."""

    matched: bool
    difference: Difference | None = None

    def __bool__(self) -> bool:
        return self.matched


class Phrase(str):
    """Words for a message that stand as they are, where a value would be quoted."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class OneOf:
    """Allowed values, and the type that the declaration names, for a message."""

    values: Sequence[Any]
    kind: str | None = None

    def __str__(self) -> str:
        words = "" if self.kind is None else f" of type {shown(self.kind)}"
        return f"one of {_REPR.repr(list(self.values))}{words}"


_REPR = reprlib.Repr()
_REPR.maxstring = _REPR.maxother = _REPR.maxlong = SHOWN
_REPR.maxlist = _REPR.maxdict = _REPR.maxtuple = 8


def shown(value: object) -> str:
    """`value` for a message: one line, cut, printable whatever is in it."""
    text = str(value) if isinstance(value, Phrase | OneOf) else _REPR.repr(value)
    return text if len(text) <= 2 * SHOWN else text[: 2 * SHOWN] + "..."


def plain(name: str) -> str:
    """A name for a message: without quotes where it is an ordinary one."""
    return name if len(name) <= SHOWN and name.isprintable() and name else shown(name)
