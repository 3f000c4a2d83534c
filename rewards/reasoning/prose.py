r"""How much of a thinking part is in another language than the one asked for.

Guarantees: code, formulas and names of one letter say nothing about a language; a text with too
little prose has none. Words are no code or formula for being written as one: of those, sentences
count, and words in other letters than Latin and Greek ones, such as Chinese in a fence or between
dollar signs. The same text gives the same share in every process. The cost is bounded, whatever
the text: of `LONGEST` characters `PIECES` pieces of `PIECE` characters of prose go to
langdetect, some 5 ms each.

Pieces are told apart one by one, so that thinking which begins in one language and goes on in
another is seen. langdetect is what the constraint on a response's language is checked with too
(`rewards.constraints.language`), so that both say the same of a text.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple

from rewards.constraints.language import LANGUAGES, other_language, own_scripts, scripts_of

LONGEST: Final = 400_000
"""Characters that are looked at; an answer of 32,768 tokens has fewer."""
RAW: Final = 2_500
"""Characters of a piece, of which the first `PIECE` of prose count."""
PIECE: Final = 1_000
PIECES: Final = 8
SHORTEST: Final = 400
"""Characters of a piece where there are several."""
CODES: Final = LANGUAGES | {"zh"}
"""Languages that can be asked for; `zh` is Chinese in either script."""

_CHINESE: Final = frozenset({"zh-cn", "zh-tw"})
_DENSE: Final = frozenset({"CJK", "HANGUL", "HIRAGANA", "KATAKANA"})
"""Scripts of which a letter says as much as three of another."""
_DENSITY: Final = 3
_PAUSES: Final = str.maketrans("", "", "\u200b\u200c\u200d\ufeff")
_APART: Final = re.compile(
    r"`[^`\n]{1,400}`"  # code in a line
    r"|\$[^$]{1,400}\$"
    r"|\\\[[^\]]{1,400}\]|\\\([^)]{1,400}\)"
    r"|https?://\S{1,400}"
    r"|\\[A-Za-z]{1,40}"  # a command of LaTeX
    r"|\b[A-Za-z]\b"
)
_OTHER_LETTERS: Final = re.compile(r"[^\W\d_\u0000-\u024f\u0370-\u03ff\u1e00-\u1fff]{2,}+")
"""Words in none of the letters that code and formulas are written in."""
_APART_BY: Final = r"(?:[,;:.!?]?[ \n]{1,2}+|['\u2019]|$)"
_WORD: Final = r"(?![A-Z]{2,}\b)[^\W\d_]{2,}+"
_SENTENCE: Final = re.compile(
    rf"(?<![^\W\d_])(?:{_WORD}{_APART_BY}(?:[^\W\d_]{_APART_BY})?+){{4,}}+"
)
"""Words that follow one another, as code and formulas have few; those of SQL are in capitals."""
_SAID: Final = 0.7
"""Share of a fenced block's letters that are in sentences where it is text, and no code."""
_FENCE: Final = re.compile(r"[ \t]{0,8}(`{3,16}|~{3,16})")


class Strange(NamedTuple):
    """What of a text is not in the language asked for."""

    share: float
    found: str
    """What most of that is in."""


def strange(text: str, asked: str, letters: int) -> Strange | None:
    """The share of a text in other languages than `asked`; None: there is too little to tell.

    Args:
        text: A thinking part.
        asked: One of `CODES`.
        letters: Letters of prose below which nothing is told, a Chinese one counted as three.
    """
    told = " ".join(prose(part)[:PIECE] for part in _spread(_unfenced(text)))
    scripts = scripts_of(told)
    for name in _DENSE & scripts.keys():
        scripts[name] *= _DENSITY
    if scripts.total() < letters:
        return None
    by_script = _by_script(scripts, asked)
    if by_script.share > 0.5:
        return by_script
    by_guess = _by_guess(_spread(told), asked)
    return max(by_script, by_guess, key=lambda one: one.share)


def prose(text: str) -> str:
    """What of a text without fences is words: no code, formulas, addresses, names of a letter."""
    return " ".join(_APART.sub(_words_of, unicodedata.normalize("NFKC", text)).split())


def _words_of(apart: re.Match[str]) -> str:
    """What a formula, a piece of code or an address says in a language."""
    text = apart[0]
    inner = text[2:-2] if text[:2] in ("\\[", "\\(") else text[1:-1]
    return f" {inner} " if _SENTENCE.search(inner) else _others_of(text)


def _others_of(text: str) -> str:
    return f" {' '.join(_OTHER_LETTERS.findall(text))} "


def _words_of_block(lines: Sequence[str]) -> str:
    """What a fenced block says in a language: all of it, where most of it are sentences."""
    text = "\n".join(lines)
    letters, said = _letters(text), sum(map(_letters, _SENTENCE.findall(text)))
    return text if said > _SAID * letters else _others_of(text)


def _letters(text: str) -> int:
    return sum(map(str.isalpha, text))


def _unfenced(text: str) -> str:
    """A text with the words alone of its fenced blocks; one that does not end goes to its end."""
    kept: list[str] = []
    block: list[str] = []
    fence = ""
    for line in text[:LONGEST].translate(_PAUSES).split("\n"):
        mark = _FENCE.match(line)
        if mark is None:
            (block if fence else kept).append(line)
        elif not fence:
            fence = mark[1]
        elif mark[1].startswith(fence):
            kept.append(_words_of_block(block))
            fence, block = "", []
    return "\n".join([*kept, _words_of_block(block)])


def _spread(text: str) -> list[str]:
    """Pieces that are spread over a text evenly; of a short one all of it."""
    count = max(1, min(PIECES, len(text) // SHORTEST))
    size = min(RAW, -(-len(text) // count))
    step = (len(text) - size) / max(1, count - 1)
    return [text[round(i * step) : round(i * step) + size] for i in range(count)]


def _by_script(scripts: Counter[str], asked: str) -> Strange:
    """By letters alone; Greek ones are those of formulas, where Greek is not asked for."""
    own_names = own_scripts("zh-cn" if asked == "zh" else asked)
    own = sum(scripts[name] for name in own_names)
    others = Counter(
        {name: n for name, n in scripts.items() if name not in own_names and name != "GREEK"}
    )
    total = own + others.total()
    if not others or not total:
        return Strange(0.0, "")
    return Strange(others.total() / total, f"{others.most_common(1)[0][0].lower()} letters")


def _by_guess(pieces: Sequence[str], asked: str) -> Strange:
    """By langdetect's guess of each piece, weighed by its letters."""
    own, others = 0, Counter[str]()
    for piece in pieces:
        weight = _letters(piece)
        found = other_language(piece, "zh-cn" if asked == "zh" else asked)
        if found is None or found == "unknown" or (asked == "zh" and found in _CHINESE):
            own += weight
        else:
            others[found] += weight
    total = own + others.total()
    if not others or not total:
        return Strange(0.0, "")
    return Strange(others.total() / total, others.most_common(1)[0][0])
