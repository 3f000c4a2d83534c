"""BM25 over texts that are held in memory: an inverted index in NumPy arrays.

Scores are Lucene's variant of BM25, the one of Robertson and Zaragoza (2009) with an inverse
document frequency that is never negative: log(1 + (N - n + 0.5) / (n + 0.5)). Equal scores keep the
order of the texts. A search takes time linear in the postings of its terms.
"""

import math
import re
from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np

_CJK: Final = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_TERM: Final = re.compile(rf"[{_CJK}]|[^\W_{_CJK}]{{1,64}}")
"""Words and numbers; where words are not parted by spaces, characters."""
TERMS: Final = 64  # of a query that are looked at


def terms_of(text: str) -> list[str]:
    """The terms of a text, in small letters."""
    return _TERM.findall(text.lower())


class Bm25:
    """An index.

    Args:
        texts: What is searched; gone through once.
        k1: How soon further occurrences of a term stop to count.
        b: How much longer texts count less, from 0 to 1.
    """

    def __init__(self, texts: Iterable[str], *, k1: float = 1.2, b: float = 0.75) -> None:
        lists: dict[str, tuple[array[int], array[int]]] = {}
        lengths = array("q")
        for number, text in enumerate(texts):
            terms = terms_of(text)
            lengths.append(len(terms))
            for term, count in Counter(terms).items():
                where, often = lists.setdefault(term, (array("i"), array("i")))
                where.append(number)
                often.append(count)
        self._size = len(lengths)
        length = np.frombuffer(lengths, np.int64) if self._size else np.zeros(0)
        mean = max(float(length.mean()), 1.0) if self._size else 1.0
        self._norm = (k1 * (1 - b + b * length / mean)).astype(np.float32)
        self._k1 = k1
        self._lists = {
            term: (np.frombuffer(where, np.int32), np.frombuffer(often, np.int32))
            for term, (where, often) in lists.items()
        }

    def search(self, query: str, most: int) -> list[int]:
        """The numbers of the texts that fit best, best first; all have a term of the query."""
        scores = np.zeros(self._size, np.float32)
        terms: Sequence[str] = list(dict.fromkeys(terms_of(query)))[:TERMS]
        for term in terms:
            if term in self._lists:
                where, often = self._lists[term]
                rarity = self.rarity(term)
                scores[where] += rarity * often * (self._k1 + 1) / (often + self._norm[where])
        found = np.flatnonzero(scores)
        if len(found) > most:
            least = np.partition(scores[found], -most)[-most]
            found = found[scores[found] >= least]
        return [int(one) for one in found[np.argsort(-scores[found], kind="stable")][:most]]

    def rarity(self, term: str) -> float:
        """The inverse document frequency of a term; 0 for one that no text has."""
        if term not in self._lists:
            return 0.0
        count = len(self._lists[term][0])
        return math.log1p((self._size - count + 0.5) / (count + 0.5))
