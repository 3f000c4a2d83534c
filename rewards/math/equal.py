"""Deciding whether two answers are the same, without leaving this process.

Guarantees: no text is ever evaluated by Python; work is bounded by the limits of `lexer`, `parser`
and `values`, so that a decision takes milliseconds whatever the texts say. A pair that the grammar
does not cover is undecided (`same` is None).
"""

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from rewards.math.answers import bare
from rewards.math.families import declared_apart
from rewards.math.intervals import turned
from rewards.math.layout import TEXT_LIMIT, clean, unwrapped
from rewards.math.lexer import Measured, has_comma_groups, may_measure, tokens
from rewards.math.magnitudes import spelt
from rewards.math.measures import is_measured
from rewards.math.nodes import Call, Items, Node, Number, Words
from rewards.math.parser import parse
from rewards.math.rules import same as same_node
from rewards.math.tokens import NotMathError
from rewards.math.values import has_symbols
from rewards.math.words import may_label


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether two answers are the same, and the rule that says so."""

    same: bool | None
    rule: str
    nodes: tuple[Node, Node] | None = None
    """What the answer and the reference were read as, where they were compared as mathematics."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A text and what it may mean; no readings where the grammar does not cover it."""

    text: str
    readings: tuple[Node, ...]
    fault: str = ""


MU = "\\mu"
ALGEBRA_LIMIT = 1_000  # characters
_PLAIN = re.compile(
    r"(?P<sign>-?)(?:(?P<whole>[0-9]{1,15}|[0-9]{1,3}(?:,[0-9]{3}){1,4})(?:\.(?P<part>[0-9]{1,9}))?"
    r"|\\[dt]?frac\{(?P<above>[0-9]{1,15})\}\{(?P<below>[0-9]{1,15})\}"
    r"|(?P<over>[0-9]{1,15})/(?P<under>[0-9]{1,15}))"
)
_DECIMAL_COMMA = re.compile(r"-?\d+,\d+")
_COMMA_MEASURE = re.compile(
    r"-?\d+,\d+\s*(?:\\text\s*\{\s*)?(?:[\u0400-\u04ff]+|mili(?:on|ard)[ei]|€)[^\d,]*$"
)
_SPELT = re.compile(r"[A-Za-z]+(?:(?: |-| - )[A-Za-z]+)+")
_OHM = re.compile(r"(?<=[\d}) ])([kMGm]|\\mu)? ?\\Omega(?![a-zA-Z])")
_SENTENCE_MATH = re.compile(r"\$([^$]+)\$|\\\((.+?)\\\)|\\\[(.+?)\\\]", re.DOTALL)
_TEXT = re.compile(r"\\(?:text|mathrm|mbox|textbf)\{([^{}]*)\}")
_LETTERS_ONLY = re.compile(r"\(?([A-J]|[a-e])[).]?|([A-Za-z][A-Za-z ,'-]{2,})")
_CHOSEN = re.compile(r"\(?([A-J]|[a-e])[).:](?![-+*/^=<>_])\s*(\S.*)", re.DOTALL)
_CHOICE = re.compile(r"(?<![A-Za-z])[A-Ja-j][).:]")
_OPTION = re.compile(
    r"^(?:the\s+)?(?:(?:correct|right|final|best)\s+)?(?:answer|option|choice|alternative|选项|选择|选"
    r"|вариант|ответ|opzione|risposta)\s*(?:is|:|：)?\s*(?=\(?[A-Ja-j]\)?(?:[).:]|$|\s))"
    r"|(?<=^[A-Ja-j])\s*选项$",
    re.IGNORECASE,
)
_DENIED = re.compile(
    r"(?:is|are|was|were|or|and|nor|but|not|isn't|isn’t|wasn't|can(?:no|')t be|may be|might be)\b"
    r"(?!\s+(?:correct|right|true|the\b|our\b|enough|possible))|(?:.*\b)?(?:wrong|incorrect|false|eliminated|excluded)\b"
    r"|或|不|错|или|не\b|oppure|non\b",
    re.IGNORECASE | re.DOTALL,
)
_WORDS = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_STYLE = re.compile(
    r"\\(?:mathrm|mathbf|mathit|mathsf|mathtt|boldsymbol|bm|displaystyle|boxed|fbox)(?![a-zA-Z])"
)
_PROSE = re.compile(r"[^\W\d_]+(?:[ ,.;:'’-]+[^\W\d_]+)*[.!]?")
_AROUND = re.compile(r"(?<=[^\w\\ ]) | (?=[^\w ])")
_REMAINDER = re.compile(
    r"(\d{1,30})\s*(?:\\text\{\s*)?(?:,?\s*(?:with\s+)?(?:a\s+)?remainder(?:\s+of)?|rem\.?|[rR])(?:\s*\})?"
    r"\s*(\d{1,30})"
)


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
    decision = _compare(answer, wanted) if answer.readings and wanted.readings else None
    if decision is None or not decision.same:
        decision = _compare_measured(answer, wanted) or decision
    if decision is not None:
        return decision
    if (mine_as_text := _in_words(mine)) and mine_as_text == _in_words(gold):
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
        cleaned = declared_apart(turned(clean(text)))
    except NotMathError as fault:
        return Answer(text[:200], (), str(fault))
    if (division := _REMAINDER.fullmatch(cleaned)) is not None:
        parts = [Number(Fraction(part), None, len(part)) for part in division.groups()]
        return Answer(cleaned, (Call("remainder", tuple(parts)),))
    if _SPELT.fullmatch(cleaned) and (number := spelt(cleaned)) and not number[1]:
        return Answer(cleaned, (Words(cleaned),))
    if _COMMA_MEASURE.match(cleaned):
        cleaned = cleaned.replace(",", ".", 1)
    try:
        readings = [parse(tokens(cleaned, commas_group=True))]
        if has_comma_groups(cleaned):
            readings.append(parse(tokens(cleaned, commas_group=False)))
        if _DECIMAL_COMMA.fullmatch(cleaned):
            readings.append(parse(tokens(cleaned.replace(",", "."), commas_group=False)))
    except NotMathError as fault:
        return Answer(cleaned, (), str(fault))
    return Answer(cleaned, tuple(readings))


@lru_cache(maxsize=4096)
def _measured(cleaned: str, measured: Measured = "spaced") -> Node | None:
    """What a text means if letters behind a value are a unit or words, not variables."""
    if not may_measure(cleaned):
        return None
    try:
        resistors = _OHM.sub(
            lambda found: f"\\text{{{(found[1] or '').replace(MU, 'µ')}ohm}}", cleaned
        )
        return parse(tokens(resistors, commas_group=True, measured=measured))
    except NotMathError:
        return None


def _compare(answer: Answer, wanted: Answer) -> Decision:
    reason = ""
    for i, gold in enumerate(wanted.readings):
        for j, mine in enumerate(answer.readings):
            if (i or j) and not _may_be_meant(gold, mine):
                continue
            same, rule = same_node(mine, gold)
            if same:
                return Decision(True, rule, (mine, gold))
            reason = reason or rule
    return Decision(False, reason)


def _compare_measured(answer: Answer, wanted: Answer) -> Decision | None:
    """The decision where one of the two has a unit in letters: `5 kJ/mol` is 5."""
    mine = [node for node in (_measured(answer.text), *answer.readings[:1]) if node is not None]
    gold = [node for node in (_measured(wanted.text), *wanted.readings[:1]) if node is not None]
    pairs = [(one, other) for one in mine for other in gold]
    if any(map(is_measured, gold)) and (glued := _measured(answer.text, "glued")) is not None:
        pairs += [(glued, other) for other in gold]
    if any(map(is_measured, mine)) and (glued := _measured(wanted.text, "glued")) is not None:
        pairs += [(one, glued) for one in mine]
    outcome = None
    for one, other in pairs:
        compared = one in answer.readings[:1] and other in wanted.readings[:1]
        if compared or has_symbols(one) or has_symbols(other):
            continue
        same, rule = same_node(one, other)
        if same:
            return Decision(True, rule, (one, other))
        outcome = outcome or Decision(False, rule)
    return outcome


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
    """The last mathematics in a sentence, `The answer is $5$.`, if no word denies it."""
    if len(text) > TEXT_LIMIT:
        return None
    if not may_label(_WORDS.findall(_SENTENCE_MATH.sub(" ", text))):
        return None
    found = [next(filter(None, match.groups()), "") for match in _SENTENCE_MATH.finditer(text)]
    answer = read(found[-1]) if found else None
    return answer if answer is not None and answer.readings else None


def _in_letters(text: str) -> str:
    """A choice, or a text of three letters or more, in lower case; else nothing."""
    found = _LETTERS_ONLY.fullmatch(_chosen(text))
    return (found[1] or found[2]).lower() if found else ""


def _choice(text: str) -> str:
    """The letter of a choice that is spelt out: `(C) 12`, `C. 12`; not that of `(C) is wrong`."""
    found = _CHOSEN.fullmatch(_chosen(text))
    if found is None or _CHOICE.search(found[2]) or _DENIED.match(found[2]):
        return ""
    return found[1].lower()


def _chosen(text: str) -> str:
    """A text without what stands in front of a choice: `Option (A)` is `(A)`."""
    return _OPTION.sub("", unwrapped(_TEXT.sub(r"\1", text)).replace("$", "").strip()).strip()


def _in_words(text: str) -> str:
    """A text without layout; the case of words counts only where they are mathematics."""
    try:
        plain = clean(_TEXT.sub(r"\1", text[:TEXT_LIMIT]))
    except NotMathError:
        return ""
    plain = " ".join(_STYLE.sub("", plain).split())
    if _PROSE.fullmatch(plain):
        return plain.casefold()
    return _AROUND.sub("", plain)
