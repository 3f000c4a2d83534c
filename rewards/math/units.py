"""Units of measure and money: which words mean the same unit, and how units convert.

Guarantees: a unit that is not known here is a noun (`apples`), about which nothing is claimed.
"""

import re
from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class Unit:
    """A dimension with a power, and the factor to the dimension's own unit."""

    dimension: str
    factor: Fraction
    power: int


_TABLE = {
    "length": {
        "mm millimeter millimetre": "1/1000", "cm centimeter centimetre": "1/100",
        "dm decimeter decimetre": "1/10", "m meter metre": "1", "km kilometer kilometre": "1000",
        "in inch inches": "127/5000", "ft foot feet": "381/1250", "yd yard": "1143/1250",
        "mi mile": "201168/125",
    },
    "mass": {
        "mg milligram": "1/1000000", "g gram": "1/1000", "kg kilogram kilo": "1",
        "lb lbs pound": "45359237/100000000", "oz ounce": "45359237/1600000000",
    },
    "time": {
        "ms millisecond": "1/1000", "s sec second": "1", "min minute": "60",
        "h hr hour": "3600", "day": "86400", "week": "604800",
    },
    "volume": {
        "ml milliliter millilitre cc": "1/1000", "l liter litre": "1",
        "gallon gal": "473176473/125000000", "quart qt": "473176473/500000000",
    },
    "area": {"acre": "1", "hectare": "2"},
    "money": {"$ dollar usd buck": "1", "cent ¢": "1/100"},
    "angle": {"deg degree": "1"},
    "radian": {"rad radian": "1"},
    "percent": {"% percent pct percentage": "1"},
}  # fmt: skip
_UNITS = {
    name: (dimension, Fraction(factor))
    for dimension, units in _TABLE.items()
    for names, factor in units.items()
    for name in names.split()
}
_POWERS = {"square": 2, "sq": 2, "squared": 2, "cubic": 3, "cubed": 3, "cu": 3}
_WORD = re.compile(r"[^\W\d_]+|[%$¢]")


def find_unit(text: str, power: int = 1) -> Unit | None:
    """The unit that the words name; None for a noun."""
    words = _WORD.findall(text)
    if "/" in text or "per" in (word.lower() for word in words):
        return None
    rest = []
    for word in words:
        lowered = word.lower()
        if lowered in _POWERS:
            power *= _POWERS[lowered]
        else:
            rest.append(lowered)
    known = [found for name in rest if (found := _UNITS.get(name) or _UNITS.get(name.rstrip("s")))]
    if len(known) != 1:
        return None
    dimension, factor = known[0]
    return Unit(dimension, factor**power, power)
