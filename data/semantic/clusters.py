"""Clusters of vectors by K-means, and pairs of vectors that are close.

Guarantees: the same vectors and seed give the same clusters. Pairs are found within clusters; where
there are few vectors, among all of them (SemDeDup, Abbas et al., 2023).
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

SAMPLE: Final = 50_000
"""Vectors that the centres are learnt from."""
ROUNDS: Final = 15
FEW: Final = 20_000
"""Vectors up to which all pairs are looked at."""
_BLOCK: Final = 2048


def kmeans(vectors: "NDArray[Any]", count: int, seed: int = 0) -> "NDArray[numpy.int64]":
    """The cluster of each vector of length 1, by cosine; clusters are numbered by size.

    Args:
        vectors: an array of vectors by dimensions; may be a memory map.
        count: clusters; fewer where there are fewer vectors, or some stay empty.
        seed: of the first centres.
    """
    import numpy as np

    if not len(vectors):
        return np.zeros(0, np.int64)
    draw = np.random.default_rng(seed)
    chosen = np.sort(draw.permutation(len(vectors))[:SAMPLE])
    sample = np.asarray(vectors[chosen], np.float32)
    centres = sample[np.sort(draw.permutation(len(sample))[:count])]
    for _ in range(ROUNDS):
        labels = _nearest(sample, centres)
        sums = np.zeros_like(centres)
        np.add.at(sums, labels, sample)
        lengths = np.linalg.norm(sums, axis=1, keepdims=True)
        moved = np.where(lengths > 0, sums / np.where(lengths > 0, lengths, 1), centres)
        if np.allclose(moved, centres, atol=1e-6):
            break
        centres = moved
    labels = _nearest(vectors, centres)
    sizes = np.bincount(labels, minlength=len(centres))
    order = np.argsort(-sizes, kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    found: NDArray[np.int64] = rank[labels]
    return found


def close_pairs(
    vectors: "NDArray[Any]", labels: "NDArray[numpy.int64]", threshold: float
) -> "Iterator[tuple[NDArray[numpy.int64], NDArray[numpy.int64], NDArray[numpy.float32]]]":
    """Pairs of a cluster whose cosine is at least `threshold`: first, later one, cosine."""
    import numpy as np

    groups = [np.arange(len(vectors))]
    if len(vectors) > FEW:
        groups = [np.flatnonzero(labels == one) for one in np.unique(labels)]
    for group in groups:
        for start in range(0, len(group), _BLOCK):
            rows = group[start : start + _BLOCK]
            left = np.asarray(vectors[rows], np.float32)
            for other in range(start, len(group), _BLOCK):
                columns = group[other : other + _BLOCK]
                cosines = left @ np.asarray(vectors[columns], np.float32).T
                first, second = np.nonzero(cosines >= threshold)
                later = rows[first] < columns[second]
                first, second = first[later], second[later]
                if len(first):
                    yield rows[first], columns[second], cosines[first, second]


def _nearest(vectors: "NDArray[Any]", centres: "NDArray[Any]") -> "NDArray[numpy.int64]":
    import numpy as np

    found = np.zeros(len(vectors), np.int64)
    for start in range(0, len(vectors), _BLOCK):
        block = np.asarray(vectors[start : start + _BLOCK], np.float32)
        found[start : start + _BLOCK] = (block @ centres.T).argmax(axis=1)
    return found
