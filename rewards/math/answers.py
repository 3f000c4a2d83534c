"""Finding the final answer in what a model wrote.

Guarantees: only what stands after the thinking counts, and there the last box, or the last boxes
where nothing but commas and "and" stands between them: an answer in two boxes is two answers. One
pass over the text, whatever is in it.
"""

import re
from collections.abc import Sequence

from rewards.math.phrases import after_phrase
from rewards.thinking import Opened, final_part

_BOX = re.compile(r"\\(?:boxed|fbox|framebox)\s*(?:\{|(?=[^\s{]))")
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)  # an escaped character is no brace
_BETWEEN = re.compile(
    r"(?:[\s,;&$]|\\[()\[\],;:! ]|\\q?quad|\\\\|and|or|\\text\{\s*,?\s*(?:and|or)\s*\})*"
)
_AGAIN = re.compile(r"(?:[\s$]|\\[()\[\]])*")
"""Between two boxes of one content: nothing joins them, the answer is said again."""
_DIGITS = re.compile(r"[0-9]{1,30}(?:\.[0-9]{1,30})?")
_TAGGED = re.compile(r"<answer>((?:(?!</?answer>).)*)</answer>", re.DOTALL)


class NoAnswerError(Exception):
    """The response holds no final answer; the message says how."""


def final_answer(response: str, phrases: Sequence[str] = (), opened: Opened | None = None) -> str:
    """The answer in the last boxes after the thinking, else in `<answer>`, else after a phrase.

    Without `phrases` only a box is looked at.

    `opened` says whether the prompt's template opened the thinking; None: it is not known.

    Raises:
        NoAnswerError: There is none, or the last box is not closed.
    """
    text = final_part(response, opened)
    try:
        return last_boxed(text)
    except NoAnswerError:
        if has_box(text):
            raise
        tagged = _TAGGED.findall(text) if phrases else []
        found = tagged[-1].strip() if tagged else after_phrase(text, phrases)
        if not found:
            raise
        return found


def last_boxed(text: str) -> str:
    """The content of the last `\\boxed{}` in `text`; neighbours are joined by commas.

    Raises:
        NoAnswerError: There is none, or the last one is not closed.
    """
    starts = [match.span() for match in _BOX.finditer(text)]
    if not starts:
        raise NoAnswerError("no \\boxed{} answer")
    contents: list[str] = []
    following = len(text)
    for begin, inside in reversed(starts):
        try:
            content, end = _content(text, inside)
        except NoAnswerError:
            if not contents:
                raise
            break
        if contents and (end > following or not _BETWEEN.fullmatch(text, end, following)):
            break
        if not (contents and content == contents[-1] and _AGAIN.fullmatch(text, end, following)):
            contents.append(content)
        following = begin
    return ", ".join(reversed(contents))


def has_box(text: str) -> bool:
    """Whether a box stands in the text, closed or not."""
    return _BOX.search(text) is not None


def bare(text: str) -> str:
    """`text` without an enclosing `\\boxed{}`, for references that come in one."""
    if "\\boxed" not in text and "\\fbox" not in text:
        return text.strip()
    try:
        return last_boxed(text)
    except NoAnswerError:
        return text.strip()


def _content(text: str, inside: int) -> tuple[str, int]:
    if text[inside - 1] != "{":  # \boxed 5
        digits = _DIGITS.match(text, inside)
        end = digits.end() if digits else inside + 1
        return text[inside:end], end
    depth = 1
    for brace in _BRACE.finditer(text, inside):
        depth += {"{": 1, "}": -1}.get(brace.group(), 0)
        if depth == 0:
            return text[inside : brace.start()].strip(), brace.end()
    raise NoAnswerError("the last \\boxed{} is not closed")
