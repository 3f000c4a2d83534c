"""From the signatures of all parts to verdicts: exact duplicates, conflicts, near duplicates.

Guarantees: the result depends on the rows and their order alone. Every pair that is called near has
an exact Jaccard similarity of character 5-grams at or above the threshold, the same context, and is
one exercise: the same answer and the same numbers. Two questions of one template with other numbers
or another answer are siblings, which are kept unless it is asked otherwise. A cluster is what near
pairs connect; its first row stays.
"""

import itertools
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from data.duplicates.candidates import Pairs, estimates, may_be_one, pairs_of_band, promising
from data.duplicates.exact import conflict_of, groups_of, keeper_of
from data.duplicates.exercise import Same, is_one_exercise, math_same
from data.duplicates.gathered import Gathered
from data.duplicates.sets import DisjointSets
from data.duplicates.shingles import BANDS, grams_of, similarity
from data.duplicates.verdicts import CONFLICT, EXACT, NEAR, Verdict, Verdicts
from data.errors import DataError

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

LOWEST: Final = 0.7
"""Below this threshold the bands find too few pairs: 93 % at 0.7, 74 % at 0.6."""
_CHUNK: Final = 4096  # pairs whose texts are held at once


@dataclass(frozen=True, slots=True)
class Settings:
    """What counts as a near duplicate.

    Attributes:
        threshold: Jaccard similarity of character 5-grams from which on it is one; 1 and above:
            exact duplicates alone.
        siblings: what becomes of rows as similar that have another answer or other numbers.
    """

    threshold: float = 0.8
    siblings: Literal["keep", "drop"] = "keep"

    def __post_init__(self) -> None:
        if not self.threshold >= LOWEST:
            raise DataError(
                f"near duplicates from a similarity of {self.threshold:g} on cannot be found; "
                f"give {LOWEST:g} or more, and 1 for exact duplicates alone"
            )


@dataclass(frozen=True, slots=True)
class Joined:
    """The duplicates of a data set.

    Attributes:
        verdicts: one a signature file.
        counts: rows by reason.
        clusters: how many clusters there are of each size, of two rows and more.
        siblings: pairs as similar as near duplicates that are other exercises: of those that were
            looked at, where numbers differ by the signatures' estimate.
    """

    verdicts: list[Verdicts]
    counts: dict[str, int]
    clusters: dict[int, int]
    siblings: int


def join(
    signatures: Sequence[Path],
    scratch: Path,
    settings: Settings | None = None,
    on_progress: Callable[[float], None] = lambda share: None,
) -> Joined:
    """Find the duplicates over all parts.

    Args:
        signatures: files of `sign_part`, in the order of their parts.
        scratch: a folder for memory maps; it is removed at the end.
        settings: what counts.
        on_progress: told the share that is done, from time to time.

    Raises:
        SourceError: a file is none of signatures.
    """
    settings = settings or Settings()
    scratch.mkdir(parents=True, exist_ok=True)
    gathered = Gathered(signatures, scratch)
    try:
        return _Join(gathered, settings, math_same).run(on_progress)
    finally:
        gathered.close()
        shutil.rmtree(scratch, ignore_errors=True)


@dataclass(slots=True)
class _Join:
    """One run over the rows."""

    gathered: Gathered
    settings: Settings
    same: Same
    against: dict[int, tuple[str, int, str]] = field(default_factory=dict)
    """By row: the reason, the row kept instead or -1, the detail."""
    siblings: int = 0

    def run(self, on_progress: Callable[[float], None]) -> Joined:
        self._exact()
        on_progress(0.2)
        if self.settings.threshold < 1:
            self._near(on_progress)
        return self._joined()

    def _exact(self) -> None:
        for group in groups_of(self.gathered):
            rows = group.tolist()
            conflict = conflict_of(self.gathered, rows, self.same)
            if conflict is not None:
                self.against.update(dict.fromkeys(rows, (CONFLICT, -1, conflict)))
                continue
            kept = keeper_of(self.gathered, rows)
            self.against.update({row: (EXACT, kept, "") for row in rows if row != kept})

    def _near(self, on_progress: Callable[[float], None]) -> None:
        import numpy as np

        is_active = self.gathered.has_text.copy()
        is_active[list(self.against)] = False
        active = np.flatnonzero(is_active)
        sets = DisjointSets(self.gathered.rows)
        seen = np.zeros(0, np.uint64)
        for band in range(BANDS):
            roots = sets.roots()
            found = [
                _keys(promising(self.gathered, self._apart(pairs, roots), self.settings.threshold))
                for pairs in pairs_of_band(self.gathered, band, active)
            ]
            keys = np.setdiff1d(np.concatenate([*found, seen[:0]]), seen)
            seen = np.union1d(seen, keys)
            keys = self._without_siblings(keys)
            for start in range(0, len(keys), _CHUNK):
                self._verify(keys[start : start + _CHUNK], sets)
            self.gathered.release()
            on_progress(0.2 + 0.8 * (band + 1) / BANDS)
        self._clusters(sets)

    def _without_siblings(self, keys: "NDArray[numpy.uint64]") -> "NDArray[numpy.uint64]":
        """The pairs whose numbers may be the same; of others those that are similar are counted."""
        if self.settings.siblings == "drop":
            return keys
        pairs = _pairs(keys)
        may_be = may_be_one(self.gathered, pairs)
        others = pairs[0][~may_be], pairs[1][~may_be]
        alike = estimates(self.gathered, others) >= self.settings.threshold
        self.siblings += int(alike.sum())
        return keys[may_be]

    def _apart(self, pairs: Pairs, roots: "NDArray[numpy.int64]") -> Pairs:
        """The pairs of one context that are not in one set yet."""
        first, second = pairs
        context = self.gathered.context
        is_open = (roots[first] != roots[second]) & (context[first] == context[second])
        return first[is_open], second[is_open]

    def _verify(self, keys: "NDArray[numpy.uint64]", sets: DisjointSets) -> None:
        """Join the pairs that are near duplicates."""
        pairs = list(zip(*(rows.tolist() for rows in _pairs(keys)), strict=True))
        rows = {row for pair in pairs for row in pair}
        texts, references = self.gathered.texts(rows), self.gathered.references(rows)
        grams: dict[int, set[str]] = {}
        for first, second in pairs:
            if sets.root(first) == sets.root(second):
                continue
            for row in (first, second):
                if row not in grams:
                    grams[row] = grams_of(texts[row])
            if similarity(grams[first], grams[second]) < self.settings.threshold:
                continue
            if self.settings.siblings == "drop" or is_one_exercise(
                self.gathered, first, second, texts, references, self.same
            ):
                sets.join(first, second)
            else:
                self.siblings += 1

    def _clusters(self, sets: DisjointSets) -> None:
        """Drop all rows of a cluster but the one that is kept."""
        import numpy as np

        roots = sets.roots()
        members = np.flatnonzero(roots != np.arange(len(roots)))
        clusters: dict[int, list[int]] = {}
        for row in members.tolist():
            clusters.setdefault(int(roots[row]), [int(roots[row])]).append(row)
        kept_of = {}
        for rows in clusters.values():
            kept = keeper_of(self.gathered, rows)
            kept_of.update({row: kept for row in rows if row != kept})
        dropped = sorted(kept_of)
        for start in range(0, len(dropped), _CHUNK):
            chunk = dropped[start : start + _CHUNK]
            texts = self.gathered.texts([*chunk, *(kept_of[row] for row in chunk)])
            for row in chunk:
                alike = similarity(grams_of(texts[row]), grams_of(texts[kept_of[row]]))
                self.against[row] = (NEAR, kept_of[row], f"Jaccard {alike:.2f} with ")

    def _joined(self) -> Joined:
        final = {row: self._kept_of(row) for row in self.against}
        names = self.gathered.ids({kept for kept in final.values() if kept >= 0})
        stands_for = Counter(kept for kept in final.values() if kept >= 0)
        starts = self.gathered.starts
        verdicts = [Verdicts(end - start) for start, end in itertools.pairwise(starts)]
        part = 0
        for row in sorted({*self.against, *stands_for}):
            while row >= starts[part + 1]:
                part += 1
            if row in stands_for:
                verdicts[part].stands_for[row - starts[part]] = stands_for[row]
                continue
            reason, _, detail = self.against[row]
            kept = final[row]
            said = detail if kept < 0 else f"{detail}{names[kept]}"
            verdicts[part].against[row - starts[part]] = Verdict(reason, said)
        sizes = Counter(count + 1 for count in stands_for.values())
        counts = Counter(reason for reason, _, _ in self.against.values())
        return Joined(
            verdicts, dict(sorted(counts.items())), dict(sorted(sizes.items())), self.siblings
        )

    def _kept_of(self, row: int) -> int:
        """The row that stays for a row; an exact duplicate of a near one leads on to it."""
        kept = self.against[row][1]
        while kept in self.against:
            kept = self.against[kept][1]
        return kept


def _keys(pairs: Pairs) -> "NDArray[numpy.uint64]":
    """One integer for each pair."""
    import numpy as np

    return (pairs[0].astype(np.uint64) << np.uint64(32)) | pairs[1].astype(np.uint64)


def _pairs(keys: "NDArray[numpy.uint64]") -> Pairs:
    """The pairs of `_keys`."""
    import numpy as np

    rows = keys >> np.uint64(32), keys & np.uint64(0xFFFFFFFF)
    return rows[0].astype(np.int64), rows[1].astype(np.int64)
