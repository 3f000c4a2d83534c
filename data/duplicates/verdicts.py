"""What becomes of a part's rows: one verdict a row, and what they do to records.

Guarantees: every record is kept, dropped with the id of the one that is kept instead, or put up for
review with the references that contradict each other.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from data.errors import DataError
from data.pipeline.block import Drop, Outcome
from data.schema import Record

STAGE: Final = "duplicates"
EXACT: Final = "exact duplicate"
NEAR: Final = "near duplicate"
SEMANTIC: Final = "semantic duplicate"
CONFLICT: Final = "same question, different references"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why a row does not stay as it is.

    Attributes:
        reason: one of the four above.
        detail: the row kept instead and how similar it is, or the references that differ.
    """

    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Verdicts:
    """Of the rows of one part; rows that are not named are kept.

    Attributes:
        rows: how many the part has.
        against: by number in the part, counted from 0, the rows that are not kept.
        stands_for: by number in the part, how many rows were dropped in favour of one that is kept.
    """

    rows: int
    against: dict[int, Verdict] = field(default_factory=dict)
    stands_for: dict[int, int] = field(default_factory=dict)


def apply_verdicts(records: Sequence[Record], verdicts: Verdicts) -> Outcome:
    """What becomes of a part's records.

    Raises:
        DataError: the verdicts are of another part.
    """
    if len(records) != verdicts.rows:
        raise DataError(
            f"a part has {len(records)} rows, and verdicts for {verdicts.rows}: it was changed "
            "meanwhile; remove the output and run again"
        )
    kept: list[Record] = []
    dropped: list[Drop] = []
    review: list[Drop] = []
    for number, record in enumerate(records):
        verdict = verdicts.against.get(number)
        if verdict is not None:
            drop = Drop(record, STAGE, verdict.reason, verdict.detail)
            (review if verdict.reason == CONFLICT else dropped).append(drop)
        elif number in verdicts.stands_for:
            said = {**record.metadata, "near_duplicates": verdicts.stands_for[number]}
            kept.append(record.model_copy(update={"metadata": said}))
        else:
            kept.append(record)
    return Outcome(kept, dropped, review)
