"""What a mutant of a program is."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mutant:
    """A program with one change.

    Attributes:
        source: The whole program.
        change: What is changed and where, in words.
    """

    source: str
    change: str
