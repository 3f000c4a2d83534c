r"""Whether irrational operands come down to something shorter: `\pi+\pi`, `\sqrt2\cdot\sqrt8`.

Guarantees: values of 60 digits decide; only a sum whose terms are rational multiples of each other,
and an operation on irrational operands whose value is rational, are reducible.
"""

from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations
from typing import Any

from rewards.math.identities import value_of
from rewards.math.nodes import Call, Node
from rewards.math.values import NoValueError, divided, mp, same_value

OPERANDS_LIMIT = 12  # of one sum or product
LARGEST = 10**15  # of a value that is looked at
_DENOMINATOR = 10**6
_DIGITS = 10**50


def is_reducible(node: Call, operands: Sequence[Node]) -> bool:
    """Whether a sum, product or quotient of `operands` can be written shorter."""
    values = [value_of(operand) for operand in operands[:OPERANDS_LIMIT]]
    irrational = [value for value in values if value is not None
                  and not isinstance(value, Fraction) and value != 0]  # fmt: skip
    if len(irrational) < 2:
        return False
    alike = node.name not in {"mul", "div"} and any(
        _is_rational(_quotient(a, b)) for a, b in combinations(irrational, 2)
    )
    return alike or _is_rational(value_of(node))


def _quotient(a: Any, b: Any) -> Any:
    try:
        return divided(a, b)
    except NoValueError:
        return None


def _is_rational(value: Any) -> bool:
    """Whether a value is a fraction with a small denominator, to the digits that are known."""
    if value is None or isinstance(value, Fraction):
        return value is not None
    if not abs(value) < LARGEST:
        return False
    near = Fraction(int(mp.floor(mp.re(value) * _DIGITS)), _DIGITS).limit_denominator(_DENOMINATOR)
    return same_value(value, near)
