"""The stage that drops what repeats an evaluation row."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import ClassVar

from data.contamination.index import OVERLAP, Index
from data.pipeline.block import Drop, Outcome
from data.plain_text import asked
from data.schema import Record


@dataclass(frozen=True, slots=True)
class Contamination:
    """Drops records that repeat a row of an evaluation set, and says which row and which words.

    Attributes:
        index: the path of the file that `build_index` wrote.
        sha256: of that file, so that other evaluation sets are another configuration.
        overlap: the share of an evaluation row's 13-grams that are too many; 0: one is.
    """

    name: ClassVar[str] = "contamination"
    index: str = field(metadata={"recorded": False})
    sha256: str
    overlap: float = OVERLAP

    def __call__(self, records: Sequence[Record]) -> Outcome:
        """Say what becomes of each record."""
        texts = [asked(record.messages, with_system=True) for record in records]
        kept, dropped = [], []
        for record, hit in zip(
            records, _loaded(self.index, self.sha256).hits(texts, self.overlap), strict=True
        ):
            if hit is None:
                kept.append(record)
                continue
            detail = f'{hit.row}: "{hit.gram}" ({hit.share:.0%} of its grams)'
            dropped.append(Drop(record, self.name, f"in {hit.evaluation}", detail))
        return Outcome(kept, dropped)


@cache
def _loaded(path: str, sha256: str) -> Index:
    """One index a process; a changed file has another hash."""
    return Index.load(Path(path))
