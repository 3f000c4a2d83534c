"""Letters and quotation marks that only look like those that a constraint is about.

Guarantees: one pass over a text. What a reader cannot see (zero-width characters, soft hyphens,
selectors of variants) is taken away; letters of other alphabets are replaced by the Latin ones that
they look like only where they pose as such: in a word that has Latin letters too, and in a Latin
text where a whole word looks Latin. So a word of an honest Russian or Greek text stays as it is.

Source of the pairs: the confusables of Unicode Technical Standard 39, and letters such as the
Cyrillic `в` that pass for Latin ones amid them.
"""

import re
import unicodedata
from typing import Final

_LOOKS: Final = (
    # Cyrillic
    "аaАAвbВBсcСCԁdеeЕEёeЁEғfҒFԍgԌGнhНHһhҺHіiІIїiЇIјjЈJкkКKқkҚKӏlмmМMпnоoОOрpРPԛqԚQгrѕsЅSтtТT"
    "иuѵvѴVѡwԝwԜWшwхxХXҳxҲXуyУYүyҮYзzӡz"
    # Greek
    "αaΑAβbΒBδdεeΕEϝfηnΗHιiΙIϳjͿJκkΚKμuΜMνvΝNοoΟOσoρpΡPτtΤTυuΥYωwχxΧXγyζzΖZ"
    # Armenian, Cherokee
    "օoՕOոnսuՍUհhցgԳgզqԼLՏSꓸ.ᎪAᏴBᏟCᎠDᎬEᎨFᏀGᎻHᎥiᎫJᏦKᏞLᎷMᏢPᏒRᏚSᎢTᏙVᏔWᎩYᏃZ"
    # Latin letters of other kinds
    "ıiɪiɑaɡgɢGʀRɴNʜHʟLʏYʙBᴀAᴄCᴅDᴇEꜰFᴊJᴋKᴍMᴏOᴘPꜱSᴛTᴜUᴠVᴡWᴢZɩiɛeƒf"
    # Lisu
    "ꓮAꓐBꓚCꓓDꓰEꓝFꓖGꓧHꓲIꓙJꓗKꓡLꓟMꓠNꓳOꓑPꓣRꓢSꓔTꓴUꓦVꓪWꓫXꓬYꓜZ"
)
_LATIN_OF: Final = {ord(_LOOKS[at]): _LOOKS[at + 1] for at in range(0, len(_LOOKS), 2)} | {
    first + at: chr(ord("A") + at)
    for first in (0x1F130, 0x1F150, 0x1F170, 0x1F1E6)  # letters in squares and circles, flags
    for at in range(26)
}
# What NFKC leaves as it is, and what it would turn into another letter than it looks like.
_BOXED: Final = {code: letter for code, letter in _LATIN_OF.items() if code >= 0x1F000}
_FIRST: Final = {**_BOXED, ord("\u03f2"): "\u0441", ord("\u03f9"): "\u0421"}
_UNSEEN: Final = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff]"
)
_WORD: Final = re.compile(r"[^\W\d_]+")
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


def revealed(text: str) -> str:
    """`text` as it reads: nothing unseen in it, posing letters and quotation marks replaced."""
    if text.isascii():
        return text
    seen = unicodedata.normalize("NFKC", _UNSEEN.sub("", text).translate(_FIRST))
    seen = _LOOSE_MARKS.sub("", seen)  # what NFKC could not put together with a letter
    is_latin = _is_mainly_latin(seen)
    return plain_quotes(_WORD.sub(lambda word: _as_it_reads(word[0], is_latin), seen))


def looks_of(word: str) -> str:
    """What `word` looks like in Latin letters, for comparison with what `revealed` gives."""
    return word if word.isascii() else plain_quotes(word.translate(_LATIN_OF))


def _as_it_reads(word: str, is_latin_text: bool) -> str:
    if word.isascii():
        return word
    latin = word.translate(_LATIN_OF)
    if latin == word:
        return word
    mixed = any(_is_latin(letter) for letter in word)
    return latin if mixed or (is_latin_text and all(map(_is_latin, latin))) else word


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
