"""Pairs of rows that may be near duplicates, from equal bands of their MinHash signatures.

Guarantees: pairs depend on the rows alone; their number is linear in that of rows, also where a
template has made many rows that share a band. Small buckets give all their pairs. Of large ones
those rows are paired whose numbers are equal, and of many such ones each with its neighbours in the
order of another band, and with the first.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from data.duplicates.shingles import BANDS, PERMUTATIONS, mixed

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

    from data.duplicates.gathered import Gathered

SMALL: Final = 8
"""Rows of a bucket that are all paired, whatever their numbers."""
ALIKE: Final = 16
"""Rows of equal numbers in a bucket that are all paired."""
_NEAR: Final = 4
_DEVIATIONS: Final = 3.5  # a pair at the threshold is missed by its estimate with a chance of 2e-4
_CHUNK: Final = 1 << 16

Pairs = tuple["NDArray[numpy.int64]", "NDArray[numpy.int64]"]


def pairs_of_band(
    gathered: "Gathered", band: int, active: "NDArray[numpy.int64]"
) -> Iterator[Pairs]:
    """The pairs of active rows that one band gives: rows, and later rows; some may come twice."""
    import numpy as np

    keys = gathered.bands[band][active] ^ gathered.context[active].astype(np.uint32)
    order = np.argsort(keys)
    sizes = _sizes(keys[order])
    yield from _within(active[order], keys[order], (sizes > 1) & (sizes <= SMALL), SMALL)
    large = order[sizes > SMALL]
    if not len(large):
        return
    rows = active[large]
    keys = mixed(keys[large].astype(np.uint64) ^ gathered.numbers[rows])
    other = gathered.bands[(band + 1) % BANDS][rows]
    order = np.lexsort((rows, other, keys))
    rows, keys = rows[order], keys[order]
    sizes = _sizes(keys)
    yield from _within(rows, keys, (sizes > 1) & (sizes <= ALIKE), ALIKE)
    is_many = sizes > ALIKE
    yield from _within(rows, keys, is_many, _NEAR)
    rows, keys = rows[is_many], keys[is_many]
    if len(rows):
        starts = np.flatnonzero(np.r_[True, keys[1:] != keys[:-1]])
        firsts = np.repeat(rows[starts], np.diff(np.r_[starts, len(rows)]))
        yield _ordered(firsts[firsts != rows], rows[firsts != rows])


def promising(gathered: "Gathered", pairs: Pairs, threshold: float) -> Pairs:
    """The pairs whose signatures do not speak against the similarity."""
    deviation = (threshold * (1 - threshold) / PERMUTATIONS) ** 0.5
    kept = estimates(gathered, pairs) >= threshold - _DEVIATIONS * deviation
    return pairs[0][kept], pairs[1][kept]


def estimates(gathered: "Gathered", pairs: Pairs) -> "NDArray[numpy.float64]":
    """The similarity of each pair, as their signatures tell it."""
    import numpy as np

    first, second = pairs
    found = np.zeros(len(first))
    for start in range(0, len(first), _CHUNK):
        span = slice(start, start + _CHUNK)
        equal = gathered.sketch[first[span]] == gathered.sketch[second[span]]
        found[span] = np.count_nonzero(equal, axis=1) / PERMUTATIONS
    return found


def may_be_one(gathered: "Gathered", pairs: Pairs) -> "NDArray[numpy.bool]":
    """Whether formulas are the same, and all numbers of one may be the other's; no false no."""
    first, second = gathered.mask[pairs[0]], gathered.mask[pairs[1]]
    shared: NDArray[numpy.bool] = ((first & second) == first) | ((first & second) == second)
    shared &= gathered.formulas[pairs[0]] == gathered.formulas[pairs[1]]
    return shared


def _within(
    rows: "NDArray[numpy.int64]", keys: "NDArray[Any]", chosen: "NDArray[numpy.bool]", width: int
) -> Iterator[Pairs]:
    """Pairs of equal keys among the chosen ones that are less than `width` apart, sorted by key."""
    rows, keys = rows[chosen], keys[chosen]
    for gap in range(1, width):
        is_same = keys[gap:] == keys[:-gap]
        if not is_same.any():
            return
        yield _ordered(rows[:-gap][is_same], rows[gap:][is_same])


def _ordered(first: "NDArray[numpy.int64]", second: "NDArray[numpy.int64]") -> Pairs:
    import numpy as np

    return np.minimum(first, second), np.maximum(first, second)


def _sizes(keys: "NDArray[Any]") -> "NDArray[numpy.int64]":
    """For each of the sorted keys, how many are equal to it."""
    import numpy as np

    starts = np.flatnonzero(np.r_[True, keys[1:] != keys[:-1]]) if len(keys) else np.zeros(0, int)
    counts = np.diff(np.r_[starts, len(keys)])
    return np.repeat(counts, counts)
