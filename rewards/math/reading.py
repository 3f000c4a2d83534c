"""What the text of an answer may mean: its readings as nodes.

Guarantees: bounded by the limits of `layout`, `lexer` and `parser`; each text is read once as long
as it is remembered.
"""

import re
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache

from rewards.math.families import declared_apart
from rewards.math.intervals import pointed, turned, with_points
from rewards.math.layout import TEXT_LIMIT, clean
from rewards.math.lexer import Measured, has_comma_groups, may_measure, tokens
from rewards.math.magnitudes import PARTS, spelt
from rewards.math.nodes import Call, Node, Number, Quantity, Words
from rewards.math.parser import parse
from rewards.math.tokens import NotMathError
from rewards.math.wordings import mixed, usual_wording
from rewards.math.words import label_marks, may_label

MU = "\\mu"
_DECIMAL_COMMA = re.compile(r"-?(?!0*[1-9]\d{0,2},\d{3}$)\d+,\d+")
_COMMA_MEASURE = re.compile(
    r"-?\d+,\d+\s*(?:\\text\s*\{\s*)?(?:[\u0400-\u04ff]+|mili(?:on|ard)[ei]|€)[^\d,]*$"
)
_SPELT = re.compile(r"[A-Za-z]+(?:(?: |-| - )[A-Za-z]+)+")
_AND_A_PART = re.compile(r"(\d{1,30}) and (?:a|one) (half|third|quarter|fourth|fifth|eighth|tenth)")
_OHM = re.compile(
    r"(?<=[\d}) ])(?:\\mathrm\s*\{\s*(?P<inside>[kMGm]|\\mu)?\s*\\Omega\s*\}"
    r"|\\mathrm\s*\{\s*(?P<before>[kMGm]|\\mu)\s*\}\s*\\Omega(?![a-zA-Z])"
    r"|(?P<bare>[kMGm]|\\mu)? ?\\Omega(?![a-zA-Z]))"
)
_SENTENCE_MATH = re.compile(r"\$([^$]+)\$|\\\((.+?)\\\)|\\\[(.+?)\\\]", re.DOTALL)
_WORKED = re.compile(r"-?\s*\\(?:lim|int|iint|oint|sum|prod|frac\s*\{\s*(?:d|\\partial))")
_WORDS = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_REMAINDER = re.compile(
    r"(\d{1,30})\s*(?:\\text\{\s*)?(?:,?\s*(?:with\s+)?(?:a\s+)?remainder(?:\s+of)?|rem\.?|[rR])(?:\s*\})?"
    r"\s*(\d{1,30})"
)


@dataclass(frozen=True, slots=True)
class Answer:
    """A text and what it may mean; no readings where the grammar does not cover it."""

    text: str
    readings: tuple[Node, ...]
    fault: str = ""


@lru_cache(maxsize=4096)
def read(text: str) -> Answer:
    """What a text means; `1,234` is one number or two."""
    try:
        cleaned = declared_apart(pointed(turned(usual_wording(clean(text)))))
    except NotMathError as fault:
        return Answer(text[:200], (), str(fault))
    return _meant(cleaned)


@lru_cache(maxsize=4096)
def _meant(cleaned: str) -> Answer:
    """What a text means that `clean` gave: `$x$` and `\\left(x\\right)` are read once."""
    if (division := _REMAINDER.fullmatch(cleaned)) is not None:
        parts = [Number(Fraction(part), None, len(part)) for part in division.groups()]
        return Answer(cleaned, (Call("remainder", tuple(parts)),))
    if (part := _AND_A_PART.fullmatch(cleaned)) is not None:
        return Answer(cleaned, (Number(int(part[1]) + PARTS[part[2]], None, len(part[1])),))
    if _SPELT.fullmatch(cleaned) and (spoken := spelt(cleaned)) and not spoken[1]:
        return Answer(cleaned, (Words(cleaned),))
    if _COMMA_MEASURE.match(cleaned):
        cleaned = cleaned.replace(",", ".", 1)
    try:
        readings = [parse(tokens(cleaned, commas_group=True))]
        if has_comma_groups(cleaned):
            readings.append(parse(tokens(cleaned, commas_group=False)))
        if _DECIMAL_COMMA.fullmatch(cleaned):
            readings.append(parse(tokens(cleaned.replace(",", "."), commas_group=False)))
        if ";" in cleaned and (listed := with_points(cleaned)) != cleaned:
            readings.append(parse(tokens(listed, commas_group=False)))
        if (number := mixed(cleaned)) is not None:
            readings.append(number)
    except NotMathError as fault:
        return Answer(cleaned, (), str(fault))
    return Answer(cleaned, tuple(readings))


@lru_cache(maxsize=4096)
def read_measured(cleaned: str, measured: Measured = "spaced") -> Node | None:
    """What a text means if letters behind a value are a unit or words, not variables."""
    if not may_measure(cleaned):
        return None
    try:
        resistors = _OHM.sub(_as_ohm, cleaned)
        return parse(tokens(resistors, commas_group=True, measured=measured))
    except NotMathError:
        return None


def _as_ohm(found: re.Match[str]) -> str:
    prefix = found[found.lastgroup] if found.lastgroup else ""
    return f"\\text{{{prefix.replace(MU, 'µ')}ohm}}"


def read_sentence(text: str) -> Answer | None:
    """The last mathematics in a sentence, `The answer is $5$.`, if no word denies it."""
    if len(text) > TEXT_LIMIT:
        return None
    words = _WORDS.findall(_SENTENCE_MATH.sub(" ", text))
    if not may_label(words):
        return None
    found = [next(filter(None, match.groups()), "") for match in _SENTENCE_MATH.finditer(text)]
    answer = read(found[-1]) if found else None
    if answer is None or not answer.readings:
        return None
    label = label_marks(words)
    readings = tuple(Quantity(node, "", label) if label else node for node in answer.readings)
    return replace(answer, readings=readings)


def read_result(cleaned: str) -> Answer | None:
    """What stands behind the one equals sign, if work that is not read stands in front of it.

    `\\lim_{x\\to 0} f(x) = 1` is 1.
    """
    depth = 0
    signs = []
    for at, mark in enumerate(cleaned):
        depth += {"{": 1, "(": 1, "}": -1, ")": -1}.get(mark, 0)
        if not depth and mark in "=<>,;":
            signs.append(at)
    if len(signs) != 1 or cleaned[signs[0]] != "=" or not _WORKED.match(cleaned):
        return None
    answer = read(cleaned[signs[0] + 1 :])
    return answer if answer.readings else None
