"""What a search for text asks: whole words, all of them, and "phrases in quotes" as they stand.

Case does not count. A word is letters, digits and underscores; anything else separates words, so
that `\\boxed{42}` asks for `boxed` and `42`. Of scripts that put no spaces between words each
character is a word, and several together are a phrase.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

TOKENIZER: Final = "unicode61 remove_diacritics 0 tokenchars '_'"
"""Of the index: what is a word there."""
SNIPPET: Final = 90  # characters on each side of what was found
_UNSPACED: Final = (
    "\u0e00-\u0eff"  # Thai, Lao
    "\u1000-\u109f\u1780-\u17ff"  # Burmese, Khmer
    "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\uff66-\uff9f"  # Japanese
    "\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Han
    "\uac00-\ud7a3"  # Korean, whose particles stand with the word
)
_WORD: Final = re.compile(rf"(?=\w)[{_UNSPACED}]|[^\W{_UNSPACED}]+")
_LETTER: Final = rf"[^\W{_UNSPACED}]"  # of a word with more than one
_PART: Final = re.compile(r'"([^"]*)"|([^\s"]+)')


@dataclass(frozen=True, slots=True)
class Query:
    """A search.

    Attributes:
        words: that a text has, in lower case.
        phrases: that a text has as they stand, in lower case.
    """

    words: tuple[str, ...]
    phrases: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> "Query":
        """The search that a person typed."""
        phrases: list[str] = []
        words: list[str] = []
        for quoted, bare in _PART.findall(text):
            part = (quoted or bare).casefold()
            found = _WORD.findall(part)
            words += found
            if quoted.strip() or not found or found != [part]:
                phrases.append(part)
        return cls(tuple(dict.fromkeys(words)), tuple(dict.fromkeys(filter(None, phrases))))

    def __bool__(self) -> bool:
        return bool(self.words or self.phrases)

    def matches(self, text: str) -> bool:
        """Whether a text is found."""
        low = text.casefold()
        return all(phrase in low for phrase in self.phrases) and all(
            _has_word(low, word) for word in self.words
        )

    def fts(self) -> str:
        """The words for SQLite's FTS5; empty where there is none."""
        return " ".join(f'"{word}"' for word in self.words)

    def snippet(self, text: str) -> tuple[str, str, str]:
        """Where a text is found: what is before it, it, and what follows."""
        low = text.casefold()
        # Folding may change lengths; then the place is a little off, which a person can see past.
        spans = [(low.find(phrase), len(phrase)) for phrase in self.phrases]
        spans += [(_place(low, word), len(word)) for word in self.words]
        start, length = next(((at, size) for at, size in spans if at >= 0), (0, 0))
        end = start + length
        before = text[max(0, start - SNIPPET) : start]
        return _flat(before), _flat(text[start:end]), _flat(text[end : end + SNIPPET])


def words_of(text: str) -> str:
    """The words of a text as searches know them, for the index to hold."""
    return " ".join(_WORD.findall(text.casefold()))


def _has_word(low: str, word: str) -> bool:
    return _place(low, word) >= 0


def _place(low: str, word: str) -> int:
    """Where a word stands by itself; -1 where it does not."""
    at = low.find(word)
    if at < 0 or not re.match(_LETTER, word):
        return at
    found = _alone(word).search(low, max(0, at - 1))
    return found.start() if found else -1


@lru_cache(maxsize=64)
def _alone(word: str) -> re.Pattern[str]:
    return re.compile(f"(?<!{_LETTER}){re.escape(word)}(?!{_LETTER})")


def _flat(text: str) -> str:
    return re.sub(r"\s+", " ", text)
