"""What one process does with one block: read it, run the stages, and encode what came of it.

It depends on the block and the plan alone, and touches no file: the same block gives the same
bytes on a laptop's process and on a cluster's.
"""

import gc
import io
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

from data.errors import PipelineError, RowError
from data.files import BadRow, Row
from data.pipeline.block import Drop, Sieve, Stage
from data.pipeline.blocks import Block, PartOfRecords
from data.records import arrow_schema, record_of, table_of
from data.schema import Record

if TYPE_CHECKING:
    import pyarrow

_OBJECTS: Final = 200_000  # made between two collections: more than a block of records has
KEPT, DROPPED, REVIEW = "kept", "dropped", "review"
WHY: Final = ("stage", "reason", "detail")
"""The columns that a dropped record has besides its own."""


class Reader(Protocol):
    """Makes records of a row: a frozen dataclass, as stages are."""

    def __call__(self, row: Row) -> Iterable[Record]:
        """The records of a row, usually one; raises RowError with place and field."""


@dataclass(frozen=True, slots=True)
class Records:
    """Reads the rows of files of records."""

    def __call__(self, row: Row) -> Iterable[Record]:
        """The record of the row."""
        return (record_of(row),)


RECORDS: Final = Records()


@dataclass(frozen=True, slots=True)
class Plan:
    """What is done with every block.

    Attributes:
        readers: make records of rows: one, or one for each of the source's inputs.
        stages: run one after the other.
        skip_bad: whether rows that cannot be read are set aside; otherwise the first one raises.
    """

    readers: tuple[Reader, ...] = (RECORDS,)
    stages: tuple[Stage, ...] = ()
    skip_bad: bool = False


@dataclass(frozen=True, slots=True)
class Flow:
    """How many records a stage took in, and what became of them."""

    stage: str
    taken: int
    kept: int
    dropped: Mapping[str, int]
    review: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Encoded:
    """A parquet file's bytes."""

    data: bytes
    rows: int


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a block."""

    number: int
    origin: int
    read: int
    files: Mapping[str, Encoded]
    bad: Sequence[Mapping[str, Any]]
    flows: Sequence[Flow]
    seconds: Mapping[str, float] = field(default_factory=dict)


def work(plan: Plan, block: Block) -> Done:
    """Do one block.

    Raises:
        RowError: a row cannot be read, and bad rows are not skipped.
        PipelineError: a stage lost records, or made some up.
    """
    with _seldom_collected():
        return _sieved(plan, block) or _done(plan, block)


@contextmanager
def _seldom_collected() -> Iterator[None]:
    """Keep the garbage collector from walking a block's records again and again as they grow.

    It takes a fifth of the time otherwise. Stages that run for long are still collected after.
    """
    before = gc.get_threshold()
    gc.set_threshold(_OBJECTS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _sieved(plan: Plan, block: Block) -> Done | None:
    """What comes of a part by stages that look at columns; None where records are to be made."""
    import pyarrow
    from pyarrow import parquet

    sieves = [one for one in (*block.own_stages, *plan.stages) if isinstance(one, Sieve)]
    if not isinstance(block, PartOfRecords) or plan.readers != (RECORDS,):
        return None
    if len(sieves) < len(block.own_stages) + len(plan.stages):
        return None
    began = time.perf_counter()
    data = block.part()
    table = parquet.read_table(io.BytesIO(data))
    schema = arrow_schema()
    if not table.schema.equals(schema) or table.schema.metadata != schema.metadata:
        return None
    seconds = {"read": time.perf_counter() - began}
    read, flows, drops = table.num_rows, [], []
    for sieve in sieves:
        began = time.perf_counter()
        faults = sieve.faults(table)
        reasons = Counter(reason for reason, _ in faults.values())
        left = table.num_rows - len(faults)
        flows.append(Flow(sieve.name, table.num_rows, left, dict(sorted(reasons.items())), {}))
        if faults:
            why = [(sieve.name, *faults[at]) for at in sorted(faults)]
            drops.append(_with_why(table.take(sorted(faults)), why))
            table = table.take([at for at in range(table.num_rows) if at not in faults])
        seconds[sieve.name] = time.perf_counter() - began
    began = time.perf_counter()
    files = {KEPT: encoded(table) if drops else Encoded(data, read)}
    for kind in (DROPPED, REVIEW):
        held = block.carried.get(kind)
        if kind == DROPPED and drops:
            earlier = [] if held is None else [parquet.read_table(io.BytesIO(held))]
            files[kind] = encoded(pyarrow.concat_tables([*earlier, *drops]))
        elif held is not None:
            files[kind] = Encoded(held, parquet.read_metadata(io.BytesIO(held)).num_rows)
    seconds["write"] = time.perf_counter() - began
    return Done(block.number, block.origin, read, files, [], flows, seconds)


def _done(plan: Plan, block: Block) -> Done:
    began = time.perf_counter()
    records, bad, read = _read(plan, block)
    seconds = {"read": time.perf_counter() - began}
    dropped: list[Drop] = []
    review: list[Drop] = []
    flows = []
    for stage in (*block.own_stages, *plan.stages):
        began = time.perf_counter()
        outcome = stage(records)
        seconds[stage.name] = time.perf_counter() - began
        flow = Flow(
            stage.name,
            len(records),
            len(outcome.kept),
            _counted(outcome.dropped),
            _counted(outcome.review),
        )
        if flow.taken != len(outcome.kept) + len(outcome.dropped) + len(outcome.review):
            raise PipelineError(
                f"stage {stage.name!r}: took {flow.taken} records of block {block.number} and gave "
                f"{len(outcome.kept)} kept, {len(outcome.dropped)} dropped and "
                f"{len(outcome.review)} for review; every record has to be in one of them"
            )
        flows.append(flow)
        dropped += outcome.dropped
        review += outcome.review
        records = list(outcome.kept)
    began = time.perf_counter()
    files = {KEPT: encoded(table_of(records))}
    for kind, drops in ((DROPPED, dropped), (REVIEW, review)):
        if drops or kind in block.carried:
            files[kind] = encoded(_with(block.carried.get(kind), drops))
    seconds["write"] = time.perf_counter() - began
    return Done(block.number, block.origin, read, files, bad, flows, seconds)


def _read(plan: Plan, block: Block) -> tuple[list[Record], list[dict[str, Any]], int]:
    reader = plan.readers[block.origin if len(plan.readers) > 1 else 0]
    records: list[Record] = []
    bad: list[dict[str, Any]] = []
    read = 0
    for row in block.rows():
        read += 1
        try:
            if isinstance(row, BadRow):
                raise RowError(row.error)
            records += reader(row)
        except RowError as error:
            if not plan.skip_bad:
                raise
            raw = row.columns if isinstance(row, Row) else row.raw
            bad.append({"where": row.where, "error": str(error), "row": raw})
    return records, bad, read


def _counted(drops: Sequence[Drop]) -> dict[str, int]:
    return dict(sorted(Counter(drop.reason for drop in drops).items()))


def table_of_drops(drops: Sequence[Drop]) -> "pyarrow.Table":
    """The records as `arrow_schema` has them, with the columns of `WHY`."""
    why = [(drop.stage, drop.reason, drop.detail) for drop in drops]
    return _with_why(table_of([drop.record for drop in drops]), why)


def _with_why(table: "pyarrow.Table", why: Sequence[tuple[str, str, str]]) -> "pyarrow.Table":
    """The table with the columns of `WHY`."""
    import pyarrow

    for at, name in enumerate(WHY):
        table = table.append_column(name, pyarrow.array([one[at] for one in why], pyarrow.string()))
    return table


def _with(carried: bytes | None, drops: Sequence[Drop]) -> "pyarrow.Table":
    """What an earlier pass dropped of the block, and after it what this one did."""
    import pyarrow
    from pyarrow import parquet

    table = table_of_drops(drops)
    if carried is None:
        return table
    return pyarrow.concat_tables([parquet.read_table(io.BytesIO(carried)), table])


def encoded(table: "pyarrow.Table") -> Encoded:
    """The table as a parquet file: the same table gives the same bytes."""
    import pyarrow
    from pyarrow import parquet

    sink = pyarrow.BufferOutputStream()
    parquet.write_table(table, sink, compression="zstd")
    return Encoded(sink.getvalue().to_pybytes(), table.num_rows)
