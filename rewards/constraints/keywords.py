"""Constraints on which words and letters occur: `keywords:*`.

Typographic quotation marks are quotation marks. What must not occur, or not so often, is also
looked for as a reader sees it: letters and digits that only look like others, and unseen ones, hide
nothing.
"""

from typing import Final

from pydantic import Field

from rewards.constraints.lettering import looks_of, plain_quotes, readings, revealed
from rewards.constraints.patterns import occurrences, pattern
from rewards.constraints.types import (
    Answer,
    ConstraintType,
    Count,
    Finding,
    Parameters,
    Relation,
    Stripped,
    compared,
)

WHOLE: Final = r"\b{}\b"


class Existence(Parameters):
    """Keywords that must all occur."""

    keywords: tuple[str, ...] = Field(min_length=1)


class Frequency(Parameters):
    """How often a keyword may or must occur."""

    keyword: Stripped
    frequency: Count
    relation: Relation


class ForbiddenWords(Parameters):
    """Words that must not occur."""

    forbidden_words: tuple[str, ...] = Field(min_length=1)


class LetterFrequency(Parameters):
    """How often a letter may or must occur."""

    letter: Stripped = Field(max_length=1)
    let_frequency: Count
    let_relation: Relation


def _existence(answer: Answer, asked: Existence) -> Finding:
    text = plain_quotes(answer.text)
    missing = [word for word in asked.keywords if not pattern(plain_quotes(word)).search(text)]
    return Finding(not missing, f"the keywords {_listed(asked.keywords)}", _without(missing))


def _without(missing: list[str]) -> str:
    return f"none of {_listed(missing)}" if missing else "all of them"


def _frequency(answer: Answer, asked: Frequency) -> Finding:
    # Parts of words count: "art" occurs in "party".
    keyword = asked.keyword
    count = occurrences(pattern(plain_quotes(keyword)), plain_quotes(answer.text))
    if asked.relation == "less than":
        for seen in readings(answer.text):
            count = max(count, *(occurrences(pattern(one), seen) for one in _as_read(keyword)))
    return compared(count, asked.relation, asked.frequency, f"times {keyword!r}")


def _forbidden(answer: Answer, asked: ForbiddenWords) -> Finding:
    # Whole words only, unlike the two above.
    seen = readings(answer.text)
    used = [
        word
        for word in asked.forbidden_words
        if pattern(word, template=WHOLE).search(answer.text)
        or any(pattern(one, template=WHOLE).search(text) for one in _as_read(word) for text in seen)
    ]
    expected = f"no word of {_listed(asked.forbidden_words)}"
    return Finding(not used, expected, _listed(used) if used else "none")


def _as_read(keyword: str) -> tuple[str, str]:
    """What a keyword may be in a text that `revealed` gave."""
    return plain_quotes(keyword), looks_of(keyword)


def _letter(answer: Answer, asked: LetterFrequency) -> Finding:
    # Any sign, for rows ask for "#" and "!". (A later copy of the public checkers takes a random
    # letter for those; the original counts the sign.)
    letter = asked.letter.lower()
    count = answer.text.lower().count(letter)
    if asked.let_relation == "less than":
        for seen in (revealed(answer.text), revealed(answer.text, "l")):
            count = max(count, seen.lower().count(looks_of(letter)))
    return compared(
        count,
        asked.let_relation,
        asked.let_frequency,
        f"times the letter {letter!r}",
    )


def _listed(words: tuple[str, ...] | list[str]) -> str:
    return ", ".join(map(repr, words))


TYPES: Final = (
    ConstraintType(
        "keywords:existence",
        "every keyword occurs, in any case, also within a longer word",
        Existence,
        _existence,
        lambda asked: f"Include the keywords {_listed(asked.keywords)} in your response.",
    ),
    ConstraintType(
        "keywords:frequency",
        "the keyword occurs so often, in any case, also within longer words",
        Frequency,
        _frequency,
        lambda asked: (
            f"The word {asked.keyword!r} should appear {asked.relation} {asked.frequency} times "
            "in your response."
        ),
    ),
    ConstraintType(
        "keywords:forbidden_words",
        "none of the words occurs, in any case, as a whole word",
        ForbiddenWords,
        _forbidden,
        lambda asked: f"Do not use the words {_listed(asked.forbidden_words)} in your response.",
    ),
    ConstraintType(
        "keywords:letter_frequency",
        "the letter occurs so often, in any case",
        LetterFrequency,
        _letter,
        lambda asked: (
            f"The letter {asked.letter!r} should appear {asked.let_relation} "
            f"{asked.let_frequency} times in your response."
        ),
    ),
)
