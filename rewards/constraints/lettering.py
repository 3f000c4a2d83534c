"""Letters and quotation marks that only look like those that a constraint is about.

Guarantees: one pass over a text. What a reader cannot see (zero-width characters, soft hyphens,
selectors of variants) is taken away; letters of other alphabets are replaced by the Latin ones that
they look like only where they pose as such: in a word that has Latin letters too, and in a Latin
text where a whole word looks Latin. So a word of an honest Russian or Greek text stays as it is.

A letter that looks like a vertical bar may be an `I` or an `l`. Which letters look like which is in
`lookalikes`.
"""

import re
import unicodedata
from collections.abc import Mapping
from typing import Final, Literal

from rewards.constraints.lookalikes import BARS, BARS_AMID, LOOKS, LOOKS_AMID

Bar = Literal["I", "l"]
"""What a letter that looks like a vertical bar is read as."""

_BOXED: Final = {
    first + at: chr(ord("A") + at)
    for first in (0x1F130, 0x1F150, 0x1F170, 0x1F1E6)  # letters in squares and circles, flags
    for at in range(26)
}
_IN_WORDS: Final = {**_BOXED, **{ord(one): key for key, each in LOOKS.items() for one in each}}
_AMID_LATIN: Final = {ord(one): key for key, each in LOOKS_AMID.items() for one in each}
_LATIN_OF: Final = {bar: {**_IN_WORDS, **dict.fromkeys(map(ord, BARS), bar)} for bar in ("I", "l")}
_LATIN_AMID: Final = {
    bar: {**_IN_WORDS, **_AMID_LATIN, **dict.fromkeys(map(ord, BARS + BARS_AMID), bar)}
    for bar in ("I", "l")
}
_BAR: Final = re.compile(f"[{BARS}{BARS_AMID}]")
# What NFKC leaves as it is, and what it would turn into another letter than it looks like.
_FIRST: Final = {**_BOXED, ord("\u03f2"): "\u0441", ord("\u03f9"): "\u0421"}
_UNSEEN: Final = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff]"
)
_WORD: Final = re.compile(r"[^\W_]+")
_MASKED: Final = re.compile(  # heIlo, hel1o, c0lor, 0nion; not Ice, mp3, 10th
    r"(?<=[a-z])[I|]+(?=[a-z])|(?<=[a-z]{2})I+\b|(?<=[A-Za-z])[01]+(?=[A-Za-z])"
    r"|\b[01](?=[A-Za-z]{3})"
)
_UNMASKED: Final = (str.maketrans("I|10", "lllo"), str.maketrans("|10", "iio"))
_LOOSE_MARKS: Final = re.compile(
    "[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20f0]"
)
_SINGLE: Final = "\u2018\u2019\u201a\u201b\u2032\u02b9\u02bc\u02c8\uff07\u00b4`"
_DOUBLE: Final = "\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb\u300c\u300d\u300e\u300f\uff02\u02ba"
_PLAIN_QUOTES: Final = {
    **dict.fromkeys(map(ord, _SINGLE), "'"),
    **dict.fromkeys(map(ord, _DOUBLE), '"'),
}


def plain_quotes(text: str) -> str:
    """`text` with straight quotation marks in place of typographic ones, each for one."""
    return text if text.isascii() else text.translate(_PLAIN_QUOTES)


def revealed(text: str, bar: Bar = "I") -> str:
    """`text` as it reads: nothing unseen in it, posing letters and quotation marks replaced.

    Args:
        text: Any text.
        bar: What letters that look like a vertical bar are read as.
    """
    if text.isascii():
        return text
    seen = unicodedata.normalize("NFKC", _UNSEEN.sub("", text).translate(_FIRST))
    seen = _LOOSE_MARKS.sub("", seen)  # what NFKC could not put together with a letter
    is_latin = _is_mainly_latin(seen)
    return plain_quotes(_WORD.sub(lambda word: _as_it_reads(word[0], is_latin, bar), seen))


def readings(text: str) -> tuple[str, ...]:
    """What a reader may take `text` for: as it is revealed, and with `I`, `1` and `0` as letters.

    Those count only within a word of other letters: `heIlo` is read so, and `Ice` and `10` are not.
    """
    seen = [revealed(text)]
    if not text.isascii() and _BAR.search(text):
        seen.append(revealed(text, "l"))
    unmasked = [_unmasked(one, letters) for one in seen for letters in _UNMASKED]
    return tuple(dict.fromkeys((*seen, *unmasked)))


def _unmasked(text: str, letters: Mapping[int, int]) -> str:
    """`text` with letters for what stands for one within a word."""
    return _MASKED.sub(lambda found: found[0].translate(letters), text)


def looks_of(word: str) -> str:
    """What `word` looks like in Latin letters, for comparison with what `revealed` gives."""
    return word if word.isascii() else plain_quotes(word.translate(_LATIN_OF["I"]))


def _as_it_reads(word: str, is_latin_text: bool, bar: Bar) -> str:
    if word.isascii():
        return word
    is_mixed = any(letter.isalpha() and _is_latin(letter) for letter in word)
    latin = word.translate(_LATIN_AMID[bar] if is_mixed else _LATIN_OF[bar])
    return latin if is_mixed or (is_latin_text and all(map(_is_latin, latin))) else word


def _is_mainly_latin(text: str) -> bool:
    latin = others = 0
    for letter in text:
        if letter.isascii():
            latin += letter.isalpha()
        elif letter.isalpha():
            if _is_latin(letter):
                latin += 1
            else:
                others += 1
    return latin > others


def _is_latin(letter: str) -> bool:
    return letter.isascii() or unicodedata.name(letter, "").startswith("LATIN ")
