"""Whether two values with units are the same amount: `36 km/h` = `10 m/s`, `180°` = `\\pi` rad.

Guarantees: units of one dimension convert exactly.
"""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from rewards.math.identities import value_of
from rewards.math.nodes import Node
from rewards.math.numbers import meets_decimal
from rewards.math.unit_table import Unit, dimension_of
from rewards.math.values import mp, same_value

Same = Callable[[Node, Node], bool]
ANGLE, RADIAN, HEAT = map(dimension_of, ("angle", "radian", "temperature"))


def same_angle(degrees: Node, radians: Node) -> bool:
    """Whether an angle is the same in degrees and in radians."""
    left, right = value_of(degrees), value_of(radians)
    if left is None or right is None:
        return False
    return same_value(mp.mpmathify(left) * mp.pi / 180, right)


def same_amount(value: Node, unit: Unit, gold: Node, gold_unit: Unit, same: Same) -> bool:
    """Whether two amounts with units are the same; `same` compares values of one unit."""
    if unit == gold_unit:
        return same(value, gold)
    dimensions = {unit.dimension, gold_unit.dimension}
    if dimensions == {ANGLE, HEAT}:  # `25 degrees` of a temperature
        return Unit(ANGLE) in {unit, gold_unit} and same(value, gold)
    if dimensions == {ANGLE, RADIAN} and Unit(RADIAN) in {unit, gold_unit}:
        degrees, radians = (value, gold) if unit.dimension == ANGLE else (gold, value)
        return same_angle(degrees, radians)
    if len(dimensions) > 1:
        return False
    amount, wanted = value_of(value), value_of(gold)
    if amount is None or wanted is None:
        return unit.factor == gold_unit.factor and same(value, gold)
    converted = _divided(_plus(_by(amount, unit.factor), unit.offset - gold_unit.offset),
                         gold_unit.factor)  # fmt: skip
    return same_value(converted, wanted) or meets_decimal(converted, gold)


def _by(value: Any, factor: Fraction) -> Any:
    return value * factor if isinstance(value, Fraction) else value * mp.mpmathify(factor)


def _plus(value: Any, offset: Fraction) -> Any:
    return value + offset if isinstance(value, Fraction) else value + mp.mpmathify(offset)


def _divided(value: Any, factor: Fraction) -> Any:
    return _by(value, 1 / factor)
