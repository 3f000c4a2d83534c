"""The symbols that an answer is cut into."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Token:
    """`kind` is number, letter, function, command, text, or the character itself."""

    kind: str
    text: str = ""
    spaced: bool = False
    """Whether white space stood before it."""


class NotMathError(Exception):
    """The text is not an answer that this package understands; the message says why."""
