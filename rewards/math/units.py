r"""Units of measure and money: what the words behind a value name, and how units convert.

    unit   := factor (('*' | '/' | 'per' | ' ') factor)*
    factor := ['square' | 'cubic'] name ['squared' | 'cubed' | '^' integer] | '(' unit ')'

Guarantees: linear in the text's length. In a plain phrase a word that is no unit is a noun
(`apples`), about which nothing is claimed; in a compound (`words per minute`) it is a unit of its
own.
"""

import re
from functools import lru_cache

from rewards.math.unit_table import UNITS, Dimension, Unit

LONGEST = 200  # characters of a unit
NESTED = 8  # brackets inside one another
POWER_LIMIT = 9  # of a unit's exponent
_BEFORE = {"square": 2, "sq": 2, "cubic": 3, "cu": 3, "quadrati": 2, "quadrato": 2, "cubi": 3,
           "квадратных": 2, "кв": 2, "кубических": 3, "куб": 3}  # fmt: skip
_AFTER = {"squared": 2, "cubed": 3, "quadrati": 2, "quadrato": 2, "quadri": 2, "cubi": 3, "cubo": 3}
_PER = frozenset(("per", "/", "в", "al", "alla", "all", "每"))
_EACH = frozenset(("a", "an", "each", "every", "in"))
_PIECE = re.compile(r"\^\(?[-+]?\d+\)?|[^\W\d_]+(?:'[^\W\d_]+)?|[%‰$¢€£¥₽₹₩₪°]|[*/()]")
_CHINESE = re.compile("[\u4e00-\u9fff]+")
_CHINESE_POWERS = {"平方": 2, "立方": 3}
_NAMES = {"fl oz": "floz", "fluid ounces": "floz", "fluid ounce": "floz", "per cent": "percent",
          "per mille": "permille", "per mil": "permille", "basis points": "bp",
          "basis point": "bp", "percentage points": "percent", "percentage point": "percent",
          "light years": "lightyears", "light year": "lightyear", "nautical miles": "nmi",
          "nautical mile": "nmi", "us dollars": "dollars", "us dollar": "dollar",
          "u.s. dollars": "dollars", "parts per million": "ppm", "parts per billion": "ppb",
          "degrees celsius": "degC", "degree celsius": "degC", "deg celsius": "degC",
          "deg c": "degC", "degrees c": "degC", "° c": "degC", "degrees fahrenheit": "degF",
          "degree fahrenheit": "degF", "deg fahrenheit": "degF", "deg f": "degF",
          "degrees f": "degF", "° f": "degF", "degrees kelvin": "degK", "deg k": "degK",
          "градусов цельсия": "degC", "miles an hour": "mph", "us cents": "cents",
          "pounds sterling": "sterling", "euro cents": "eurocents"}  # fmt: skip
_SPELT = re.compile(
    r"(?<![^\W\d_])(?:" + "|".join(sorted(map(re.escape, _NAMES), key=len, reverse=True))
    + r")(?![^\W\d_])",
    re.IGNORECASE,
)  # fmt: skip
_NO_UNIT = frozenset(("unit", "units"))

Factor = tuple[Unit, ...]
"""What one name may mean."""


class NoUnitError(Exception):
    """The words are no unit."""


def named(word: str) -> tuple[Unit, ...]:
    """The units that one word may name; capitals matter only where they tell units apart."""
    for form in (word, word.lower(), word.removesuffix("."), word.lower().removesuffix("s"),
                 word.lower().removesuffix("es")):  # fmt: skip
        if (found := UNITS.get(form)) is not None:
            return found
    return ()


def pieces(text: str) -> list[str]:
    """Words, signs and exponents of a unit's text; names of two words become one."""
    short = _SPELT.sub(lambda found: f" {_NAMES[found.group().lower()]} ", text[:LONGEST])
    found: list[str] = []
    for piece in _PIECE.findall(short):
        if _CHINESE.fullmatch(piece) is None:
            found.append("deg" if piece == "°" else piece)
        else:
            found += _chinese(piece)
    return found


def _chinese(run: str) -> list[str]:
    """`平方千米` is a power word and a unit; what is left over is a noun."""
    found: list[str] = []
    while run:
        power = next((word for word in _CHINESE_POWERS if run.startswith(word)), None)
        size = next((n for n in range(min(4, len(run)), 0, -1) if run[:n] in UNITS), None)
        if power is not None:
            found.append("square" if _CHINESE_POWERS[power] == 2 else "cubic")
            run = run[len(power) :]
        elif size is not None:
            found.append(run[:size])
            run = run[size:]
        elif run[0] == "每":
            found.append("/")
            run = run[1:]
        else:
            found.append(run)
            break
    return found


@lru_cache(maxsize=4096)
def units_of(words: tuple[str, ...]) -> tuple[Unit, ...]:
    """The units that all of the words together may name; none where they name no unit.

    `J/mol*K` is read both ways, with K above and below.
    """
    found: dict[Unit, None] = {}
    for sticky in (False, True):
        try:
            reader = _Reader(words, sticky=sticky)
            found |= dict.fromkeys(reader.all())
        except NoUnitError:
            break
    return tuple(found)


def is_compound(words: tuple[str, ...]) -> bool:
    """Whether something is measured per something else."""
    return any(word.lower() in _PER for word in words[1:])


class _Reader:
    def __init__(self, words: tuple[str, ...], *, sticky: bool) -> None:
        self._words = words
        self._at = 0
        self._sticky = sticky
        self._depth = 0
        self._nouns = is_compound(words)

    def all(self) -> list[Unit]:
        """The units that the words name, when all of them are read."""
        found = self._unit()
        if self._at < len(self._words):
            raise NoUnitError
        return found

    def _now(self) -> str:
        return self._words[self._at].lower() if self._at < len(self._words) else ""

    def _unit(self) -> list[Unit]:
        units, sign = self._factor(), 1
        while (now := self._now()) and now != ")":
            if now in {"*", "·"}:
                self._at += 1
                sign = sign if self._sticky else 1
            elif now in _PER or (now in _EACH and self._nouns_follow()):
                self._at += 1
                sign = -1
            elif not self._sticky:
                sign = 1
            factor = self._factor()
            units = [_product(a, b, sign) for a in units for b in factor][:8]
        return units

    def _nouns_follow(self) -> bool:
        after = self._words[self._at + 1 : self._at + 2]
        return bool(after) and bool(named(after[0]))

    def _factor(self) -> list[Unit]:
        if self._now() == "(" and self._depth < NESTED:
            self._at += 1
            self._depth += 1
            units = self._unit()
            self._depth -= 1
            if self._now() != ")":
                raise NoUnitError
            self._at += 1
            return [_raised(unit, self._exponent(1)) for unit in units]
        power = 1
        if self._now() in _BEFORE:
            power = _BEFORE[self._now()]
            self._at += 1
        units = self._name()
        power = self._exponent(power)
        return [_raised(unit, power) for unit in units]

    def _name(self) -> list[Unit]:
        word = self._words[self._at] if self._at < len(self._words) else ""
        if not word or not (word[0].isalpha() or word in UNITS):
            raise NoUnitError
        units = named(word)
        if not units:
            if not self._nouns or word.lower() in _NO_UNIT:
                raise NoUnitError
            stem = word.lower().removesuffix("s")
            units = (Unit(((f"noun {stem}", 1),)),)
        self._at += 1
        return list(units)

    def _exponent(self, power: int) -> int:
        now = self._now()
        if now in _AFTER:
            self._at += 1
            return power * _AFTER[now]
        if now.startswith("^"):
            self._at += 1
            written = int(now.strip("^()")[:4])
            if abs(written) > POWER_LIMIT:
                raise NoUnitError
            return power * written
        return power


def _raised(unit: Unit, power: int) -> Unit:
    if power == 1:
        return unit
    dimension = tuple((name, old * power) for name, old in unit.dimension if power)
    return Unit(dimension, unit.factor**power)


def _product(a: Unit, b: Unit, sign: int) -> Unit:
    powers: dict[str, int] = dict(a.dimension)
    for name, power in b.dimension:
        powers[name] = powers.get(name, 0) + sign * power
    dimension: Dimension = tuple(sorted((name, power) for name, power in powers.items() if power))
    return Unit(dimension, a.factor * b.factor**sign)
