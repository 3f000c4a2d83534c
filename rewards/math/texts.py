"""Answers compared as texts: letters of choices, words, and what the grammar does not cover.

Guarantees: two texts are the same only if nothing but layout was removed from them.
"""

import re
from functools import lru_cache

from rewards.math.layout import TEXT_LIMIT, clean, unwrapped
from rewards.math.tokens import NotMathError

_TEXT = re.compile(r"\\(?:text|mathrm|mbox|textbf)\{([^{}]*)\}")
_LETTERS_ONLY = re.compile(r"\(?([A-J]|[a-e])[).]?|([A-Za-z][A-Za-z ,'-]{2,})")
_CHOSEN = re.compile(r"\(?([A-J]|[a-e])[).:](?![-+*/^=<>_])\s*(\S.*)", re.DOTALL)
_WITH_VALUE = re.compile(r"([A-J])\s+\((?!\s*[A-Za-z]\s*\))([^()]+)\)")
_CHOICE = re.compile(r"(?<![A-Za-z])[A-Ja-j][).:]")
_OPTION = re.compile(
    r"^(?:the\s+)?(?:(?:correct|right|final|best)\s+)?(?:answer|option|choice|alternative|选项|选择|选"
    r"|вариант|ответ|opzione|risposta)\s*(?:is|:|：)?\s*(?=\(?[A-Ja-j]\)?(?:[).:]|$|\s))"
    r"|(?<=^[A-Ja-j])\s*选项$",
    re.IGNORECASE,
)
_DENIED = re.compile(
    r"(?:is|are|was|were|or|and|nor|but|not|isn't|isn’t|wasn't|can(?:no|')t be|may be|might be)\b"
    r"(?!\s+(?:correct|right|true|the\b|our\b|enough|possible))|(?:.*\b)?(?:wrong|incorrect|false|eliminated|excluded)\b"
    r"|或|不|错|или|не\b|oppure|non\b",
    re.IGNORECASE | re.DOTALL,
)
_DRAWN = {"vec": "arrow", "overrightarrow": "arrow", "hat": "hat", "widehat": "hat", "bar": "line",
          "overline": "line", "tilde": "tilde", "widetilde": "tilde",
          "overleftrightarrow": "arrows", "underline": "below"}  # fmt: skip
_DECORATED = re.compile(rf"\\({'|'.join(_DRAWN)})\s*(?:\{{\s*)?\\?[A-Za-z]")
_STYLE = re.compile(
    r"\\(?:mathrm|mathbf|mathit|mathsf|mathtt|boldsymbol|bm|displaystyle|boxed|fbox)(?![a-zA-Z])"
)
_PROSE = re.compile(r"[^\W\d_]+(?:[ ,.;:'’-]+[^\W\d_]+)*[.!]?")
_AROUND = re.compile(r"(?<=[^\w\\ ]) | (?=[^\w ])")


def same_text(mine: str, gold: str) -> str | None:
    """The rule by which two texts are the same as they stand."""
    if mine and mine == gold:
        return "text"
    letters = _in_letters(gold)
    return "words" if letters and letters in {_in_letters(mine), _choice(mine)} else None


@lru_cache(maxsize=256)
def _in_letters(text: str) -> str:
    """A choice, or a text of three letters or more, in lower case; else nothing."""
    found = _LETTERS_ONLY.fullmatch(_chosen(text))
    return (found[1] or found[2]).lower() if found else ""


def _choice(text: str) -> str:
    """The letter of a choice that is spelt out: `(C) 12`, `C. 12`; not that of `(C) is wrong`."""
    chosen = _chosen(text)
    found = _CHOSEN.fullmatch(chosen) or _WITH_VALUE.fullmatch(chosen)
    if found is None or _CHOICE.search(found[2]) or _DENIED.match(found[2]):
        return ""
    return found[1].lower()


def _chosen(text: str) -> str:
    """A text without what stands in front of a choice: `Option (A)` is `(A)`."""
    return _OPTION.sub("", unwrapped(_TEXT.sub(r"\1", text)).replace("$", "").strip()).strip()


def as_words(text: str) -> str:
    """A text without layout; the case of words counts only where they are mathematics."""
    try:
        plain = clean(_TEXT.sub(r"\1", text[:TEXT_LIMIT]))
    except NotMathError:
        return ""
    plain = " ".join(_STYLE.sub("", plain).split())
    if _PROSE.fullmatch(plain):
        return plain.casefold()
    return _AROUND.sub("", plain)


def drawn_otherwise(a: str, b: str) -> bool:
    """Whether both write marks over letters, and other ones: a line is no arrow, a hat no bar.

    Between vectors a cross is no dot.
    """
    mine, gold = ({_DRAWN[found] for found in _DECORATED.findall(text)} for text in (a, b))
    crossed = bool(mine) and bool(gold) and a.count("\\times") != b.count("\\times")
    return crossed or (bool(mine) and bool(gold) and not mine & gold)
