"""The filter of questions: only those go on that have one answer, which words can ask for.

Guarantees: pure; each record is kept or dropped with one of `REASONS`; nothing is evaluated, and
nothing compared but a choice's reference with its options. Where a rule would need to understand
the question, it keeps it.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, Literal, NamedTuple

from data.curate.language import is_clearly_english, language_of
from data.curate.math_figures import missing_figure
from data.curate.math_harmless import INSTRUCTIONS, harmless
from data.curate.math_options import as_reference, chosen, letter_of, options_of
from data.curate.math_parts import answers_in_parts, parts_asked
from data.curate.math_phrases import (
    ALSO,
    CONTEXT,
    MANY_RIGHT,
    PROOF,
    TALK,
    VALUE,
    WHICH,
    vocabulary,
)
from data.curate.math_text import has_drawing, holds, without_drawings
from data.pipeline.block import Drop, Outcome
from data.schema import Record, content_id

SHORTEST: Final = 3  # characters of a question
SHOWN: Final = 120  # characters of a detail
_NUMBER: Final = re.compile(r"\$?\s*-?[\d.,/]+\s*\$?|\$?-?\\[dt]?frac\{\d+\}\{\d+\}\$?")
_PROVED: Final = re.compile(
    r"(?:the )?(?:proof|proved|proven|q\.?e\.?d\.?|\\blacksquare|\\square|证明略|证明|доказано"
    r"|доказательство|dimostrazione|dimostrato)(?: (?:is )?(?:omitted|complete))?\.?",
    re.IGNORECASE,
)
_NOT_THE_ONLY: Final = re.compile(
    r"不唯一|answers? (?:may|can|will) vary|not unique|for example|e\.g\.|например|ad esempio|例如"
    r"|ответ не единственн",
    re.IGNORECASE,
)
_TYPES: Final = ("question_type", "problem_type")
"""Columns in which sources say that a row is a proof."""
_SENTENCES: Final = re.compile(r"(?<=[.?!\n])")
_SEVERAL: Final = re.compile(r"[,;&]|\b(?:and|or)\b|\n")
_LETTERS: Final = "ABCDEАБВГД"
_ASKS_WHICH: Final = re.compile(
    r"\b(?:which|who|whose|letter|in terms of|what (?:point|vertex|variable))\b"
    r"|как(?:ой|ая|ое|ую)\b|кто\b|哪|谁|\bchi\b|\bqual[ei]?\b"
)
_ASKS_AMOUNT: Final = re.compile(
    r"\bhow (?:many|much)|\b(?:area|length|radius|volume|value|probability|sum|number|percent"
    r"|degrees|measure|perimeter|ratio|equals?)\b|скольк|площад|длин|радиус|объ[её]м|значени|сумм|вероятност"
    r"|多少|几|面积|长度|体积|的值|概率|等于|\b(?:quant[oiae]|area|lunghezza|valore|somma|probabilità)\b"
)
_SEPARATOR: Final = re.compile(r"[,;、，；\n]|\\q?quad|\\\\| or | или | o |或")


class Question(NamedTuple):
    """A question as the rules read it.

    Attributes:
        record: where it is from.
        whole: what is asked, without sentences about the answer's form.
        words: `whole` without drawings.
        text: `words` in lower case.
        vocabulary: the words in ASCII of `text`.
        reference: the reference; empty where it is no text.
        options: the texts of a multiple choice by letter.
    """

    record: Record
    whole: str
    words: str
    text: str
    vocabulary: frozenset[str]
    reference: str
    options: Mapping[str, str]


def question_of(record: Record) -> Question:
    """Read a record's question."""
    whole = record.request()
    if holds(whole, INSTRUCTIONS):
        whole = _without_instructions(whole) or whole
    words = without_drawings(whole)
    reference = record.reference if isinstance(record.reference, str) else ""
    text = words.lower()
    return Question(record, whole, words, text, vocabulary(text), reference, options_of(words))


def _without_instructions(whole: str) -> str:
    sentences = _SENTENCES.split(whole)
    return "".join(one for one in sentences if not holds(one, INSTRUCTIONS))


def _empty(question: Question) -> str | None:
    return repr(question.whole) if len(question.whole.strip()) < SHORTEST else None


def _figure(question: Question) -> str | None:
    return missing_figure(question.whole, question.text, question.vocabulary)


def _proof(question: Question) -> str | None:
    """A proof is asked for and no value besides: `Prove that ... Find n` has an answer."""
    metadata = question.record.metadata
    if any(metadata.get(name) == "proof" for name in _TYPES):
        return "its source says that it is one"
    if _PROVED.fullmatch(question.reference.strip()):
        return f"the reference is {question.reference!r}"
    found = PROOF.search(question.text, question.vocabulary)
    return None if found is None or VALUE.search(question.text) else _around(found)


def _open(question: Question) -> str | None:
    """Many answers are right, or an explanation is one; a number beside it can be verified."""
    if question.options:
        return None
    if (noted := _NOT_THE_ONLY.search(question.reference)) is not None:
        return f"the reference says {noted.group()}"
    if (found := MANY_RIGHT.search(question.text, question.vocabulary)) is not None:
        return _around(found)
    found = TALK.search(question.text, question.vocabulary)
    if found is None or _NUMBER.fullmatch(question.reference):
        return None
    rest = f"{question.text[: found.start()]} {question.text[found.end() :]}"
    return None if VALUE.search(rest) else _around(found)


def _parts(question: Question) -> str | None:
    reference = question.reference
    if (")" in reference or "\n" in reference) and answers_in_parts(reference.lower()):
        return f"the reference answers several: {reference}"
    found = ALSO.search(question.text, question.vocabulary)
    if found is not None and not _SEVERAL.search(reference):
        return _around(found)
    parts = [] if question.options else parts_asked(question.text)
    return " | ".join(part.strip()[:40] for part in parts) or None


def _context(question: Question) -> str | None:
    found = CONTEXT.search(question.text, question.vocabulary)
    return None if found is None else _around(found)


def _no_options(question: Question) -> str | None:
    if question.options:
        return None
    letter = letter_of(question.reference)
    if letter is not None and letter in _LETTERS:
        named = re.search(rf"(?<![^\W\d_\\]){letter}(?![^\W\d_])", question.whole)
        asks_amount = _ASKS_AMOUNT.search(question.text) and not _ASKS_WHICH.search(question.text)
        if named is None or asks_amount:
            return f"the reference is {letter}"
    found = WHICH.search(question.text, question.vocabulary)
    if found is None or has_drawing(question.whole):
        return None
    rest = question.text[found.end() :]
    return None if ":" in rest or len(_SEPARATOR.findall(rest)) > 1 else _around(found)


def _other_letter(question: Question) -> str | None:
    letter = letter_of(question.reference) if question.options else None
    if letter is None or letter in question.options:
        return None
    return f"{letter} of {', '.join(question.options)}"


_RULES: Final[tuple[tuple[str, Callable[[Question], str | None]], ...]] = (
    ("no question", _empty),
    ("missing figure", _figure),
    ("missing context", _context),
    ("proof", _proof),
    ("open question", _open),
    ("multi-part", _parts),
    ("no options", _no_options),
    ("reference is no option", _other_letter),
)
MULTIPLE_CHOICE: Final = "multiple choice"
REASONS: Final = (*(reason for reason, _ in _RULES), MULTIPLE_CHOICE)


@dataclass(frozen=True, slots=True)
class MathQuestions:
    """Keeps questions with one verifiable answer, and says their language.

    Attributes:
        options: whether multiple-choice questions with their options go on. Their reference then
            becomes letter and value, `C) 12`, so that either answer is right.
    """

    name: ClassVar[str] = "math questions"
    options: Literal["keep", "drop"] = "keep"

    def __call__(self, records: Sequence[Record]) -> Outcome:
        """Say what becomes of each record."""
        kept: list[Record] = []
        dropped: list[Drop] = []
        said = [record.request() for record in records]
        is_harmless = harmless(said, [record.reference for record in records])
        for at, record in enumerate(records):
            english = is_harmless[at] and is_clearly_english(said[at].lower().split())
            if english and not any(map(record.metadata.get, _TYPES)):
                kept.append(record if record.language else record.changed(language="en"))
                continue
            question = question_of(record)
            why = self._fault(question)
            if why is None:
                kept.append(_completed(question))
            else:
                dropped.append(Drop(record, self.name, why[0], why[1][:SHOWN]))
        return Outcome(kept, dropped)

    def _fault(self, question: Question) -> tuple[str, str] | None:
        for reason, rule in _RULES:
            if (detail := rule(question)) is not None:
                return reason, detail
        if question.options and self.options == "drop":
            return MULTIPLE_CHOICE, ", ".join(question.options)
        return None


def _completed(question: Question) -> Record:
    """The record with its language, and with letter and value of a choice as its reference."""
    record, options = question.record, question.options
    changes: dict[str, object] = {}
    if not record.language:
        english = is_clearly_english(question.vocabulary) and question.text.isascii()
        changes["language"] = "en" if english else language_of(question.words)
    letter = chosen(question.reference, options) if options else None
    if letter is not None:
        reference = as_reference(question.reference, letter, options)
        if reference != record.reference:
            changes |= {
                "reference": reference,
                "id": content_id(record.messages, record.tools, reference, record.task),
                "metadata": {**record.metadata, "source_reference": record.reference},
            }
    return record.changed(**changes) if changes else record


def _around(found: re.Match[str]) -> str:
    return found.string[max(0, found.start() - 20) : found.end() + 60].strip()
