"""Making the index of evaluation sets.

Guarantees: every evaluation row is in it. Grams that more than `COMMON` different texts
have, such as "put your final answer in a box", do not count where a row has others.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from data.contamination.evaluations import EvaluationSet
from data.contamination.grams import LONG, SHORT, gram_hashes, hashed
from data.contamination.index import Grams, Index, whole_digest
from data.contamination.words import words_without_figures
from data.errors import SourceError
from data.plain_text import plain

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

COMMON: Final = 10


def build_index(sets: Sequence[EvaluationSet], path: Path) -> str:
    """Read evaluation sets and write their index; gives its sha256.

    Raises:
        SourceError: a set cannot be read or has no rows, or two have one name.
        RowError: a row of a set cannot be read.
    """
    repeated = [name for name, times in Counter(one.name for one in sets).items() if times > 1]
    if repeated:
        raise SourceError(f"--against: two evaluation sets are named {repeated[0]}; rename one")
    return index_of((one.name, place, text) for one in sets for place, text in one.rows()).save(
        path
    )


def index_of(rows: Iterable[tuple[str, str, str]]) -> Index:
    """The index of rows, each a set's name, a place in it and a text; equal texts are one row."""
    import numpy as np

    names: list[tuple[str, str]] = []
    wholes: dict[str, int] = {}
    grams: dict[int, list[NDArray[np.uint64]]] = {SHORT: [], LONG: []}
    owners: dict[int, list[int]] = {SHORT: [], LONG: []}
    for name, place, text in rows:
        said = plain(text)
        digest = whole_digest(said)
        if digest in wholes or not said.strip():
            continue
        wholes[digest] = row = len(names)
        names.append((name, place))
        words = words_without_figures(said)
        if len(words) < SHORT:
            continue
        width = LONG if len(words) >= LONG else SHORT
        grams[width].append(np.unique(gram_hashes(*hashed(["\n".join(words)]), width)))
        owners[width].append(row)
    counted = np.zeros(len(names), np.int64)
    looked_up = {width: _looked_up(grams[width], owners[width], counted) for width in grams}
    return Index(names, counted, looked_up, wholes)


def _looked_up(
    grams: "Sequence[NDArray[numpy.uint64]]",
    owners: Sequence[int],
    counted: "NDArray[numpy.int64]",
) -> Grams:
    """The grams of all rows that count, in order, with their rows; counts them a row."""
    import numpy as np

    if not grams:
        return np.zeros(0, np.uint64), np.zeros(0, np.int64)
    distinct, times = np.unique(np.concatenate(grams), return_counts=True)
    common = distinct[times > COMMON]
    kept = []
    for row, own in zip(owners, grams, strict=True):
        special = own[~np.isin(own, common)]
        kept.append(special if len(special) else own)
        counted[row] = len(kept[-1])
    hashes = np.concatenate(kept)
    rows = np.repeat(np.array(owners, np.int64), [len(one) for one in kept])
    order = np.lexsort((rows, hashes))
    return hashes[order], rows[order]
