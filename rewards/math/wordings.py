r"""Words around a value in the usual order: `noon`, `increase of 5\%`, `41, obviously`.

Guarantees: linear in the text's length; no word that says something is lost.
"""

import re
from fractions import Fraction

from rewards.math.nodes import Number

_TEXT = r"(?:\\(?:text|mathrm|textbf)\s*\{\s*)?"
_NOON = re.compile(rf"(?:12(?::00)?\s*)?{_TEXT}(noon|midnight)\s*\}}?", re.IGNORECASE)
_REMARK = re.compile(
    rf"\s*,\s*{_TEXT}(?:respectively|obviously|clearly|evidently|indeed|exactly|certainly|surely"
    r"|definitely|of course|as (?:required|desired|expected|needed|shown))\s*\}?$",
    re.IGNORECASE,
)
_CHANGE = re.compile(
    rf"{_TEXT}(?:an?\s+)?(profit|gain|loss|increase[sd]?|rise|growth|decrease[sd]?|drop|decline"
    r"|reduction|fall)\s+(?:of|by)(?:\s*\}\s*|\s+)(?=\S{0,8}\d)(\S.*)",
    re.IGNORECASE,
)
_MIXED = re.compile(
    r"(-?\d{1,15})\s*(?:and|\\text\s*\{\s*and\s*\})\s*"
    r"(?:(\d{1,9})/(\d{1,9})|\\[dt]?frac\s*\{(\d{1,9})\}\s*\{(\d{1,9})\})"
)


def usual_wording(cleaned: str) -> str:
    """A text that `clean` gave, with its words where they usually stand."""
    if (hour := _NOON.fullmatch(cleaned)) is not None:
        return f"12:00 {'pm' if hour[1].lower() == 'noon' else 'am'}"
    if "," in cleaned:
        cleaned = _REMARK.sub("", cleaned)
    if (change := _CHANGE.fullmatch(cleaned)) is not None:
        return f"{change[2]} \\text{{ {change[1]}}}"
    return cleaned


def mixed(cleaned: str) -> Number | None:
    """`2 and 1/2` as one number; it may also be two."""
    found = _MIXED.fullmatch(cleaned)
    if found is None:
        return None
    whole, *parts = found.groups()
    above, below = (int(part) for part in parts if part)
    if not 0 < above < below:
        return None
    part = Fraction(above, below)
    return Number(int(whole) - part if whole[0] == "-" else int(whole) + part, None, len(whole))
