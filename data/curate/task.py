"""Records by task: a stage that keeps those of one, and stages that look at one task alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import ClassVar

from data.pipeline.block import Drop, Outcome, Stage
from data.schema import Record


@dataclass(frozen=True, slots=True)
class OfTask:
    """Drops records of other tasks, as `another task`, with theirs as the detail."""

    name: ClassVar[str] = "task"
    task: str

    def __call__(self, records: Sequence[Record]) -> Outcome:
        """Look at each record's task."""
        kept = [record for record in records if record.task == self.task]
        dropped = [
            Drop(record, self.name, "another task", record.task)
            for record in records
            if record.task != self.task
        ]
        return Outcome(kept, dropped)


@dataclass(frozen=True, slots=True)
class ForTask:
    """Runs a stage on the records of one task; others go through, each in its place."""

    task: str
    stage: Stage

    @property
    def name(self) -> str:
        """The stage's."""
        return self.stage.name

    def __call__(self, records: Sequence[Record]) -> Outcome:
        """What the stage says of each run of such records, between the others."""
        kept: list[Record] = []
        dropped: list[Drop] = []
        review: list[Drop] = []
        for is_wanted, some in groupby(records, key=lambda record: record.task == self.task):
            if not is_wanted:
                kept += some
                continue
            outcome = self.stage(list(some))
            kept += outcome.kept
            dropped += outcome.dropped
            review += outcome.review
        return Outcome(kept, dropped, review)
