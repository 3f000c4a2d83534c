r"""Intervals with brackets turned outward, as in French: `]2;5[` is (2, 5).

Guarantees: one pass; a text without such a bracket stays as it is.
"""


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
