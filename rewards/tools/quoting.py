"""Whether prose only speaks of a call: in quotation marks, or with a "do not" that governs it.

Guarantees: looks at a bounded piece of text around a place, so that it costs the same everywhere.
"""

import re
from typing import Final

REACH: Final = 80  # characters before a call in which a negation may stand
LINE: Final = 1000  # characters of a line in which it may begin as a quotation
_PAIRS: Final = {
    "`": "`", '"': '"', "'": "'", "“": "”", "‘": "’", "«": "»", "„": "“", "「": "」", "『": "』",
}  # fmt: skip
_NEGATION: Final = re.compile(
    r"\b(?:not|never|without|cannot|instead of|rather than|avoid|refuse to|refrain from"
    r"|no need (?:to|for)|neither|nor|не|без|non|senza|nicht|kein\w{0,2}|ohne|sans|sin)\b"
    r"|n['’]t\b|不(?:要|会|能|应|该|用|必|得|再)?|别|勿|無需|无需|没有|不需",
    re.IGNORECASE,
)
_CLAUSE: Final = re.compile(r"[^.;:!?,\n。；：！？，]{0,40}")
_ANOTHER: Final = re.compile(  # not know it so I call, without a date I'll use
    r"\b(?:so|then|but|therefore|thus|hence|let me|let['’]s|here (?:is|are|comes)"
    r"|(?:I|we)(?:['’](?:ll|m|re|ve))?(?: (?:will|shall|am|are|now|just|simply|also|first|then))*"
    r" (?:call|use|run|invoke|execut|try|mak|issu|send|go|tak|start)\w{0,4}"
    r"|поэтому|тогда|но|я (?:сейчас )?(?:вызыв|вызов|использу|запуск|запущ)\w{0,4}"
    r"|quindi|allora|ma|(?<=\w )(?:chiamo|uso|invoco|eseguo)"
    r"|also|(?:rufe|nutze|verwende|starte) ich|donc|alors|j['’](?:appelle|utilise|exécute))\b"
    r"|所以|因此|于是|但|然后|我(?:将|就|现在|先|直接)",
    re.IGNORECASE,
)
"""The beginning of a clause of its own, to which a "not" before it does not belong."""


def is_told(text: str, start: int, end: int) -> bool:
    """Whether what stands from `start` to `end` is quoted or negated, and so is no call."""
    if is_quoted(text, start, end):
        return True
    begin = max(0, start - LINE)
    line = text.rfind("\n", begin, start) + 1
    if text.startswith("> ", line) and (line > 0 or begin == 0):
        return True
    return _is_negated(text, max(line, start - REACH), start)


def _is_negated(text: str, begin: int, start: int) -> bool:
    """Whether the last negation from `begin` on governs what begins at `start`.

    It does not where a clause ends between the two, or another begins: "I do not know the date so
    I call".
    """
    negations = list(_NEGATION.finditer(text, begin, start))
    if not negations:
        return False
    between = text[negations[-1].end() : start]
    return _CLAUSE.fullmatch(between) is not None and _ANOTHER.search(between) is None


def is_quoted(text: str, start: int, end: int) -> bool:
    """Whether quotation marks or those of code stand right around a piece of text."""
    if start == 0 or end >= len(text) or text.startswith("```", max(0, start - 3)):
        return False
    return text[end] == _PAIRS.get(text[start - 1])
