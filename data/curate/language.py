"""Which language a request is in: by its letters, then by its small words, then by langdetect.

Guarantees: pure, and linear in a bounded prefix of the text. Mathematics and drawings are not
language: of `Найдите $x$, если ...` only the words count. Where nothing tells it, the code is
empty. Nearly every text is told by letters or words in microseconds; langdetect, which takes
milliseconds, sees the others.
"""

import re
from collections import Counter
from collections.abc import Iterable
from typing import Final

from data.curate.math_text import words_only

LONGEST: Final = 3_000
"""Characters that are looked at."""
ENOUGH: Final = 600
"""Characters of its words, from which it is told."""
_MANY: Final = 2
"""Small words of one language that tell it, if no other has half as many."""
_GUESSED: Final = 30
"""Letters from which langdetect is asked."""
_FEW: Final = 12
"""Words of a text, in which one small word is enough."""
_OTHER_LETTERS: Final = re.compile(
    r"(?P<ja>[\u3040-\u30ff])|(?P<ko>[\uac00-\ud7a3])|(?P<zh>[\u4e00-\u9fff])|(?P<ru>[\u0400-\u052f])"
    r"|(?P<ar>[\u0620-\u06ff])|(?P<el>[\u0370-\u03ff\u1f00-\u1fff])|(?P<he>[\u05d0-\u05ea])"
    r"|(?P<hi>[\u0900-\u097f])|(?P<th>[\u0e00-\u0e7f])"
)
_CYRILLIC: Final = (  # letters that Russian lacks
    (frozenset("іїєґ"), "uk"),
    (frozenset("ђћљњџј"), "sr"),
    (frozenset("ў"), "be"),
)
_ARABIC: Final = ((frozenset("ٹڈڑےں"), "ur"), (frozenset("پچژگکی"), "fa"))
_LATIN_WORD: Final = re.compile(r"[^\W\d_]+")
_SHARE: Final = 0.15
"""Letters of another script among all, from which they tell: names of points are Latin anywhere."""
_WORDS: Final = {
    "en": "the of and is are what how find if each that with was were which has have there by from "
    "at be will than does do did he she they it her his their many much compute solve evaluate "
    "determine simplify calculate write convert cost let such this these for an express",
    "it": "il lo gli della delle dei degli del dello nel nella dal dalla al alla che è di una "
    "sono quanti quante quale quali quanto trova trovare calcola calcolare determina determinare "
    "siano sia un ogni più ha anni risolvi dopo numero punti costa dimostrare",
    "fr": "le les des est et dans combien quel quelle trouver trouvez calculer calculez sont avec "
    "du au aux sur un une chaque soit déterminer pour résoudre nombre",
    "es": "el los las es cuántos cuál cuántas cuánto hallar halle encuentra calcula y por hay si "
    "más número en un tiene resuelve sea cada",
    "de": "der die das und ist ein eine einen wie viele berechne bestimme für mit den von zu sich "
    "nicht auf sind wenn zahl finde löse",
    "pt": "os dos das não quantos quantas uma em são com é ao qual o determine encontre um foi",
    "nl": "het een hoeveel van zijn wat voor niet bereken aantal elke zij op heeft",
    "pl": "ile jest liczba oblicz się dla nie liczb oraz znajdź",
    "tr": "ve bir kaç kaçtır için bulunuz olan değeri",
    "vi": "là của tính số cho các một và có bao nhiêu tìm",
    "ro": "și este să câte câți numărul sunt pentru lui determinați",
    "cs": "kolik určete které číslo jsou najděte pro je",
    "hu": "hány az és egy határozza mennyi",
    "id": "berapa yang dan adalah jika dengan nilai dari tentukan",
    "sv": "och är många hur att ett som",
}


def _votes() -> dict[str, tuple[str, ...]]:
    votes: dict[str, tuple[str, ...]] = {}
    for language, words in _WORDS.items():
        for word in words.split():
            votes[word] = (*votes.get(word, ()), language)
    return votes


_VOTES: Final = _votes()
_ENGLISH: Final = frozenset(_WORDS["en"].split())
_CLEARLY: Final = 6
"""Different small words of English that no other language's outweigh."""


def language_of(text: str) -> str:
    """The ISO 639-1 code of the language of a request; empty where nothing tells it."""
    words = words_only(text[:LONGEST])[:ENOUGH]
    if not words.isascii() and (script := _by_script(words)):
        return script
    found = _LATIN_WORD.findall(words.lower())
    if (told := _by_words(found)) is not None:
        return told
    spoken = [word for word in found if len(word) > 1]
    if len(spoken) <= _FEW and (only := _only_vote(spoken)):
        return only
    return _by_profile(" ".join(spoken)) if sum(map(len, spoken)) >= _GUESSED else ""


def is_clearly_english(words: Iterable[str]) -> bool:
    """Whether words in lower case tell English at first sight."""
    return len(_ENGLISH.intersection(words)) >= _CLEARLY


def _by_script(words: str) -> str:
    letters = Counter(match.lastgroup or "" for match in _OTHER_LETTERS.finditer(words))
    if not letters:
        return ""
    latin = sum(map(len, _LATIN_WORD.findall(words))) - letters.total()
    if letters.total() < _SHARE * (latin + letters.total()):
        return ""
    if letters["ja"] and letters["ja"] + letters["zh"] >= letters.total() / 2:
        return "ja"
    found = letters.most_common(1)[0][0]
    if found == "ru":
        return _marked(words, _CYRILLIC, "ru")
    return _marked(words, _ARABIC, "ar") if found == "ar" else found


def _marked(words: str, marks: tuple[tuple[frozenset[str], str], ...], usual: str) -> str:
    letters = set(words.lower())
    return next((language for own, language in marks if own & letters), usual)


def _by_words(words: list[str]) -> str | None:
    if is_clearly_english(words):
        return "en"
    votes = Counter(language for word in words for language in _VOTES.get(word, ()))
    if not votes:
        return None
    (first, most), *others = votes.most_common(2)
    return first if most >= _MANY and all(2 * times <= most for _, times in others) else None


def _only_vote(words: list[str]) -> str:
    """The language of all small words of a text, if there is one."""
    votes = {language for word in words for language in _VOTES.get(word, ())}
    return votes.pop() if len(votes) == 1 else ""


def _by_profile(spoken: str) -> str:
    from rewards.constraints.language import language_of as detect

    found = detect(spoken)
    return "" if found in (None, "unknown") else str(found)[:2]
