"""Hashes of word grams, for many texts at once.

Guarantees: a gram's hash depends on its words alone. Words that no evaluation set has are not told
apart: a gram with one of them is no gram of an evaluation set.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

LONG: Final = 13
"""Words of a gram (Brown et al., 2020, appendix C)."""
SHORT: Final = 8
"""Words of a gram of a text that has fewer than `LONG`."""


def gram_hashes(words: "NDArray[numpy.int64]", width: int) -> "NDArray[numpy.uint64]":
    """The hash of the gram that begins at each word; those at the end reach into nothing.

    Args:
        words: numbers of words, negative where a word is not known.
        width: words of a gram.

    Returns:
        As many as there are whole grams, 0 for those with an unknown word.
    """
    import numpy as np

    count = len(words) - width + 1
    if count <= 0:
        return np.zeros(0, np.uint64)
    raw = (words + 1).astype(np.uint64)
    hashes = np.zeros(count, np.uint64)
    for place in range(width):
        hashes += raw[place : place + count] * _factors()[place]
    hashes = (hashes ^ (hashes >> np.uint64(31))) * np.uint64(0x94D049BB133111EB)
    unknown = np.cumsum(np.r_[0, words < 0])
    hashes[unknown[width:] > unknown[:-width]] = 0
    return hashes


def numbered(
    texts: Sequence[Sequence[str]], vocabulary: Mapping[str, int]
) -> "tuple[NDArray[numpy.int64], NDArray[numpy.int64]]":
    """The words of texts one after another as numbers, and where each text begins.

    An unknown word is -1, and so is the end of each text.
    """
    import numpy as np

    numbers: list[int] = []
    starts: list[int] = []
    get = vocabulary.get
    for words in texts:
        starts.append(len(numbers))
        numbers.extend([get(word, -1) for word in words])
        numbers.append(-1)
    return np.array(numbers, np.int64), np.array(starts, np.int64)


@cache
def _factors() -> Any:
    import numpy as np

    steps = np.arange(1, LONG + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    steps = (steps ^ (steps >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    return (steps ^ (steps >> np.uint64(27))) | np.uint64(1)
