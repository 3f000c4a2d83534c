"""The cheap path: equal text and exact arithmetic, for the answers that most tasks have.

Guarantees: no rounding and no tolerance; True and False are final, None means that this module
cannot tell. Nothing is evaluated: a number is read by a strict pattern with a bound on its digits.
Integers, decimals and fractions are compared as rationals, so 0.333333 is not 1/3.
"""

import re
from fractions import Fraction

LENGTH_LIMIT = 120  # characters of a number
# What to put for markup that only looks; a row's end and an escaped dollar are kept.
_MARKUP = re.compile(r"\\\\|\\\$|\\[!,;: ]|\\(?:left|right)(?![a-zA-Z])|\{,\}|\$")
_INSTEAD = {r"\\": r"\\", r"\$": r"\$", "{,}": ",", r"\!": ""}
_FRACTION_COMMAND = re.compile(r"\\[dtc]frac(?![a-zA-Z])")
_FULL_STOP = re.compile(r"(?<!\.)\.$")  # but no ellipsis
_SPACE = re.compile(r"\s+")
_DECIMAL = r"(?:\d+(?:\.\d*)?|\.\d+)"
_GROUPED = r"\d{1,3}(?:,\d{3})+(?:\.\d*)?"
_SIGN = r"(?P<sign>[+-]?)\s?"
_NUMBER = re.compile(rf"{_SIGN}(?P<number>{_GROUPED}|{_DECIMAL})", re.ASCII)
_RATIO = re.compile(
    rf"{_SIGN}(?:(?P<a>{_DECIMAL})\s?/\s?(?P<b>{_DECIMAL})"
    rf"|\\frac\s?\{{\s?(?P<c>[+-]?{_DECIMAL})\s?\}}\s?\{{\s?(?P<d>[+-]?{_DECIMAL})\s?\}}"
    r"|\\frac\s?(?P<e>\d)\s?(?P<f>\d))",
    re.ASCII,
)


def normalise(text: str) -> str:
    """`text` without what LaTeX writes for looks only."""
    text = _MARKUP.sub(lambda found: _INSTEAD.get(found.group(), " "), text)
    text = _FRACTION_COMMAND.sub(r"\\frac", text)
    return _FULL_STOP.sub("", _SPACE.sub(" ", text).strip()).rstrip()


def number(text: str) -> Fraction | None:
    """The rational that normalised `text` plainly writes; None if it is anything else."""
    if len(text) > LENGTH_LIMIT:
        return None
    if (plain := _NUMBER.fullmatch(text)) is not None:
        return _signed(plain, Fraction(plain["number"].replace(",", "").rstrip(".")))
    if (ratio := _RATIO.fullmatch(text)) is not None:
        above = Fraction(ratio["a"] or ratio["c"] or ratio["e"])
        below = Fraction(ratio["b"] or ratio["d"] or ratio["f"])
        return _signed(ratio, above / below) if below else None
    return None


def equal(prediction: str, reference: str) -> bool | None:
    """Whether two answers are the same; None if it takes algebra to tell."""
    left, right = normalise(prediction), normalise(reference)
    if left == right:
        return bool(left) or None
    a, b = number(left), number(right)
    if a is None or b is None:
        return None
    if a == b:
        return True
    return None if "," in left or "," in right else False  # "1,234" may be a list


def _signed(match: re.Match[str], value: Fraction) -> Fraction:
    return -value if match["sign"] == "-" else value
