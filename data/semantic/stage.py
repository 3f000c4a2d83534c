"""The stage that writes clusters into records and drops what another one says in other words."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, Self

from data.duplicates.verdicts import SEMANTIC
from data.pipeline.block import Drop, Outcome
from data.schema import Record


@dataclass(frozen=True)
class Meaning:
    """Applies decisions: `metadata.cluster`, and the reason "semantic duplicate".

    Attributes:
        sha256: of the file of decisions.
    """

    name: ClassVar[str] = "meaning"

    sha256: str

    def found_in(self, path: Path) -> Self:
        """The same, with its decisions in `path`; which path that is, is no field."""
        object.__setattr__(self, "_path", path)
        return self

    def __call__(self, records: Sequence[Record]) -> Outcome:
        """Say what becomes of each record; one without a vector stays as it is."""
        decisions = _read(self.__dict__["_path"], self.sha256)
        kept, dropped = [], []
        for record in records:
            cluster, other = decisions.get(record.id, (None, None))
            if cluster is None:
                kept.append(record)
                continue
            said = {**record.metadata, "cluster": cluster}
            told = record.model_copy(update={"metadata": said})
            if other is None:
                kept.append(told)
            else:
                dropped.append(Drop(told, self.name, SEMANTIC, other))
        return Outcome(kept, dropped)


@lru_cache(maxsize=2)
def _read(path: Path, sha256: str) -> dict[str, Any]:
    """One file a process; a changed one has another hash."""
    held: dict[str, Any] = json.loads(path.read_bytes())
    return held
