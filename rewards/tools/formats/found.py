"""What a parser collects on its way through a text."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from rewards.tools.types import ToolCall

Offered = Mapping[str, Mapping[str, Any]]
"""The tools on offer, by name; empty if nobody said."""


MAX_CALLS: Final = 256


@dataclass(slots=True)
class Found:
    """Calls so far, and the pieces of text outside of them.

    Attributes:
        calls: The calls.
        pieces: The text outside of them.
        begins: Where the first call begins, and
        ends: where the last one ends, for the forms that have no marks.
    """

    calls: list[ToolCall] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)
    begins: int = -1
    ends: int = -1

    def outside(self, piece: str) -> None:
        """Note text that belongs to no call."""
        if piece.strip():
            self.pieces.append(piece.strip())

    def at(self, begin: int, end: int, calls: Iterable[ToolCall]) -> None:
        """Note calls that stand between two places."""
        self.calls.extend(calls)
        self.begins = begin if self.begins < 0 else self.begins
        self.ends = end

    @property
    def text(self) -> str:
        """The text outside the calls."""
        return "\n".join(self.pieces)


def nothing(text: str) -> Found:
    """`text` holds no call."""
    return Found(pieces=[text.strip()] if text.strip() else [])


def whole(text: str, calls: Iterable[ToolCall]) -> Found:
    """`text` is calls and nothing else."""
    return Found(list(calls), [], 0, len(text))


def skip_blank(text: str, start: int) -> int:
    """Where the white space from `start` on ends."""
    while start < len(text) and text[start].isspace():
        start += 1
    return start
