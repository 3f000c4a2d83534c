"""What a stage of a pipeline takes and gives: a block of records in, an outcome out.

A stage is a pure function: the same block gives the same outcome in every process and on every
machine. No record is lost: each one of the block is kept, dropped with a reason, or left to a
person's review.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from data.schema import Record

if TYPE_CHECKING:
    import pyarrow


@dataclass(frozen=True, slots=True)
class Drop:
    """A record that does not go on.

    Attributes:
        record: as it came into the stage.
        stage: the stage's name.
        reason: one of the stage's own, short; reports count by it.
        detail: what was seen, for a person: the other answer, the test that failed, what was hit.
    """

    record: Record
    stage: str
    reason: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a block.

    Attributes:
        kept: those that go on, in the block's order; a stage may have changed them.
        dropped: those that do not.
        review: neither kept nor lost: a person decides.
    """

    kept: Sequence[Record]
    dropped: Sequence[Drop] = ()
    review: Sequence[Drop] = ()


class Stage(Protocol):
    """A step of a pipeline: a frozen dataclass, whose fields are its configuration.

    It is pickled to other processes, and its fields are part of what identifies the output: give
    it JSON values, paths, or other such dataclasses. A cache may live in the process, outside of
    the fields.
    """

    @property
    def name(self) -> str:
        """What reports call it; a class attribute does."""

    def __call__(self, records: Sequence[Record]) -> Outcome:
        """Say what becomes of each record."""


@runtime_checkable
class Sieve(Stage, Protocol):
    """A stage that keeps records as they are or drops them, by what their columns say.

    Where all stages are such, what is kept of a part is not read and written anew.
    """

    def faults(self, table: "pyarrow.Table") -> Mapping[int, tuple[str, str]]:
        """Reason and detail of each row that is dropped, of a table as `data.records` has it."""
