r"""Intervals as in French: `]2;5[` is (2, 5), with brackets turned outward; `[0,5;2]` is [0.5, 2].

Guarantees: linear in the text's length; a text without such a bracket, and without a semicolon
between decimal commas, stays as it is.
"""

import re

_SEPARATED = re.compile(r"(?:\\[a-zA-Z]+|(?<![a-zA-Z]))[\[(][^][();]*;[^][();]*[\])]")
"""Two ends in brackets that are no function's; further brackets are none of an interval's."""
_COMMA = re.compile(r"(?<=\d),(?=\d)")
_GROUPED = re.compile(r"(?<!\d)[1-9]\d{0,2}(?:,\d{3})+(?!\d)")


def pointed(text: str) -> str:
    """The text with a point for the decimal comma in intervals whose ends a semicolon parts."""
    if ";" not in text or "," not in text:
        return text
    return _SEPARATED.sub(lambda found: with_points(found.group()), text)


def with_points(text: str) -> str:
    """Numbers that semicolons part, with points; as it is where a comma parts numbers as well."""
    if _GROUPED.search(text) or any(_parts_numbers(part) for part in text.split(";")):
        return text
    return _COMMA.sub(".", text)


def _parts_numbers(part: str) -> bool:
    return part.count(",") > 1 or part.count(",") != len(_COMMA.findall(part))


def turned(text: str) -> str:
    """The text with round brackets where a bracket was turned outward."""
    if ("[" not in text and "]" not in text) or not _is_turned(text):
        return text
    marks = list(text)
    start: int | None = None
    depth = 0
    for at, mark in enumerate(text):
        if mark in "({":
            depth += 1
        elif mark in ")}":
            depth -= 1
        elif mark not in "[]" or depth:
            continue
        elif start is None:
            start = at
        else:
            _turn(marks, start, at)
            start = None
    return text if start is not None else "".join(marks)


def _is_turned(text: str) -> bool:
    """Whether the first square bracket closes or the last one opens."""
    square = [mark for mark in text if mark in "[]"]
    return square[0] == "]" or square[-1] == "["


def _turn(marks: list[str], start: int, end: int) -> None:
    inside = marks[start + 1 : end]
    if ";" in inside:  # then a comma is the decimal sign
        marks[start + 1 : end] = ["." if mark == "," else mark for mark in inside]
    if marks[start] == "]":
        marks[start] = "("
    if marks[end] == "[":
        marks[end] = ")"
