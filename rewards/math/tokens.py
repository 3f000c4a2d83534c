"""The symbols that an answer is cut into."""

from typing import NamedTuple


class Token(NamedTuple):
    """`kind` is number, letter, function, command, text, or the character itself."""

    kind: str
    text: str = ""
    spaced: bool = False
    """Whether white space stood before it."""


class NotMathError(Exception):
    """The text is not an answer that this package understands; the message says why."""
