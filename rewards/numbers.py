"""Numbers of other libraries as Python's own, for references that come out of tables.

Guarantee: no library is imported. A value that is no number, and holds none, is given back as it
is.
"""

import numbers
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

SHORT: Final = 64  # items of a list that `of_reference` looks at
LONGEST: Final = 400  # digits for which a decimal is written out
_OWN: Final = frozenset({str, int, float, bool, type(None), dict, bytes})


def of_reference(value: Any) -> Any:
    """A sample's reference: a number, or a short list of them; a deeper value is left as it is."""
    kind = type(value)
    if kind in _OWN:
        return value
    if kind in (list, tuple):
        if len(value) > SHORT or all(type(item) in _OWN for item in value):
            return value
        return kind(map(own, value))
    return own(value)


def deeply(value: Any) -> Any:
    """A JSON-like value, with every number in it Python's own."""
    if isinstance(value, Mapping):
        return {key: deeply(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [deeply(item) for item in value]
    return own(value)


def own(value: Any) -> Any:
    """One value: a NumPy or Arrow scalar, a decimal, a fraction, or a NumPy array.

    A decimal and a fraction become text, as no float holds them; a narrow float becomes the float
    that is written like it, so that 0.1 stays 0.1.
    """
    if type(value) in _OWN:
        return value
    if isinstance(value, numbers.Number):
        return _number(value)
    if hasattr(value, "as_py"):  # Arrow's
        return deeply(value.as_py())
    if hasattr(value, "tolist") and hasattr(value, "ndim"):  # NumPy's
        return own(value.item()) if value.ndim == 0 else [own(item) for item in value]
    return str(value) if isinstance(value, str) else value


def _number(value: Any) -> Any:
    if isinstance(value, Decimal):
        return _decimal(value)
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, Fraction):
        return str(value)
    return float(str(value)) if isinstance(value, numbers.Real) else value


def _decimal(value: Decimal) -> Any:
    """Its digits, without an exponent where that is short."""
    if not value.is_finite():
        return float(value)
    exponent = value.as_tuple().exponent
    is_short = isinstance(exponent, int) and abs(exponent) <= LONGEST
    return f"{value:f}" if is_short else str(value)
