"""Constraints on parts that a response must have: `detectable_content:*`."""

from typing import Final

from rewards.constraints.patterns import pattern
from rewards.constraints.types import (
    Answer,
    ConstraintType,
    Count,
    Finding,
    Parameters,
    Stripped,
    compared,
)

_POSTSCRIPTS: Final = {"P.P.S": r"p\.\s?p\.\s?s", "P.S.": r"p\.\s?s\."}


class NumberPlaceholders(Parameters):
    """The least number of placeholders."""

    num_placeholders: Count


class Postscript(Parameters):
    """What a postscript starts with."""

    postscript_marker: Stripped


def _placeholders(answer: Answer, asked: NumberPlaceholders) -> Finding:
    count = sum(map(_bracketed, answer.text.split("\n")))
    return compared(count, "at least", asked.num_placeholders, "placeholders such as [name]")


def _bracketed(line: str) -> int:
    """How often `\\[.*?\\]` matches, in time that grows with the line's length alone."""
    count = 0
    start = line.find("[")
    while start >= 0:
        end = line.find("]", start + 1)
        if end < 0:
            break
        count += 1
        start = line.find("[", end + 1)
    return count


def _postscript(answer: Answer, asked: Postscript) -> Finding:
    # It may stand anywhere in a line. A marker other than the two is taken as an expression.
    marker = _POSTSCRIPTS.get(asked.postscript_marker, asked.postscript_marker.lower())
    found = pattern(marker, ignore_case=False).search(answer.text.lower())
    expected = f"a postscript that starts with {asked.postscript_marker!r}"
    return Finding(found is not None, expected, "none" if found is None else "one")


TYPES: Final = (
    ConstraintType(
        "detectable_content:number_placeholders",
        "at least so many placeholders in square brackets",
        NumberPlaceholders,
        _placeholders,
        lambda asked: (
            f"The response must contain at least {asked.num_placeholders} placeholders in "
            "square brackets, such as [address]."
        ),
    ),
    ConstraintType(
        "detectable_content:postscript",
        "has the marker of a postscript, in any case",
        Postscript,
        _postscript,
        lambda asked: (
            f"At the end of your response, add a postscript starting with {asked.postscript_marker}"
        ),
    ),
)
