"""Literals as they are written: numbers, whole numbers, proper fractions."""

from fractions import Fraction
from functools import lru_cache

from rewards.math.nodes import Call, Node, Number
from rewards.math.tokens import NotMathError

EXPONENT_LIMIT = 400  # of a literal like 3e8


def is_whole(node: Node) -> bool:
    """Whether a node is a whole number without a point."""
    return isinstance(node, Number) and node.value.denominator == 1 and node.decimals is None


@lru_cache(maxsize=1024)
def literal(text: str) -> Number:
    """The number that digits, a point and an exponent write.

    Raises:
        NotMathError: The exponent is huge.
    """
    mantissa, _, exponent = text.lower().partition("e")
    if exponent and abs(int(exponent)) > EXPONENT_LIMIT:
        raise NotMathError("a literal with a huge exponent")
    whole, point, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    decimals = len(fraction) if point and fraction and not exponent else None
    value = Fraction(int((whole + fraction) or "0"), 10 ** len(fraction))
    if exponent:
        value *= Fraction(10) ** int(exponent)
    return Number(value, decimals, len(digits))


def is_proper_fraction(node: Node) -> bool:
    """Whether a node is a fraction of whole numbers between 0 and 1."""
    if not isinstance(node, Call) or node.name != "div":
        return False
    above, below = node.arguments
    return (
        isinstance(above, Number)
        and isinstance(below, Number)
        and above.decimals is None
        and below.decimals is None
        and 0 < above.value < below.value
    )
