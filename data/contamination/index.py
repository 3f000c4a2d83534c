"""The grams of evaluation sets, and the texts that repeat them.

Guarantees: a text that holds an evaluation row's is hit, also where case, spacing, Unicode forms or
LaTeX layout differ. A hit is a text that repeats at least the share `overlap` of the 13-grams of an
evaluation row; of one of 8 to 12 words all its 8-grams; of a shorter one its whole text. Time is
linear in the texts.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from data.contamination.grams import LONG, SHORT, gram_hashes, hashed
from data.contamination.words import words_of, words_without_figures
from data.errors import SourceError
from data.plain_text import plain, squeezed

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

OVERLAP: Final = 0.5
"""Most rows of GSM8K and MATH that share one 13-gram with another row of their set share a turn of
phrase; those that share half of them are versions of one exercise."""
VERSION: Final = 2
_BLOCK: Final = 1024  # texts that are looked at together

Grams = tuple["NDArray[numpy.uint64]", "NDArray[numpy.int64]"]


@dataclass(frozen=True, slots=True)
class Hit:
    """An evaluation row that a text repeats.

    Attributes:
        evaluation: the set's name.
        row: the row's name in it.
        gram: words that both have.
        share: of the evaluation row's grams, how many the text has.
    """

    evaluation: str
    row: str
    gram: str
    share: float


@dataclass(frozen=True, slots=True)
class Index:
    """The grams of evaluation sets, as they are looked up.

    Attributes:
        rows: of each evaluation row, its set and its name in it.
        totals: of each evaluation row, how many grams of its own count.
        grams: by width, the hashes in order, and the row of each.
        wholes: digests of whole texts, and the row of each.
    """

    rows: list[tuple[str, str]]
    totals: "NDArray[numpy.int64]"
    grams: dict[int, Grams]
    wholes: dict[str, int]

    def hits(self, texts: Sequence[str], overlap: float = OVERLAP) -> list[Hit | None]:
        """For each text the evaluation row that it repeats most of, the first of equals.

        Args:
            texts: as they are.
            overlap: the share of an evaluation row's 13-grams that make a hit; 0: any one does.
        """
        found: list[Hit | None] = []
        for start in range(0, len(texts), _BLOCK):
            found.extend(self._of_block(texts[start : start + _BLOCK], overlap))
        return found

    def save(self, path: Path) -> str:
        """Write the index as one file, and give its sha256.

        Raises:
            SourceError: it cannot be written.
        """
        import numpy as np

        said = {"version": VERSION, "rows": self.rows, "wholes": self.wholes}
        arrays: dict[str, Any] = {
            "totals": self.totals,
            "said": np.frombuffer(json.dumps(said).encode(), np.uint8),
        }
        for width, (hashes, owners) in self.grams.items():
            arrays |= {f"hashes{width}": hashes, f"owners{width}": owners}
        temporary = path.with_name(f".{path.name}.tmp")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with temporary.open("wb") as file:
                np.savez(file, **arrays)
            temporary.replace(path)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise SourceError(f"{path}: cannot be written: {error.strerror or error}") from error
        return hashlib.sha256(path.read_bytes()).hexdigest()

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote; raises SourceError if it is something else."""
        import numpy as np

        try:
            with np.load(path, allow_pickle=False) as held:
                said = json.loads(held["said"].tobytes())
                if said["version"] != VERSION:
                    raise ValueError(f"it is of version {said['version']}")
                grams = {w: (held[f"hashes{w}"], held[f"owners{w}"]) for w in (SHORT, LONG)}
                totals = held["totals"]
        except (OSError, ValueError, KeyError) as error:
            raise SourceError(
                f"{path}: no index of evaluation sets: {error}; remove it and run again"
            ) from error
        rows = [(name, place) for name, place in said["rows"]]
        return cls(rows, totals, grams, said["wholes"])

    def _of_block(self, texts: Sequence[str], overlap: float) -> list[Hit | None]:
        import numpy as np

        said = [plain(text) for text in texts]
        words, owners = hashed(said)
        counts = np.bincount(owners, minlength=len(said))
        suspects: set[int] = set()
        for width, (known, _) in self.grams.items():
            places = np.flatnonzero(is_in(gram_hashes(words, owners, width), known))
            suspects.update(owners[places].tolist())
        found = []
        for at, one in enumerate(said):
            # A longer text without figures has grams by which it is found.
            hit = self._whole(one) if counts[at] < SHORT or "[asy]" in one else None
            if hit is None and at in suspects:
                hit = self._best(words_of(one), overlap)
                if hit is None and "[asy]" in one:
                    hit = self._best(words_without_figures(one), overlap)
            found.append(hit)
        return found

    def _whole(self, said: str) -> Hit | None:
        """The evaluation row whose whole text this is."""
        row = self.wholes.get(whole_digest(said))
        if row is None:
            return None
        return Hit(*self.rows[row], " ".join(words_of(said)[:LONG]) or said.strip()[:60], 1.0)

    def _best(self, words: Sequence[str], overlap: float) -> Hit | None:
        """The evaluation row of which most grams are among a text's."""
        import numpy as np

        best: tuple[float, int, str] | None = None
        hashed_words, texts = hashed(["\n".join(words)])
        for width, (known, owners) in self.grams.items():
            hashes = gram_hashes(hashed_words, texts, width)
            distinct, places = np.unique(hashes, return_index=True)
            lows = np.searchsorted(known, distinct, "left")
            highs = np.searchsorted(known, distinct, "right")
            counts: dict[int, int] = {}
            first: dict[int, int] = {}
            for low, high, place in zip(lows, highs, places, strict=True):
                for row in owners[low:high].tolist():
                    counts[row] = counts.get(row, 0) + 1
                    first[row] = min(first.get(row, int(place)), int(place))
            needed = overlap if width == LONG else 1.0
            for row, count in sorted(counts.items()):
                share = count / int(self.totals[row])
                if share >= needed and (best is None or share > best[0]):
                    best = (share, row, " ".join(words[first[row] : first[row] + width]))
        if best is None:
            return None
        share, row, gram = best
        return Hit(*self.rows[row], gram, share)


def is_in(hashes: "NDArray[numpy.uint64]", known: "NDArray[numpy.uint64]") -> Any:
    """Whether each hash is among the known ones, which are in order."""
    import numpy as np

    if not len(known):
        return np.zeros(len(hashes), bool)
    places = np.searchsorted(known, hashes)
    places[places == len(known)] = 0
    return (known[places] == hashes) & (hashes != 0)


def whole_digest(said: str) -> str:
    """Equal for plain texts that differ in spacing alone."""
    return hashlib.blake2b(
        squeezed(said).encode("utf-8", "surrogatepass"), digest_size=16
    ).hexdigest()
