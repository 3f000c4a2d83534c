"""The language of a text, by langdetect where the text is long enough for its guess.

Guarantees: the same text has the same language in every process; langdetect alone draws at random.
The cost is bounded, whatever the text. The profiles (some 0.5 s) are loaded at the first use.

Measured on 900 pieces of text in 20 languages: langdetect takes one in eight of 10 letters for
another language; of 30 letters one in a thousand for one of another family; of 80 letters none. So
a text of fewer than 30 letters is told by its script alone, and from there to 80 letters a language
of the same family is not held against it.
"""

import unicodedata
from collections import Counter
from functools import cache
from typing import Any, Final

SEED: Final = 0
LONGEST: Final = 50_000
"""Characters that are looked at. langdetect itself stops at 10,000, counted after it has taken away
URLs and mail addresses; this bounds that first pass."""

_CODES: Final = (
    "af ar bg bn ca cs cy da de el en es et fa fi fr gu he hi hr hu id it ja kn ko lt lv mk ml mr "
    "ne nl no pa pl pt ro ru sk sl so sq sv sw ta te th tl tr uk ur vi zh-cn zh-tw"
)
LANGUAGES: Final = frozenset(_CODES.split())
"""What langdetect can tell apart, as ISO 639-1 codes."""


GUESSED: Final = 30
"""Letters from which a guess counts against a text."""
TOLD: Final = 80
"""Letters from which it tells languages of one family apart."""
_FAMILIES: Final = tuple(
    frozenset(codes.split())
    for codes in (
        "es pt it ca fr ro", "ru uk bg mk", "cs sk sl hr pl so sq", "da no sv", "de nl af",
        "et fi", "lt lv", "ar fa ur", "hi mr ne", "zh-cn zh-tw", "id tl",
    )
)  # fmt: skip
_SCRIPTS: Final = {
    **dict.fromkeys(("ar", "fa", "ur"), frozenset({"ARABIC"})),
    **dict.fromkeys(("bg", "mk", "ru", "uk"), frozenset({"CYRILLIC"})),
    **dict.fromkeys(("hi", "mr", "ne"), frozenset({"DEVANAGARI"})),
    **dict.fromkeys(("zh-cn", "zh-tw"), frozenset({"CJK"})),
    "ja": frozenset({"CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA"}),
    "ko": frozenset({"HANGUL", "CJK"}),
    "bn": frozenset({"BENGALI"}),
    "el": frozenset({"GREEK"}),
    "gu": frozenset({"GUJARATI"}),
    "he": frozenset({"HEBREW"}),
    "kn": frozenset({"KANNADA"}),
    "ml": frozenset({"MALAYALAM"}),
    "pa": frozenset({"GURMUKHI"}),
    "ta": frozenset({"TAMIL"}),
    "te": frozenset({"TELUGU"}),
    "th": frozenset({"THAI"}),
}
"""The scripts that languages are written in, as Unicode's names begin; Latin, if none is said."""
_LATIN: Final = frozenset({"LATIN"})


def other_language(text: str, asked: str) -> str | None:
    """What a text is in, if that can be told and is not the language `asked`; else None."""
    scripts = scripts_of(text[:LONGEST])
    letters = scripts.total()
    if letters < GUESSED:
        own = sum(scripts[script] for script in own_scripts(asked))
        return None if 2 * own >= letters else f"{scripts.most_common(1)[0][0].lower()} letters"
    found = language_of(text)
    if found in (None, asked):
        return None
    near = any({found, asked} <= family for family in _FAMILIES)
    return None if near and letters < TOLD else found


def own_scripts(language: str) -> frozenset[str]:
    """The scripts that a language is written in, as Unicode's names begin."""
    return _SCRIPTS.get(language, _LATIN)


def scripts_of(text: str) -> Counter[str]:
    """The letters of a text by script."""
    letters = Counter(letter for letter in unicodedata.normalize("NFKC", text) if letter.isalpha())
    scripts: Counter[str] = Counter()
    for letter, times in letters.items():
        scripts[unicodedata.name(letter, "UNKNOWN").split()[0]] += times
    return scripts


def language_of(text: str) -> str | None:
    """The code of the language, "unknown", or None where the text has nothing to tell it by."""
    from langdetect.lang_detect_exception import LangDetectException  # type: ignore[import-untyped]

    detector = _factory().create()
    try:
        # Of words in capitals langdetect looks at nothing.
        detector.append(text[:LONGEST].lower() if text.isupper() else text[:LONGEST])
        return str(detector.detect())
    except LangDetectException:
        return None


@cache
def _factory() -> Any:
    """langdetect's factory with a seed, apart from the one that others in the process share."""
    from langdetect.detector_factory import PROFILES_DIRECTORY, DetectorFactory  # type: ignore[import-untyped]

    factory = DetectorFactory()
    factory.load_profile(PROFILES_DIRECTORY)
    factory.set_seed(SEED)
    return factory
