"""Deciding whether two answers are the same, without leaving this process.

Guarantees: no text is ever evaluated by Python; work is bounded by the limits of `lexer`, `parser`
and `values`, so that a decision takes milliseconds whatever the texts say. A pair that the grammar
does not cover is undecided (`same` is None).
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from rewards.math import rules
from rewards.math.answers import bare
from rewards.math.lexer import NotMathError, clean, has_comma_groups, tokens
from rewards.math.nodes import Call, Items, Node, Number
from rewards.math.parser import parse


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether two answers are the same, and the rule that says so."""

    same: bool | None
    rule: str


@dataclass(frozen=True, slots=True)
class Answer:
    """A text and what it may mean; no readings where the grammar does not cover it."""

    text: str
    readings: tuple[Node, ...]
    fault: str = ""


ALGEBRA_LIMIT = 1_000  # characters
_PLAIN = re.compile(
    r"(?P<sign>-?)(?:(?P<whole>[0-9]{1,15}|[0-9]{1,3}(?:,[0-9]{3}){1,4})(?:\.(?P<part>[0-9]{1,9}))?"
    r"|\\[dt]?frac\{(?P<above>[0-9]{1,15})\}\{(?P<below>[0-9]{1,15})\}"
    r"|(?P<over>[0-9]{1,15})/(?P<under>[0-9]{1,15}))"
)
_DECIMAL_COMMA = re.compile(r"-?\d+,\d+")
_SENTENCE_MATH = re.compile(r"\$([^$]+)\$|\\\((.+?)\\\)|\\\[(.+?)\\\]", re.DOTALL)
_TEXT = re.compile(r"\\(?:text|mathrm|mbox|textbf)\{([^{}]*)\}")
_LETTERS_ONLY = re.compile(r"\(?([A-Ea-e])\)?|([A-Za-z][A-Za-z ,'-]{2,})")
_CHOSEN = re.compile(r"\(?([A-Ea-e])[).:]\s*(\S.*)")
_CHOICE = re.compile(r"(?<![A-Za-z])[A-Ea-e][).:]")
_LETTERS = re.compile(r"[\W_]+")


def decide(prediction: str, reference: str) -> Decision:
    """Compare two bare answers."""
    mine, gold = prediction.strip(), reference.strip()
    if not mine:
        return Decision(False, "no answer")
    if (same := _same_number(mine, gold)) is not None:
        return Decision(same, "number")
    answer, wanted = read(bare(mine)), read(bare(gold))
    if wanted.readings and not answer.readings:
        answer = _in_sentence(mine) or answer
    if (rule := _same_text(answer.text, wanted.text)) is not None:
        return Decision(True, rule)
    if answer.readings and wanted.readings:
        return _compare(answer, wanted)
    if _plain_words(mine) == _plain_words(gold) != "":
        return Decision(True, "words")
    return Decision(None, answer.fault or wanted.fault)


def _same_number(mine: str, gold: str) -> bool | None:
    """Whether two plainly written rationals are equal; None where it takes the rules to tell."""
    left, right = _PLAIN.fullmatch(mine), _PLAIN.fullmatch(gold)
    if left is None or right is None:
        return None
    (a, b), (c, d) = _rational(left), _rational(right)
    if b and d and a * d == b * c:
        return True
    # A decimal may be met by rounding.
    return None if left["part"] or right["part"] or not (b and d) else False


def _rational(plain: re.Match[str]) -> tuple[int, int]:
    sign, whole, part, above, below, over, under = plain.groups()
    if whole is None:
        return int(f"{sign}{above or over}"), int(below or under)
    digits = whole.replace(",", "")
    return int(f"{sign}{digits}{part or ''}"), 10 ** len(part or "")


def _same_text(mine: str, gold: str) -> str | None:
    """The rule by which two texts are the same as they stand."""
    if mine and mine == gold:
        return "text"
    letters = _in_letters(gold)
    return "words" if letters and letters in {_in_letters(mine), _choice(mine)} else None


def worth_algebra(prediction: str, reference: str) -> bool:
    """Whether an undecided pair may be worth a computer algebra system's time."""
    return all(len(text) <= ALGEBRA_LIMIT and "\\" in text for text in (prediction, reference))


@lru_cache(maxsize=4096)
def read(text: str) -> Answer:
    """What a text means; `1,234` is one number or two."""
    try:
        cleaned = clean(text)
        readings = [parse(tokens(cleaned, commas_group=True))]
        if has_comma_groups(cleaned):
            readings.append(parse(tokens(cleaned, commas_group=False)))
        if _DECIMAL_COMMA.fullmatch(cleaned):
            readings.append(parse(tokens(cleaned.replace(",", "."), commas_group=False)))
    except NotMathError as fault:
        return Answer(text[:200], (), str(fault))
    return Answer(cleaned, tuple(readings))


def _compare(answer: Answer, wanted: Answer) -> Decision:
    reason = ""
    for i, gold in enumerate(wanted.readings):
        for j, mine in enumerate(answer.readings):
            if (i or j) and not _may_be_meant(gold, mine):
                continue
            same, rule = rules.same(mine, gold)
            if same:
                return Decision(True, rule)
            reason = reason or rule
    return Decision(False, reason)


def _may_be_meant(gold: Node, mine: Node) -> bool:
    """Whether a second reading is tried: a list against a list, a decimal against a decimal."""
    if isinstance(gold, Items) or isinstance(mine, Items):
        return isinstance(gold, Items) and isinstance(mine, Items)
    return _has_point(gold) and _has_point(mine)


def _has_point(node: Node) -> bool:
    if isinstance(node, Call) and node.name == "neg":
        return _has_point(node.arguments[0])
    return isinstance(node, Number) and node.decimals is not None


def _in_sentence(text: str) -> Answer | None:
    """The last mathematics in a sentence: `The answer is $5$.`"""
    found = [next(filter(None, match.groups()), "") for match in _SENTENCE_MATH.finditer(text)]
    answer = read(found[-1]) if found else None
    return answer if answer is not None and answer.readings else None


def _in_letters(text: str) -> str:
    """A choice, or a text of three letters or more, in lower case; else nothing."""
    found = _LETTERS_ONLY.fullmatch(_TEXT.sub(r"\1", text).strip())
    return (found[1] or found[2]).lower() if found else ""


def _choice(text: str) -> str:
    """The letter of a choice that is spelt out: `(C) 12`, `C. 12`."""
    found = _CHOSEN.fullmatch(_TEXT.sub(r"\1", text).strip())
    return found[1].lower() if found and not _CHOICE.search(found[2]) else ""


def _plain_words(text: str) -> str:
    plain = _LETTERS.sub(" ", text[:2_000]).strip().casefold()
    return "" if any(mark.isdigit() for mark in plain) else plain
