"""Numbers in words: magnitudes that multiply, parts that divide, and numbers that are spelt out.

Magnitudes are known in English, Chinese, Russian and Italian; numbers are spelt in English and
Chinese. Guarantees: exact; linear in the number of words, of which only a few are read.
"""

import re
from collections.abc import Sequence
from fractions import Fraction

from rewards.math.unit_table import UNITS
from rewards.math.vocabulary import NUMBER_WORDS

TEXT_LIMIT = 400  # characters of a number that is spelt out, and of what stands behind it
WORD_LIMIT = 20  # words of a number that is spelt out
_POWERS_OF_TEN = {
    0: "ones units-digit",
    1: "tens десяток десятка десятков decina decine 十",
    2: "hundred hundreds сто сотня сотни сотен cento centinaio centinaia 百",
    3: "thousand thousands тыс тысяча тысячи тысяч mille mila migliaio migliaia 千",
    4: "myriad 万 萬",
    5: "lakh lakhs lac lacs 十万",
    6: "million millions mln mio млн миллион миллиона миллионов milione milioni 百万",
    7: "crore crores 千万",
    8: "亿 億",
    9: "billion billions bn bln млрд миллиард миллиарда миллиардов miliardo miliardi",
    12: "trillion trillions tn trn трлн триллион триллиона триллионов bilione bilioni 兆 万亿",
    15: "quadrillion quadrillions квадриллион biliardo",
    18: "quintillion quintillions",
    21: "sextillion sextillions",
    100: "googol googols",
}
_OTHER = {12: "dozen dozens дюжина дюжины дюжин dozzina dozzine 打", 144: "gross", 20: "score"}
_PARTS = {
    2: "half halves halfs половина половины mezzo mezzi",
    3: "third thirds треть трети третей terzo terzi",
    4: "quarter quarters fourth fourths четверть четверти четвертей quarto quarti",
    5: "fifth fifths пятая пятых quinto quinti",
    6: "sixth sixths шестая шестых sesto sesti",
    7: "seventh sevenths седьмая седьмых settimo settimi",
    8: "eighth eighths восьмая восьмых ottavo ottavi",
    9: "ninth ninths девятая девятых nono noni",
    10: "tenth tenths десятая десятых decimo decimi",
    11: "eleventh elevenths",
    12: "twelfth twelfths",
    16: "sixteenth sixteenths",
    20: "twentieth twentieths",
    100: "hundredth hundredths сотая сотых centesimo-di",
    1_000: "thousandth thousandths тысячная тысячных millesimo millesimi",
    1_000_000: "millionth millionths миллионная миллионных milionesimo milionesimi",
    1_000_000_000: "billionth billionths",
}
MAGNITUDES: dict[str, Fraction] = {
    word: Fraction(factor)
    for factor, words in [*((10**n, words) for n, words in _POWERS_OF_TEN.items()), *_OTHER.items()]
    for word in words.split()
}
PARTS = {word: Fraction(1, parts) for parts, words in _PARTS.items() for word in words.split()}
_ORDINALS = frozenset(
    ("third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh",
     "twelfth", "sixteenth", "twentieth", "hundredth", "thousandth", "millionth")
)  # fmt: skip
_NUMBERED = frozenset(
    ("grade", "grades", "grader", "graders", "former", "formers", "floor", "floors", "place",
     "places", "power", "powers", "root", "roots", "term", "terms", "derivative", "derivatives",
     "harmonic", "harmonics", "note", "notes", "cousin", "cousins", "century", "centuries",
     "generation", "generations", "birthday", "birthdays")
)  # fmt: skip
"""What an ordinal is part of the name of: `12 fifth graders` are twelve, `3 fifth apples` 3/5."""
_HALVES_BY_NAME = frozenset(
    ("life", "lives", "line", "lines", "plane", "planes", "space", "spaces", "brother", "brothers",
     "sister", "sisters", "sibling", "siblings", "note", "notes", "cell", "cells", "integer",
     "integers")
)  # fmt: skip
"""What is half of nothing: `3 half-lives` are three."""
_TENS = dict(
    zip(["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"],
        range(20, 100, 10), strict=True)
)  # fmt: skip
_DIGITS = NUMBER_WORDS | _TENS
_SPOKEN = {"hundred": 100, "thousand": 1_000, "million": 10**6, "billion": 10**9,
           "trillion": 10**12, "quadrillion": 10**15, "dozen": 12}  # fmt: skip
_SIGNS = {"negative": -1, "minus": -1, "positive": 1, "plus": 1, "минус": -1, "meno": -1,
          "负": -1}  # fmt: skip
_CHINESE = {word: number for number, word in enumerate("零一二三四五六七八九")} | {"两": 2, "〇": 0}
_CHINESE_SMALL = {"十": 10, "百": 100, "千": 1_000}
_CHINESE_LARGE = {"万": 10**4, "亿": 10**8}
_CHINESE_NUMBER = re.compile("[负零一二三四五六七八九两〇十百千万亿]{1,20}")
_WORD = re.compile(r"[^\W\d_]+")


def scale(words: Sequence[str]) -> tuple[Fraction, int]:
    """What the words at the front multiply a value by, and how many words these are.

    `hundred thousand` multiplies twice; `万元` is cut by the caller.
    """
    factor, count = Fraction(1), 0
    for i, word in enumerate(words[:WORD_LIMIT]):
        lowered = "thousand" if word == "k" else word.lower().removesuffix(".")  # K is the kelvin
        if _is_name(lowered, words[i + 1 : i + 4]):
            break
        if lowered in {"of", "di"} and count:
            count += 1
            continue
        found = MAGNITUDES.get(lowered) or PARTS.get(lowered)
        if found is None:
            break
        factor *= found
        count += 1
    return factor, count


def _is_name(word: str, following: Sequence[str]) -> bool:
    """Whether a part belongs to a noun: `fifth graders`, `half-lives`; not `fifth of a mile`."""
    if not following:
        return False
    if word == "half":
        return following[0].lower() in _HALVES_BY_NAME
    if word not in _ORDINALS or following[0].lower() not in _NUMBERED:
        return False
    return any(noun.lower().endswith("s") for noun in following)


def chinese_scale(run: str) -> tuple[Fraction, str]:
    """What the characters at the front of `万元` multiply by, and what is left.

    The name of a unit stays whole: `千米` is the kilometre, and no thousand metres.
    """
    factor = Fraction(1)
    while not any(run[:n] in UNITS for n in range(2, 5)):
        size = next((n for n in (2, 1) if run[:n] in MAGNITUDES), None)
        if size is None:
            break
        factor *= MAGNITUDES[run[:size]]
        run = run[size:]
    return factor, run


def spelt(text: str) -> tuple[Fraction, str] | None:
    """A number in words and what stands behind it: `twenty-five apples` is 25 and `apples`."""
    if len(text) > TEXT_LIMIT or "?" in text:
        return None
    words = _WORD.findall(text)
    if len(words) == 1 and _CHINESE_NUMBER.fullmatch(words[0]):
        value = _chinese(words[0])
        return None if value is None else (value, "")
    sign = 1
    if words and words[0].lower() in _SIGNS and len(words) > 1:
        sign = _SIGNS[words.pop(0).lower()]
    value, used = _english([word.lower() for word in words[:WORD_LIMIT]])
    if not used:
        return None
    return sign * value, " ".join(words[used:])


def _english(words: list[str]) -> tuple[Fraction, int]:
    """The number at the front, and how many words it takes; none if it is none."""
    total, group, used = Fraction(0), Fraction(0), 0
    started = False
    for i, word in enumerate(words):
        if word in {"a", "an"} and not started and i + 1 < len(words) and (
            words[i + 1] in _SPOKEN or words[i + 1] in PARTS
        ):  # fmt: skip
            group, started, used = Fraction(1), True, i + 1
        elif word in _DIGITS:
            if started and not _continues(int(group), _DIGITS[word]):
                break
            group, started, used = group + _DIGITS[word], True, i + 1
        elif word == "hundred" and started:
            group, used = group * 100, i + 1
        elif word in _SPOKEN and started:
            total, group, used = total + group * _SPOKEN[word], Fraction(0), i + 1
        elif word in PARTS and started and not _is_name(word, words[i + 1 : i + 4]):
            return (total + group) * PARTS[word], i + 1
        elif word == "half" and not started:
            return Fraction(1, 2), i + 1
        elif word == "and" and started and (part := _fraction(words[i + 1 : i + 3])) is not None:
            return total + group + part, min(len(words), i + 3)
        elif not (word == "and" and started and i + 1 < len(words) and words[i + 1] in _DIGITS
                  and (group >= 100 or (total and not group))):  # fmt: skip
            break
    return total + group, used


def _continues(group: int, digit: int) -> bool:
    """Whether `twenty` may be followed by `five`, and `hundred` by `twenty`."""
    if group % 100 == 0:
        return True
    return group % 10 == 0 and group % 100 >= 20 and 0 < digit < 10


def _fraction(words: list[str]) -> Fraction | None:
    """`a half`, `two thirds` behind `and`."""
    if len(words) < 2 or words[1] not in PARTS:
        return None
    count = 1 if words[0] in {"a", "an"} else _DIGITS.get(words[0])
    return None if count is None else count * PARTS[words[1]]


def _chinese(run: str) -> Fraction | None:
    """`三百二十` is 320, `五百万` is 5,000,000; None where the digits make no sense."""
    sign = -1 if run[0] == "负" else 1
    total = section = digit = 0
    for mark in run.removeprefix("负"):
        if mark in _CHINESE:
            digit = digit * 10 + _CHINESE[mark]
        elif mark in _CHINESE_SMALL:
            section += (digit or 1) * _CHINESE_SMALL[mark]
            digit = 0
        elif mark in _CHINESE_LARGE:
            large = _CHINESE_LARGE[mark]
            total = (total + (section + digit or 1)) * large if total < large else (
                total + (section + digit) * large)  # fmt: skip
            section = digit = 0
        else:
            return None
    return Fraction(sign * (total + section + digit))
