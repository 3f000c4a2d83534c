"""Rules for literals: exact rationals, and the two cases in which a decimal may be rounded."""

from fractions import Fraction
from typing import Any

from rewards.math.identities import value_of
from rewards.math.nodes import Call, Node, Number
from rewards.math.values import is_real, mp, real

FARTHEST_ROUNDING = 0.05  # of a value
ROUNDED_DIGITS = 3  # significant digits a decimal reference needs to be met by rounding
EXTRA_DIGITS = 2  # decimals a decimal has to add for its rounding to count
EXACT_DIGITS = 10  # significant digits a decimal needs to stand for an exact reference


def number(prediction: Node, reference: Node) -> bool | None:
    """Literals, as exact rationals: `0.50` = `.5`; `800001` /= `800000`; `3.1416` = `3.14`."""
    if not (isinstance(prediction, Number) and isinstance(reference, Number)):
        return None
    return prediction.value == reference.value or _rounds_to(prediction, reference)


def _rounds_to(prediction: Number, reference: Number) -> bool:
    """A decimal reference is met by a longer decimal that rounds to it."""
    if reference.decimals is None or reference.digits < ROUNDED_DIGITS:
        return False
    if prediction.decimals is None or prediction.decimals < reference.decimals + EXTRA_DIGITS:
        return False
    return bool(abs(prediction.value - reference.value) * 2 * 10**reference.decimals <= 1)


def decimal(prediction: Node, reference: Node) -> bool | None:
    """A decimal reference is met by rounding: `\\pi` = `3.14`, `2/3` = `0.667`; `0.54` /= `0.5`.

    An exact reference is met by a decimal of ten digits or more: `0.3333333333` = `1/3`, but
    `0.333` /= `1/3`.
    """
    gold, mine = _decimal_of(reference), _decimal_of(prediction)
    if gold is not None and mine is None and gold[2] >= ROUNDED_DIGITS:
        value = value_of(prediction)
        if value is not None and not isinstance(prediction, Number):
            return _within(value, gold)
    if mine is not None and gold is None and mine[2] >= EXACT_DIGITS:
        value = value_of(reference)
        if value is not None and not isinstance(reference, Number):
            return _within(value, mine)
    return None


def meets_decimal(value: Any, reference: Node, *, digits: int = ROUNDED_DIGITS) -> bool:
    """Whether a value rounds to a decimal reference of so many significant digits."""
    gold = _decimal_of(reference)
    return gold is not None and gold[2] >= digits and _within(value, gold)


def _decimal_of(node: Node) -> tuple[Fraction, int, int] | None:
    """Value, decimals and significant digits of a decimal literal."""
    if isinstance(node, Call) and node.name == "neg":
        found = _decimal_of(node.arguments[0])
        return None if found is None else (-found[0], found[1], found[2])
    if isinstance(node, Number) and node.decimals is not None:
        return node.value, node.decimals, node.digits
    return None


def _within(value: Any, written: tuple[Fraction, int, int]) -> bool:
    if not is_real(value):
        return False
    number, decimals, _ = written
    distance = abs(mp.mpmathify(real(value)) - mp.mpmathify(number))
    return bool(distance * 2 * 10**decimals <= 1)


def are_far(value: Node, rounded: Node) -> bool:
    """Whether one of two numbers is no rounding of the other: `5 \\approx 6`."""
    left, right = value_of(value), value_of(rounded)
    if left is None or right is None or not (is_real(left) and is_real(right)):
        return False
    whole = isinstance(left, Fraction) and isinstance(right, Fraction) and left.denominator == 1
    if whole and left != right:
        return bool(right % 10)
    return bool(abs(real(left) - real(right)) > FARTHEST_ROUNDING * abs(real(left)))
