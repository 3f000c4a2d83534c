"""Hashes of words and of grams of words, for many texts at once.

Guarantees: a hash depends on the words alone, whatever else stands in the block; two different
grams share one with a chance of about 2^-64. Only texts that are not ASCII are cut word by word.
"""

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from data.contamination.words import LONG, SHORT, prepared, words_of

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

__all__ = ["LONG", "SHORT", "gram_hashes", "hashed"]

_BASE: Final = 0x9E3779B97F4A7C15  # odd, so that it has an inverse modulo 2^64


def hashed(said: Sequence[str]) -> "tuple[NDArray[numpy.uint64], NDArray[numpy.int64]]":
    """The hash of each word of plain texts, one after another, and the text that it is of."""
    import numpy as np

    # A word of another script is set apart by its line; its bytes count as letters.
    parts = [prepared(one) if one.isascii() else "\n".join(words_of(one)) for one in said]
    encoded = [part.encode("utf-8", "surrogatepass") for part in parts]
    letters = np.frombuffer(b"\n".join([*encoded, b""]), np.uint8)
    kinds = _kinds()[letters]
    edges = np.flatnonzero(kinds[1:] != kinds[:-1]) + 1
    starts = np.concatenate([[0], edges]) if len(letters) else np.zeros(0, np.int64)
    ends = np.concatenate([edges, [len(letters)]]) if len(letters) else np.zeros(0, np.int64)
    is_word = kinds[starts] != 0
    starts, ends = starts[is_word], ends[is_word]
    powers, inverses = _powers(1 << max(10, len(letters).bit_length()))
    sums = np.zeros(len(letters) + 1, np.uint64)
    np.cumsum(letters * powers[: len(letters)], out=sums[1:])
    words = (sums[ends] - sums[starts]) * inverses[starts]
    firsts = np.cumsum([0, *(len(one) + 1 for one in encoded)])
    return _mixed(words), np.searchsorted(firsts, starts, "right") - 1


def gram_hashes(
    words: "NDArray[numpy.uint64]", texts: "NDArray[numpy.int64]", width: int
) -> "NDArray[numpy.uint64]":
    """The hash of the gram of `width` words that begins at each word; 0 where its text ends before.

    Args:
        words: hashes of words.
        texts: the text that each is of.
        width: words of a gram.
    """
    import numpy as np

    count = len(words) - width + 1
    if count <= 0:
        return np.zeros(0, np.uint64)
    hashes = np.zeros(count, np.uint64)
    for place in range(width):
        hashes += words[place : place + count] * _factors()[place]
    hashes = _mixed(hashes)
    hashes[texts[width - 1 :] != texts[:count]] = 0
    return hashes


def _mixed(values: "NDArray[numpy.uint64]") -> "NDArray[numpy.uint64]":
    """Spread the differences of values over all bits (splitmix64, Steele et al., 2014)."""
    import numpy as np

    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


@cache
def _kinds() -> Any:
    """Of each byte: 1 of a small letter or another script, 2 of a digit, 0 between words."""
    import numpy as np

    kinds = np.zeros(256, np.uint8)
    kinds[ord("a") : ord("z") + 1] = 1
    kinds[128:] = 1
    kinds[ord("0") : ord("9") + 1] = 2
    return kinds


@cache
def _powers(count: int) -> Any:
    """The powers of the base, and those of its inverse."""
    import numpy as np

    bases = (_BASE, pow(_BASE, -1, 1 << 64))
    made = []
    for base in bases:
        steps = np.full(count, base, np.uint64)
        steps[0] = 1
        made.append(np.cumprod(steps, dtype=np.uint64))
    return made


@cache
def _factors() -> Any:
    import numpy as np

    steps = np.arange(1, LONG + 1, dtype=np.uint64) * np.uint64(_BASE)
    return _mixed(steps) | np.uint64(1)
