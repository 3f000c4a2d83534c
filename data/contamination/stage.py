"""The stage that drops what repeats an evaluation row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from data.contamination.index import OVERLAP, Index
from data.pipeline.block import Drop, Outcome
from data.plain_text import asked
from data.records import messages_of
from data.schema import Record

if TYPE_CHECKING:
    import pyarrow


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
        faults = self._faults([record.messages for record in records])
        dropped = [Drop(records[at], self.name, *why) for at, why in faults.items()]
        return Outcome([one for at, one in enumerate(records) if at not in faults], dropped)

    def faults(self, table: "pyarrow.Table") -> dict[int, tuple[str, str]]:
        """The same, for the rows of a table of records."""
        return self._faults(messages_of(table))

    def _faults(
        self, asked_by: Sequence[Sequence[Mapping[str, Any]]]
    ) -> dict[int, tuple[str, str]]:
        texts = [asked(messages, with_system=True) for messages in asked_by]
        hits = _loaded(self.index, self.sha256).hits(texts, self.overlap)
        return {
            at: (f"in {hit.evaluation}", f'{hit.row}: "{hit.gram}" ({hit.share:.0%} of its grams)')
            for at, hit in enumerate(hits)
            if hit is not None
        }


@cache
def _loaded(path: str, sha256: str) -> Index:
    """One index a process; a changed file has another hash."""
    return Index.load(Path(path))
