"""Constraints on language, case and commas: `language:*`, `change_case:*`, `punctuation:*`.

As in the public checkers, a text whose language cannot be told is taken for one in the language
asked for: one without letters, and one that is too short (`language.py`).
"""

from typing import Final

from pydantic import field_validator

from rewards.constraints.language import LANGUAGES, other_language
from rewards.constraints.tokens import capital_word_count
from rewards.constraints.types import (
    Answer,
    ConstraintType,
    Count,
    Finding,
    NoParameters,
    Parameters,
    Relation,
    Stripped,
    compared,
    shown,
)

NAMES: Final = {
    "ar": "Arabic", "bg": "Bulgarian", "bn": "Bengali", "de": "German", "en": "English",
    "es": "Spanish", "fa": "Persian", "fi": "Finnish", "fr": "French", "gu": "Gujarati",
    "he": "Hebrew", "hi": "Hindi", "it": "Italian", "ja": "Japanese", "kn": "Kannada",
    "ko": "Korean", "ml": "Malayalam", "mr": "Marathi", "ne": "Nepali", "pa": "Punjabi",
    "pl": "Polish", "pt": "Portuguese", "ru": "Russian", "sw": "Swahili", "ta": "Tamil",
    "te": "Telugu", "th": "Thai", "uk": "Ukrainian", "ur": "Urdu", "vi": "Vietnamese",
}  # fmt: skip
"""The languages of the public data set by code."""


class ResponseLanguage(Parameters):
    """The language, as an ISO 639-1 code."""

    language: Stripped

    @field_validator("language")
    @classmethod
    def _can_be_told(cls, language: str) -> str:
        if language not in LANGUAGES:
            raise ValueError(f"{language!r} cannot be detected; use {', '.join(sorted(LANGUAGES))}")
        return language


class CapitalWordFrequency(Parameters):
    """A bound on the words in capital letters."""

    capital_frequency: Count
    capital_relation: Relation


def _language(answer: Answer, asked: ResponseLanguage) -> Finding:
    other = other_language(answer.text, asked.language)
    return Finding(other is None, f"the language {asked.language}", other or asked.language)


def _capital(answer: Answer, asked: NoParameters) -> Finding:
    return _english(answer.text, answer.text.isupper(), "English in capital letters")


def _lowercase(answer: Answer, asked: NoParameters) -> Finding:
    return _english(answer.text, answer.text.islower(), "English in small letters")


def _english(text: str, has_case: bool, expected: str) -> Finding:
    if not has_case:
        return Finding(False, expected, f"other letters: {shown(text)}")
    other = other_language(text, "en")
    return Finding(other is None, expected, f"the language {other or 'en'}")


def _capital_words(answer: Answer, asked: CapitalWordFrequency) -> Finding:
    count = capital_word_count(answer.text)
    what = "words in capital letters"
    return compared(count, asked.capital_relation, asked.capital_frequency, what)


def _no_comma(answer: Answer, asked: NoParameters) -> Finding:
    count = answer.text.count(",")
    return Finding(not count, "no comma", str(count))


TYPES: Final = (
    ConstraintType(
        "language:response_language",
        "is in the language, as far as langdetect can tell it",
        ResponseLanguage,
        _language,
        lambda asked: (
            f"Your entire response should be in {NAMES.get(asked.language, asked.language)}; no "
            "other language is allowed."
        ),
    ),
    ConstraintType(
        "change_case:capital_word_frequency",
        "so many words in capital letters, as nltk splits words",
        CapitalWordFrequency,
        _capital_words,
        lambda asked: (
            f"Words in all capital letters should appear {asked.capital_relation} "
            f"{asked.capital_frequency} times in your response."
        ),
    ),
    ConstraintType(
        "change_case:english_capital",
        "is English, without a small letter",
        NoParameters,
        _capital,
        lambda asked: "Your entire response should be in English and in all capital letters.",
    ),
    ConstraintType(
        "change_case:english_lowercase",
        "is English, without a capital letter",
        NoParameters,
        _lowercase,
        lambda asked: (
            "Your entire response should be in English and in all lowercase letters. No capital "
            "letters are allowed."
        ),
    ),
    ConstraintType(
        "punctuation:no_comma",
        "has no comma",
        NoParameters,
        _no_comma,
        lambda asked: "Do not use any commas in your entire response.",
    ),
)
