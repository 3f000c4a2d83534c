"""Cutting a plain text into words, as its script writes them.

Guarantees: a text set otherwise (case, spacing, LaTeX, Unicode forms; see `data.plain_text`) has
the same words. Punctuation and operators are none, numbers are: `\\frac{3}{4}` and `3/4` are two
words. Scripts without spaces (Han, kana, Thai, Lao, Khmer, Burmese) are cut into characters.
"""

import re
from typing import Final

LONG: Final = 13
"""Words of a gram (Brown et al., 2020, appendix C)."""
SHORT: Final = 8
"""Words of a gram of a text that has fewer than `LONG`."""
_UNSPACED: Final = (
    "\u0e00-\u0eff"  # Thai, Lao
    "\u1000-\u109f\u1780-\u17ff"  # Burmese, Khmer
    "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff"  # kana
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"  # Han
)
_MARKS: Final = "\u0300-\u036f\u0900-\u0dff"  # accents, and the vowels of Indian scripts
_ASCII: Final = re.compile(r"[a-z]+|[0-9]+")
_ANY: Final = re.compile(rf"[0-9]+|[{_UNSPACED}]|(?:[^\W0-9_{_UNSPACED}]|[{_MARKS}])+")
_NAMES: Final = re.compile(r"\b(?:frac|over)\b")  # of operators that have a sign too
_FIGURE: Final = re.compile(r"\[asy\].*?(?:\[/asy\]|\Z)", re.DOTALL)


def words_of(said: str) -> list[str]:
    """The words of a plain text, in order."""
    text = prepared(said)
    return (_ASCII if text.isascii() else _ANY).findall(text)


def prepared(said: str) -> str:
    """The plain text without names of operators: in ASCII, words are its runs of one kind."""
    return _NAMES.sub(" ", said) if "frac" in said or "over" in said else said


def words_without_figures(said: str) -> list[str]:
    """The words of a plain text without code that draws, where enough are left to be told by."""
    if "[asy]" in said:
        left = words_of(_FIGURE.sub(" ", said))
        if len(left) >= LONG:
            return left
    return words_of(said)
