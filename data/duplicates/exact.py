"""Rows whose texts are equal: one of each is kept, or none where their references contradict.

Guarantees: a set of equal rows in which two references are not the same answer is a conflict as a
whole: which is right is not known. A row with a reference goes before one without, else the first.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from data.duplicates.exercise import Same
from data.duplicates.signatures import MATH, UNCOMPARED

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

    from data.duplicates.gathered import Gathered

SHOWN: Final = 4
"""References of a conflict that its detail shows."""
_LETTERS: Final = 60


def groups_of(gathered: "Gathered") -> "list[NDArray[numpy.int64]]":
    """The sets of two or more rows whose text and context are equal, each in order."""
    import numpy as np

    rows = np.flatnonzero(gathered.has_text)
    first, second = gathered.exact[0][rows], gathered.exact[1][rows]
    order = np.lexsort((rows, second, first))
    first, second, rows = first[order], second[order], rows[order]
    is_new = np.ones(len(rows), bool)
    is_new[1:] = (first[1:] != first[:-1]) | (second[1:] != second[:-1])
    starts = np.flatnonzero(is_new)
    sizes = np.diff(np.r_[starts, len(rows)])
    many = sizes > 1
    found = [rows[at : at + size] for at, size in zip(starts[many], sizes[many], strict=True)]
    return sorted(found, key=lambda group: int(group[0]))


def keeper_of(gathered: "Gathered", group: Sequence[int]) -> int:
    """The row that is kept of duplicates."""
    return min(group, key=lambda row: (gathered.compared[row] == UNCOMPARED, row))


def conflict_of(gathered: "Gathered", group: Sequence[int], same: Same) -> str | None:
    """The references that contradict each other, in words; None: there are none such."""
    compared = [int(row) for row in group if gathered.compared[row] != UNCOMPARED]
    if len(compared) < 2:
        return None
    references = gathered.references(compared)
    distinct = list(dict.fromkeys(references[row] for row in compared))
    is_math = gathered.compared[compared[0]] == MATH
    others: list[str] = []
    for one in distinct[1:]:
        if not (is_math and same(one, distinct[0])):
            others.append(one)
            if len(others) >= SHOWN:
                break
    if not others:
        return None
    shown = [one[:_LETTERS] for one in [distinct[0], *others]]
    return " ≠ ".join(shown[:SHOWN]) + (" ≠ ..." if len(shown) > SHOWN else "")
