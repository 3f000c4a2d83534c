r"""The check of references: there is one, it is read, and nothing in the record contradicts it.

    metadata.answers     further references: each is `math_equal` to the reference
    metadata.solution    a worked solution: its last box, or what stands behind its `####`, is too

Guarantees: each record is kept or dropped with one of `REASONS`; a comparison takes milliseconds,
and where it needs computer algebra, at most `DEADLINE` seconds.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, Literal

from data.curate.math_options import labelled, letter_of
from data.pipeline.block import Drop, Outcome
from data.schema import Record, content_id
from rewards.math import math_equal
from rewards.math.answers import NoAnswerError, has_box, last_boxed
from rewards.math.equal import decide
from rewards.math.references import UnreadableError, alternatives

NO_REFERENCE: Final = "no reference"
REASONS: Final = (
    NO_REFERENCE,
    "unreadable reference",
    "references disagree",
    "reference contradicts solution",
)
LONGEST_PHRASE: Final = 12  # Chinese characters of an answer; more are prose
_IDEOGRAPH: Final = re.compile("[\u4e00-\u9fff]")
DEADLINE: Final = 3.0
SHOWN: Final = 160  # characters of a detail
_MISSING: Final = re.compile(
    r"(?:not ?found|none|unknown|no answer|unanswerable"
    r"|see (?:the )?(?:attached )?(?:solution|above|below|proof|figure|graph|diagram|explanation)"
    r"|omitted|(?:the )?answer (?:is )?omitted|见解析|暂无|无|略|см\. решение|нет ответа"
    r"|vedi (?:la )?soluzione)\.?",
    re.IGNORECASE,
)
_TEXT: Final = re.compile(r"\\text\{([^{}]*)\}")
_FINAL: Final = re.compile(r"####[ \t]*(\S[^\n]*?)\s*$")


@dataclass(frozen=True, slots=True)
class MathReferences:
    """Keeps records whose references are read and agree.

    Attributes:
        without: what becomes of a record without a reference; kept, it may get one by consensus.
    """

    name: ClassVar[str] = "math references"
    without: Literal["drop", "keep"] = "drop"

    def __call__(self, records: Sequence[Record]) -> Outcome:
        """Say what becomes of each record."""
        kept: list[Record] = []
        dropped: list[Drop] = []
        for record in records:
            why = _fault(record)
            if why is None:
                kept.append(record)
            elif why[0] == NO_REFERENCE and self.without == "keep":
                kept.append(_bare(record))
            else:
                dropped.append(Drop(record, self.name, why[0], why[1][:SHOWN]))
        return Outcome(kept, dropped)


def _bare(record: Record) -> Record:
    """The record without the text that says that there is no reference."""
    if record.reference is None:
        return record
    name = content_id(record.messages, record.tools, None, record.task)
    return record.model_copy(update={"id": name, "reference": None})


def _fault(record: Record) -> tuple[str, str] | None:
    reference = record.reference
    if reference is None or (isinstance(reference, str) and _is_missing(reference)):
        return NO_REFERENCE, repr(reference)
    try:
        gold = alternatives(reference)[0]
    except UnreadableError as error:
        return "unreadable reference", str(error)
    if len(_IDEOGRAPH.findall(gold)) > LONGEST_PHRASE:
        return "unreadable reference", f"{gold} is prose"
    for other in _further(record):
        if not same_answer(other, reference):
            return "references disagree", f"{reference} and {other}"
    stated = stated_answer(record.metadata.get("solution"))
    if stated is not None and contradicts_solution(stated, reference):
        return "reference contradicts solution", f"{reference}; the solution ends with {stated}"
    return None


def _is_missing(reference: str) -> bool:
    said = _TEXT.sub(r"\1", reference).strip().strip("$ ")
    return not said or _MISSING.fullmatch(said) is not None


def _further(record: Record) -> Iterator[object]:
    """References besides the one; what is empty is none."""
    answers = record.metadata.get("answers")
    for answer in answers if isinstance(answers, list) else [answers]:
        if answer not in (None, "", []):
            yield answer


def stated_answer(solution: object) -> str | None:
    """The answer that a worked solution ends with, in a box or behind `####`; None: none."""
    if not isinstance(solution, str):
        return None
    if has_box(solution):
        try:
            return last_boxed(solution) or None
        except NoAnswerError:
            return None
    found = _FINAL.search(solution) if "####" in solution else None
    return found[1] if found else None


def same_answer(one: object, other: object) -> bool:
    """Whether two references are the same answer, either way round."""
    try:
        golds = alternatives(one), alternatives(other)
    except UnreadableError:
        return False
    if any(decide(mine, gold).same for mine in golds[0] for gold in golds[1]):
        return True
    first, second = golds[0][0], golds[1][0]
    return math_equal(first, second, deadline=DEADLINE) or math_equal(
        second, first, deadline=DEADLINE
    )


def contradicts_solution(stated: str, reference: object) -> bool:
    """Whether a solution's answer is another one; one that is only not read is no contradiction.

    A letter is none of a value: `B` and `12` may well be the same option.
    """
    golds = alternatives(reference)
    letter = golds[1] if len(golds) > 1 else letter_of(golds[0])
    option = labelled(stated)
    if option is not None and letter is not None:
        return option[0] != letter
    if option is not None:
        stated = option[1]
    if same_answer(stated, reference) or (letter is None) != (letter_of(stated) is None):
        return False
    try:
        answer = alternatives(stated)[0]
    except UnreadableError:
        return False
    return all(decide(answer, gold).same is False for gold in golds[1:] or golds)
