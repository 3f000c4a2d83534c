"""Character 5-grams of texts, and their MinHash signatures.

Guarantees: a text's signature depends on the text alone. Two texts agree in a share of their
signatures' places that is on average the Jaccard similarity of their 5-grams (Broder, 1997).
"""

import array
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

WIDTH: Final = 5
BANDS: Final = 21
ROWS: Final = 6
"""A pair of similarity s shares a band with a chance of 1 - (1 - s^6)^21: 0.998 at 0.8, 0.28 at
0.5."""
PERMUTATIONS: Final = BANDS * ROWS
_SEED: Final = 20_260_801
_EMPTY: Final = "\0"


def grams_of(text: str) -> set[str]:
    """The set of a text's 5-grams; a text that is shorter is one gram."""
    if len(text) <= WIDTH:
        return {text}
    return {text[at : at + WIDTH] for at in range(len(text) - WIDTH + 1)}


def similarity(first: set[str], second: set[str]) -> float:
    """Jaccard similarity of two sets of grams."""
    shared = len(first & second)
    return shared / (len(first) + len(second) - shared)


def signatures(texts: Sequence[str]) -> "NDArray[numpy.uint32]":
    """The MinHash signature of each text: an array of texts by permutations."""
    import numpy as np
    import rensa

    if not texts:
        return np.zeros((0, PERMUTATIONS), np.uint32)
    hashes, offsets = _gram_hashes(texts)
    matrix = rensa.RMinHash.digest_matrix_from_flat_token_hashes(
        hashes, offsets, PERMUTATIONS, _SEED
    )
    packed = b"".join([array.array("I", row).tobytes() for row in matrix.to_rows()])
    return np.frombuffer(packed, np.uint32).reshape(len(texts), PERMUTATIONS)


def bands(signed: "NDArray[numpy.uint32]") -> "NDArray[numpy.uint32]":
    """A hash of each band of each signature: an array of texts by bands.

    Two bands that differ may have one hash, at a chance of 2^-32: what shares one is verified.
    """
    import numpy as np

    odd = _constants()[:ROWS]
    split = signed.reshape(len(signed), BANDS, ROWS).astype(np.uint64)
    hashes = mixed((split * odd).sum(axis=2, dtype=np.uint64))
    return (hashes >> np.uint64(32)).astype(np.uint32)


def _gram_hashes(texts: Sequence[str]) -> tuple["NDArray[numpy.uint64]", "NDArray[numpy.uint64]"]:
    """The hashes of all grams, text by text, and where each text's begin."""
    import numpy as np

    padded = [text.ljust(WIDTH, _EMPTY) for text in texts]
    letters = np.frombuffer("".join(padded).encode("utf-32-le", "surrogatepass"), np.uint32)
    letters = letters.astype(np.uint64)
    lengths = np.fromiter(map(len, padded), np.int64, len(padded))
    windows = len(letters) - WIDTH + 1
    hashes = np.zeros(windows, np.uint64)
    for place, factor in enumerate(_constants()[:WIDTH]):
        hashes += letters[place : place + windows] * factor
    ends = np.cumsum(lengths)
    is_within = np.ones(windows, bool)
    for back in range(1, WIDTH):  # the windows that begin here reach into the next text
        is_within[ends[:-1] - back] = False
    offsets = np.zeros(len(texts) + 1, np.uint64)
    offsets[1:] = np.cumsum(lengths - WIDTH + 1)
    return mixed(hashes[is_within]), offsets


def mixed(values: "NDArray[numpy.uint64]") -> "NDArray[numpy.uint64]":
    """Spread the differences of values over all bits (splitmix64, Steele et al., 2014)."""
    import numpy as np

    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


@cache
def _constants() -> Any:
    """Odd factors; sums of products with them are nearly universal hashes."""
    import numpy as np

    steps = np.arange(1, 9, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    return mixed(steps) | np.uint64(1)
