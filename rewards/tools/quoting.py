"""Whether prose only speaks of a call: in quotation marks, or with a "do not" that governs it.

Guarantees: looks at a bounded piece of text around a place, so that it costs the same everywhere.
"""

from typing import Final

from rewards.tools.clauses import is_negated

REACH: Final = 80  # characters before a call in which a negation may stand
LINE: Final = 1000  # characters of a line in which it may begin as a quotation
_PAIRS: Final = {
    "`": "`", '"': '"', "'": "'", "“": "”", "‘": "’", "«": "»", "„": "“", "「": "」", "『": "』",
}  # fmt: skip


def is_told(text: str, start: int, end: int) -> bool:
    """Whether what stands from `start` to `end` is quoted or negated, and so is no call."""
    if is_quoted(text, start, end):
        return True
    begin = max(0, start - LINE)
    line = text.rfind("\n", begin, start) + 1
    if text.startswith("> ", line) and (line > 0 or begin == 0):
        return True
    return is_negated(text, max(line, start - REACH), start)


def is_quoted(text: str, start: int, end: int) -> bool:
    """Whether quotation marks or those of code stand right around a piece of text."""
    if start == 0 or end >= len(text) or text.startswith("```", max(0, start - 3)):
        return False
    return text[end] == _PAIRS.get(text[start - 1])
