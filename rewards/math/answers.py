"""Finding the final answer in what a model wrote.

Guarantees: only the part after the thinking counts, and there the last `\\boxed{}`; one pass over
the text, whatever is in it.
"""

import re

THINK_OPEN, THINK_CLOSE = "<think>", "</think>"
_BOX = re.compile(r"\\boxed\s*\{")
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)  # an escaped character is no brace


class NoAnswerError(Exception):
    """The response holds no final answer; the message says how."""


def final_part(response: str) -> str:
    """What stands after the thinking: nothing, if the thinking never ended."""
    _, closed, after = response.rpartition(THINK_CLOSE)
    visible = after if closed else response
    return visible.partition(THINK_OPEN)[0]


def last_boxed(text: str) -> str:
    """The content of the last `\\boxed{}` in `text`.

    Raises:
        NoAnswerError: There is none, or the last one is not closed.
    """
    boxes = list(_BOX.finditer(text))
    if not boxes:
        raise NoAnswerError("no \\boxed{} answer")
    start = boxes[-1].end()
    depth = 1
    for brace in _BRACE.finditer(text, start):
        depth += {"{": 1, "}": -1}.get(brace.group(), 0)
        if depth == 0:
            return text[start : brace.start()].strip()
    raise NoAnswerError("the last \\boxed{} is not closed")


def bare(text: str) -> str:
    """`text` without an enclosing `\\boxed{}`, for references that come in one."""
    try:
        return last_boxed(text)
    except NoAnswerError:
        return text.strip()
