"""Whether two similar rows are one exercise, or two of one kind."""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from data.duplicates.signatures import MATH, UNCOMPARED, numbers_of

if TYPE_CHECKING:
    from data.duplicates.gathered import Gathered

Same = Callable[[str, str], bool]
_INTEGER: Final = re.compile(r"-?[0-9]{1,18}")


def is_one_exercise(
    gathered: "Gathered",
    first: int,
    second: int,
    texts: Mapping[int, str],
    references: Mapping[int, str],
    same: Same,
) -> bool:
    """Whether formulas and answers are the same, and the numbers of one row among the other's.

    Args:
        gathered: the rows.
        first, second: two of them.
        texts, references: of at least these two.
        same: compares two answers of mathematics.
    """
    if gathered.formulas[first] != gathered.formulas[second]:
        return False
    if gathered.numbers[first] != gathered.numbers[second]:
        ours, theirs = Counter(numbers_of(texts[first])), Counter(numbers_of(texts[second]))
        if not (ours <= theirs or theirs <= ours):
            return False
    kinds = {int(gathered.compared[row]) for row in (first, second)}
    if UNCOMPARED in kinds or references[first] == references[second]:
        return True
    return kinds == {MATH} and same(references[first], references[second])


@lru_cache(maxsize=1 << 16)
def math_same(first: str, second: str) -> bool:
    """Whether two answers are the same by `math_equal`."""
    from rewards.math import math_equal

    if _INTEGER.fullmatch(first) and _INTEGER.fullmatch(second):
        return int(first) == int(second)
    return math_equal(first, second)
