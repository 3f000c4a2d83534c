"""Constraints on how much is written: `length_constraints:*`."""

import re
from typing import Final, Self

from pydantic import Field, model_validator

from rewards.constraints.lettering import plain_quotes
from rewards.constraints.tokens import sentence_count, word_count
from rewards.constraints.types import (
    Answer,
    ConstraintType,
    Count,
    Finding,
    Parameters,
    Relation,
    compared,
    shown,
)

_DIVIDER: Final = re.compile(r"\s?\*\*\*\s?")
_WORD_ENDS: Final = frozenset(".,?!'\"")


class NumberWords(Parameters):
    """A bound on the words."""

    num_words: Count
    relation: Relation


class NumberSentences(Parameters):
    """A bound on the sentences."""

    num_sentences: Count
    relation: Relation


class NumberParagraphs(Parameters):
    """The exact number of paragraphs between dividers `***`."""

    num_paragraphs: Count


class NthParagraphFirstWord(Parameters):
    """The exact number of paragraphs between blank lines, and the first word of one of them."""

    num_paragraphs: Count
    nth_paragraph: int = Field(ge=1)
    first_word: str = Field(min_length=1)

    @model_validator(mode="after")
    def _exists(self) -> Self:
        if self.nth_paragraph > self.num_paragraphs:
            raise ValueError("nth_paragraph is above num_paragraphs")
        return self


def _words(answer: Answer, asked: NumberWords) -> Finding:
    return compared(word_count(answer.text), asked.relation, asked.num_words, "words")


def _sentences(answer: Answer, asked: NumberSentences) -> Finding:
    count = sentence_count(answer.text)
    return compared(count, asked.relation, asked.num_sentences, "sentences")


def _paragraphs(answer: Answer, asked: NumberParagraphs) -> Finding:
    expected = f"{asked.num_paragraphs} paragraphs between '***'"
    filled = [bool(part.strip()) for part in _DIVIDER.split(answer.text)]
    # A divider may come first or last; two in a row are never right.
    if not all(filled[1:-1]):
        return Finding(False, expected, "an empty paragraph")
    count = sum(filled)
    return Finding(count == asked.num_paragraphs, expected, str(count))


def _nth_paragraph(answer: Answer, asked: NthParagraphFirstWord) -> Finding:
    first, nth = plain_quotes(asked.first_word).lower(), asked.nth_paragraph
    expected = f"{asked.num_paragraphs} paragraphs, the word {first!r} first in paragraph {nth}"
    parts = answer.text.split("\n\n")
    count = sum(bool(part.strip()) for part in parts)
    # The parts are numbered with the empty ones (of four newlines in a row), though those do not
    # count as paragraphs.
    words = parts[nth - 1].split() if nth <= count else []
    if not words:
        return Finding(False, expected, f"{count} paragraphs, and none at {nth}")
    got = _bare(words[0])
    return Finding(
        count == asked.num_paragraphs and got == first,
        expected,
        f"{count} paragraphs, the word {shown(got)} first",
    )


def _bare(word: str) -> str:
    """A word up to its first punctuation, in small letters; brackets and stars belong to it."""
    word = plain_quotes(word).lstrip("'").lstrip('"')
    end = next((at for at, sign in enumerate(word) if sign in _WORD_ENDS), len(word))
    return word[:end].lower()


TYPES: Final = (
    ConstraintType(
        "length_constraints:number_words",
        "so many words: runs of letters, digits and underscores",
        NumberWords,
        _words,
        lambda asked: f"Answer with {asked.relation} {asked.num_words} words.",
    ),
    ConstraintType(
        "length_constraints:number_sentences",
        "so many sentences, as nltk's Punkt model for English splits them",
        NumberSentences,
        _sentences,
        lambda asked: (
            f"Your response should contain {asked.relation} {asked.num_sentences} sentences."
        ),
    ),
    ConstraintType(
        "length_constraints:number_paragraphs",
        "exactly so many paragraphs, with `***` between them",
        NumberParagraphs,
        _paragraphs,
        lambda asked: (
            f"Write exactly {asked.num_paragraphs} paragraphs, separated by the markdown "
            "divider ***."
        ),
    ),
    ConstraintType(
        "length_constraints:nth_paragraph_first_word",
        "exactly so many paragraphs, a blank line between them, and the first word of the nth",
        NthParagraphFirstWord,
        _nth_paragraph,
        lambda asked: (
            f"Write exactly {asked.num_paragraphs} paragraphs, separated by one blank line and "
            f"nothing else. Paragraph {asked.nth_paragraph} must start with the word "
            f"{asked.first_word!r}."
        ),
    ),
)
