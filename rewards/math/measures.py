r"""Values with words around them: units, percent, money, magnitudes, nouns, labels.

Guarantees: units of one dimension convert exactly; a magnitude (`million`) multiplies and a part
(`halves`) divides, whatever stands on the other side; up to `words.PLAIN_LIMIT` plain words beside
a bare number say nothing; a word of `words.STRONG` has to stand on both sides.
"""

import re
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache

from rewards.math.amounts import ANGLE, Same, same_amount, same_angle
from rewards.math.clock import CLOCK, same_time
from rewards.math.identities import value_of
from rewards.math.magnitudes import chinese_scale, scale
from rewards.math.nodes import Call, Constant, Items, Node, Number, Quantity, children
from rewards.math.unit_table import Unit, dimension_of
from rewards.math.units import LONGEST, is_compound, named, pieces, units_of
from rewards.math.vocabulary import SIGNS_BEFORE
from rewards.math.words import PLAIN_LIMIT, opposed, same_nouns, strong_marks, weak_marks

LONGEST_PHRASE = 8  # words among which a unit is looked for, and of which articles do not count
_TOTAL = re.compile(r"\b(?:in (?:total|all)|all together)\b")
_AFTER_NUMBER = {"squared": ("pow", 2), "cubed": ("pow", 3), "factorial": ("factorial", 0)}
_SHARE, _LENGTH = map(dimension_of, ("share", "length"))
_SCALING = frozenset(Unit(_SHARE, Fraction(1, 10**n)) for n in (3, 4, 6, 9))
"""Per mille, basis points, ppm and ppb say how a number is scaled; only per cent is left out."""
_BARE = frozenset(("unit", "units", "square", "sq", "cubic", "cu", "of", "a", "the", "about"))


@dataclass(frozen=True, slots=True)
class Phrase:
    """What the words behind a value say.

    Attributes:
        factor: What magnitudes and parts multiply the value by.
        operation: What `squared` or `factorial` does to it: a call and its second argument.
        units: What the unit may be; empty where there is none.
        nouns: Plain words.
        strong: Meanings that have to stand on both sides.
        weak: Meanings that have to agree where both sides have one; am and pm are among them.
        label: Meanings of the words in front of the value, which stand for the same ones behind it.
    """

    factor: Fraction
    operation: tuple[str, int] | None
    units: tuple[Unit, ...]
    nouns: tuple[str, ...]
    strong: frozenset[str]
    weak: frozenset[str]
    label: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Measure:
    """A value and its phrase."""

    value: Node
    phrase: Phrase


def same_measure(prediction: Node, reference: Node, same: Same) -> bool | None:
    """Whether two values with or without words are the same; None where neither has words."""
    prediction, reference = _together(prediction), _together(reference)
    if not (isinstance(prediction, Quantity) or isinstance(reference, Quantity)):
        return None
    mine, gold = measure(prediction), measure(reference)
    if not _words_agree(mine.phrase, gold.phrase):
        return False
    if (mine.phrase.weak | gold.phrase.weak) & CLOCK and not _is_tiny(mine, gold):
        halves = [next(iter(one.phrase.weak & CLOCK), "") for one in (mine, gold)]
        outcome = same_time((mine.value, gold.value), halves)
        return same(mine.value, gold.value) if outcome is None else outcome
    if mine.phrase.units and gold.phrase.units:
        return any(
            same_amount(mine.value, unit, gold.value, other, same)
            for unit in mine.phrase.units
            for other in gold.phrase.units
        )
    one_unit = mine.phrase.units or gold.phrase.units
    return _one_unit(mine, gold, same) if one_unit else same(mine.value, gold.value)


def without_label(node: Node) -> Node:
    """A value without its label, `Profit: 5`, where nothing on the other side can oppose it."""
    return node.value if isinstance(node, Quantity) and node.label else node


def is_measured(node: Node) -> bool:
    """Whether a known unit stands behind a value."""
    return isinstance(node, Quantity) and bool(measure(node).phrase.units)


def _is_tiny(mine: Measure, gold: Measure) -> bool:
    """Whether `pm` is the picometre, because a length without it stands on the other side."""
    others = [one.phrase for one in (mine, gold) if not one.phrase.weak & CLOCK]
    return any(unit.dimension == _LENGTH for phrase in others for unit in phrase.units)


def _words_agree(mine: Phrase, gold: Phrase) -> bool:
    if mine.strong != gold.strong and not (_covers(mine, gold) and _covers(gold, mine)):
        return False
    if mine.weak and gold.weak and mine.weak != gold.weak:
        return False
    said, wanted = (one.label | one.strong | one.weak for one in (mine, gold))
    if (mine.label or gold.label) and opposed(said, wanted):
        return False
    if max(len(mine.nouns), len(gold.nouns)) > PLAIN_LIMIT:
        return mine.nouns == gold.nouns
    return same_nouns(mine.nouns, gold.nouns)


def _covers(one: Phrase, other: Phrase) -> bool:
    """Whether the one says what has to stand on both sides if it stands behind the other.

    A label says it, `Loss: 5` = `5 loss`, and so does a description, `2 positive roots` =
    `2 positive`.
    """
    return other.strong - one.strong <= one.label | one.weak


def _together(node: Node) -> Node:
    """Amounts of one dimension as one: `5 ft 3 in`, `2 hours and 30 minutes`."""
    if isinstance(node, Items) and not node.left and node.joiner in {"", "and"}:
        parts = node.items
    elif isinstance(node, Call) and node.name == "together":
        first, second = node.arguments
        parts = (_together(first), second)
    else:
        return node
    if len(parts) < 2 or not all(isinstance(part, Quantity) and not part.label for part in parts):
        return node
    measures = [measure(part) for part in parts]
    units = [next(iter(one.phrase.units), None) for one in measures]
    amounts = [value_of(one.value) for one in measures]
    total, last = Fraction(0), None
    for unit, amount in zip(units, amounts, strict=True):
        if unit is None or not isinstance(amount, Fraction):
            return node
        if last is not None and (unit.dimension != last.dimension or unit.factor >= last.factor):
            return node
        total, last = total + amount * unit.factor, unit
    first = parts[0]
    if not isinstance(first, Quantity) or units[0] is None:
        return node
    return Quantity(Number(total / units[0].factor), first.unit)


def measure(node: Node) -> Measure:
    """A value without its words, and what the words say."""
    texts: list[str] = []
    label: frozenset[str] = frozenset()
    while isinstance(node, Quantity):
        texts.insert(0, node.unit)
        label |= node.label
        node = node.value
    phrase = _phrase(" ".join(texts))
    if label:
        phrase = replace(phrase, label=label)
    if phrase.operation is not None:
        name, argument = phrase.operation
        second: tuple[Node, ...] = (Number(Fraction(argument), None, 1),) if argument else ()
        node = Call(name, (node, *second))
    return Measure(_scaled(node, phrase.factor), phrase)


@lru_cache(maxsize=4096)
def _phrase(text: str) -> Phrase:
    if len(text) > LONGEST:
        return Phrase(Fraction(1), None, (), (), frozenset((text,)), frozenset())
    words = pieces(_TOTAL.sub("", text))
    factor, operation = Fraction(1), None
    rest: list[str] = []
    at = 0
    while at < len(words):
        step, count = (Fraction(1), 0) if "/" in rest else scale(words[at:])
        if not count and not rest and (left := chinese_scale(words[at]))[1] != words[at]:
            step, remainder = left
            factor *= step
            words[at : at + 1] = pieces(remainder)
            continue
        if count:
            factor *= step
            at += count
        elif not rest and operation is None and words[at].lower() in _AFTER_NUMBER:
            operation = _AFTER_NUMBER[words[at].lower()]
            at += 1
        else:
            rest.append(words[at])
            at += 1
    if rest[1:] and rest[0] in SIGNS_BEFORE and units_of(tuple(rest[1:])) == units_of((rest[0],)):
        rest.pop(0)  # `$5 dollars`
    clock = frozenset(word.lower() for word in rest) & CLOCK
    if units := units_of(tuple(rest)):
        return Phrase(factor, operation, units, (), frozenset(), clock)
    strong, weak = strong_marks(rest) | _letters(rest), weak_marks(rest)
    units, nouns = _unit_among([word for word in rest if strong_marks([word]) == frozenset()])
    return Phrase(factor, operation, units, nouns, strong, weak | clock)


def _letters(words: list[str]) -> frozenset[str]:
    """Letters that are no unit: `41\\text{x}` is no plain word behind 41.

    `a` is an article in front of a word, `7 a day`, and a letter at the end, `7a`.
    """
    return frozenset(word for i, word in enumerate(words)
                     if len(word) == 1 and word.isascii() and word.isalpha() and not named(word)
                     and (word != "a" or i + 1 == len(words)))  # fmt: skip


def _unit_among(words: list[str]) -> tuple[tuple[Unit, ...], tuple[str, ...]]:
    """The one unit among plain words, and the words: `5 cm wide`, `5 dollars a piece`."""
    if len(words) > LONGEST_PHRASE:
        return (), _nouns(words)
    for first in range(len(words)):
        for last in range(len(words), first, -1):
            part = tuple(words[first:last])
            if (is_compound(part) or _all_named(part)) and (units := units_of(part)):
                return units, _nouns([*words[:first], *words[last:]])
    return (), _nouns(words)


def _all_named(words: tuple[str, ...]) -> bool:
    return len(words) <= 4 and any(named(word) for word in words)


def _nouns(words: list[str]) -> tuple[str, ...]:
    if len(words) > LONGEST_PHRASE:
        return tuple(words)
    return tuple(word.lower() for word in words if word.lower() not in _BARE)


def _scaled(value: Node, factor: Fraction) -> Node:
    if factor == 1:
        return value
    if isinstance(value, Number):
        return Number(value.value * factor, None, value.digits)
    if isinstance(value, Call) and value.name == "neg":
        return Call("neg", (_scaled(value.arguments[0], factor),))
    return Call("mul", (value, Number(factor)))


def _one_unit(mine: Measure, gold: Measure, same: Same) -> bool:
    """A unit on one side, none on the other, which has no words or nouns."""
    with_unit, other = (mine, gold) if mine.phrase.units else (gold, mine)
    if other.phrase.nouns:
        return False
    left_out = any(unit not in _SCALING for unit in with_unit.phrase.units)
    if left_out and same(mine.value, gold.value):
        return True
    for unit in with_unit.phrase.units:
        if unit.dimension == _SHARE and unit.factor != 1:
            share = _times(with_unit.value, unit.factor)
            pair = (share, other.value) if with_unit is mine else (other.value, share)
            if same(*pair):
                return True
        if unit == Unit(ANGLE) and _has_pi(other.value):
            return same_angle(with_unit.value, other.value)
    return False


def _times(node: Node, factor: Fraction) -> Node:
    value = value_of(node)
    if isinstance(value, Fraction):
        return Number(value * factor)
    return Call("mul", (node, Number(factor)))


def _has_pi(node: Node) -> bool:
    return node == Constant("pi") or any(map(_has_pi, children(node)))
