"""Rules for expressions: whether two are the same everywhere, and two equations the same lines.

Identity testing after Schwartz (1980) and Zippel (1979): expressions that agree at several points,
which depend on the variables' names alone, are taken to be the same.
"""

from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache
from typing import Any

from rewards.math.nodes import Node, Relation
from rewards.math.values import (
    NoValueError,
    Point,
    divided,
    evaluate,
    has_symbols,
    mp,
    real,
    same_value,
)

TRIALS = 5  # points at which expressions with variables are compared


@lru_cache(maxsize=256)  # answers of a group share their reference
def value_of(node: Node) -> Any:
    """The value of an expression without variables, else None."""
    if has_symbols(node):
        return None
    try:
        return evaluate(node, Point(0))
    except NoValueError:
        return None


def expression(prediction: Node, reference: Node) -> bool | None:
    """The same value everywhere: `6+9c` = `9c+6`, `\\sqrt{12}` = `2\\sqrt3`; `|x|` /= `x`.

    Numbers are compared exactly or to 40 digits; expressions with variables at points that depend
    on the variables' names (identity testing after Schwartz and Zippel).
    """
    if not (has_symbols(prediction) or has_symbols(reference)):
        left, right = value_of(prediction), value_of(reference)
        return None if left is None or right is None else same_value(left, right)
    trials, same = 0, True
    for outcome in _trials(prediction, reference):
        trials += 1
        same &= outcome
        if trials > 1 and not same:
            return False
    return same if trials > 1 else None


def _trials(prediction: Node, reference: Node) -> Iterator[bool]:
    for trial in range(TRIALS):
        point = Point(trial)
        gold = _at(reference, trial)
        if gold is None:
            continue
        try:
            left, (right, left_reals) = evaluate(prediction, point), gold
        except NoValueError:
            continue
        # At negative points a root may leave the reals: then the principal values may differ.
        if trial % 2 and (point.left_reals or left_reals):
            continue
        yield same_value(left, right)


@lru_cache(maxsize=256)
def _at(reference: Node, trial: int) -> tuple[Any, bool] | None:
    """The value of a reference at a point, and whether it was reached through complex numbers."""
    point = Point(trial)
    try:
        return evaluate(reference, point), point.left_reals
    except NoValueError:
        return None


def proportional(a: Relation, b: Relation, *, signed: bool) -> bool:
    """Whether one difference of the sides is a constant multiple of the other at every point."""
    if not (has_symbols(a.sides[0]) or has_symbols(a.sides[1])):
        return False
    factor = None
    for trial in range(TRIALS):
        try:
            left = _difference(a, Point(trial))
            right = _difference(b, Point(trial))
        except NoValueError:
            continue
        if right == 0 or left == 0:
            return False
        ratio = divided(left, right)
        if factor is not None and not same_value(factor, ratio):
            return False
        factor = ratio
    return factor is not None and not (signed and real(factor) < 0)


def _difference(node: Relation, point: Point) -> Any:
    first, second = (evaluate(side, point) for side in node.sides)
    if isinstance(first, Fraction) and isinstance(second, Fraction):
        return first - second
    return mp.mpmathify(first) - mp.mpmathify(second)
