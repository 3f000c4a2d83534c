"""Marks that a text only speaks of: in quotation marks, or in a string of data.

Guarantees: time is linear in the text.
"""

import re
from collections.abc import Iterator
from typing import Final

_PAIRS: Final = frozenset({'""', "''", "``", "\u201c\u201d", "\u2018\u2019", "\u00ab\u00bb"})
_ENDED: Final = re.compile(r"[^\s(\[{<=:,]")
"""What may stand before the end of a quotation."""
_CLOSE_SCRIPTS: Final = "\u2e80"  # from here on scripts set no spaces around quotation marks
_DATA_BEGINS: Final = re.compile(
    r"(?:\A\s*+|(?<=\n)[ \t]*+)"
    r"(?:(?:\[\s{0,64}+){1,8}+[\"']|[^\W\d][\w.\-]{0,127}+\(\s{0,64}+\w{1,128}+\s{0,8}+=)"
    r"|\{\s{0,64}+(?:\"[^\"\n]{1,256}+\"|'[^'\n]{1,256}+')\s{0,64}+:"
)
"""A list of texts or a call in Python's notation at the start of a line; an object anywhere."""
_TOKEN: Final = re.compile(
    r"\"(?:[^\"\\\n]++|\\.)*+(\")?+|(?:(?<!\w)|(?<=\W[bru]))'(?:[^'\\\n]++|\\.)*+(')?+|[\[({\])}]",
    re.DOTALL | re.IGNORECASE,
)
"""A bracket or a string, whose end is a group; an apostrophe after a letter begins none."""
_AFTER_STRING: Final = re.compile(r"\s*+[,:\]})]")


def unmentioned(pattern: re.Pattern[str], text: str, start: int) -> Iterator[tuple[int, int]]:
    """Where from `start` on a mark stands that is not alone in quotation marks.

    Quotation marks around it are its own only where the first of them begins a quotation: in
    `He said "no"</think>"No"` it ends one.
    """
    seen: dict[str, tuple[int, bool]] = {}
    for match in pattern.finditer(text, start):
        begin, end = match.span()
        is_quoted = _is_between(text, begin, end) and (
            text[begin - 1] != text[end] or not _closes(text, start, begin - 1, seen)
        )
        if not is_quoted:
            yield begin, end


def is_in_data(text: str, at: int) -> bool:
    """Whether `at` is in a string of an object, a list or a call that begins before it.

    It has to close after it: thinking writes what it breaks off.
    """
    begun = _DATA_BEGINS.search(text, 0, at)
    while begun is not None:
        depth, end, is_held = 0, begun.end(), False
        for match in _TOKEN.finditer(text, begun.start()):
            end = match.end()
            if match[0][0] in "\"'":
                if match.lastindex is None:
                    break  # a line ended it, or the text
                if match.start() < at < end:
                    is_held = _AFTER_STRING.match(text, end) is not None
            else:
                depth += 1 if match[0] in "[({" else -1
            if depth <= 0:
                break
            if end > at and not is_held:
                return False
        else:
            return False  # it never closes
        if end > at:
            return is_held and depth <= 0
        begun = _DATA_BEGINS.search(text, end, at)
    return False


def _is_between(text: str, start: int, end: int) -> bool:
    """Whether quotation marks stand around it; three of a kind are a fence, or a string's end."""
    before, after = text[max(0, start - 1) : start], text[end : end + 1]
    if before + after not in _PAIRS:
        return False
    return text[max(0, start - 2) : start] != before * 2 and text[end : end + 2] != after * 2


def _closes(text: str, start: int, at: int, seen: dict[str, tuple[int, bool]]) -> bool:
    """Whether the quotation mark at `at` ends a quotation that began before it on its line.

    Args:
        text: What it stands in.
        start: Where that begins to be read.
        at: Where the mark stands.
        seen: By mark up to where the text was read, and whether a quotation was open there.
    """
    mark = text[at]
    since, is_open = seen.get(mark, (start, False))
    if (line := text.rfind("\n", since, at) + 1) > since:
        since, is_open = line, False
    place = text.find(mark, since, at)
    while place >= 0:
        is_after_word = _is_of_a_word(text[max(0, place - 1) : place])
        if not is_open:
            is_open = not is_after_word  # an apostrophe or an inch begins nothing
        else:
            is_in_word = is_after_word and _is_of_a_word(text[place + 1 : place + 2])
            is_open = is_in_word and mark == "'"
        place = text.find(mark, place + 1, at)
    seen[mark] = at, is_open
    return is_open and _ENDED.match(text, at - 1) is not None


def _is_of_a_word(letter: str) -> bool:
    return letter.isalnum() and letter < _CLOSE_SCRIPTS
