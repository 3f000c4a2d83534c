"""`plumb data difficulty` but for the model: records in, measured records out, in a folder.

Guarantees: the folder is the same however often the work was killed and begun again; parts hold
fixed blocks of the input. Answers lie in `answers.jsonl`, which refuses those of another model, of
another sampling or of another reward.
"""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from data.errors import SourceError
from data.measuring import STAGE, Measurement
from data.parts import clear, described, in_blocks, manifest_of
from data.pipeline.block import Drop
from data.pipeline.manifest import digest, read_manifest
from data.pipeline.output import FOLDERS, part_name, write_manifest, write_part
from data.pipeline.source import BLOCK_ROWS
from data.pipeline.work import DROPPED, KEPT, encoded, table_of_drops
from data.records import table_of
from data.schema import Record
from data.strata import histogram, stratum_of, wilson

ANSWERS: Final = "answers.jsonl"
_BINS: Final = 10
_CHECKED: Final = 256  # records whose verifiers are loaded once


@dataclass(slots=True)
class Summary:
    """What was measured."""

    strata: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    """Records without a pass rate, by reason."""
    rates: list[int] = field(default_factory=lambda: [0] * (_BINS + 1))
    """Prompts at 0, in equal steps between, and at 1."""
    correct: int = 0
    graded: int = 0
    early: int = 0
    """Prompts that took fewer answers than they might have."""

    def add(self, one: Record | Drop, k: int) -> None:
        """Count what became of a record."""
        if isinstance(one, Drop):
            self.reasons[one.reason] += 1
            return
        assert one.pass_rate is not None
        self.strata[stratum_of(one.pass_rate)] += 1
        self.graded += one.pass_rate.k
        self.correct += one.pass_rate.correct
        self.early += one.pass_rate.k < k
        for place, number in enumerate(histogram([one.pass_rate.rate], _BINS)):
            self.rates[place] += number

    def as_json(self) -> dict[str, Any]:
        """For the manifest."""
        low, high = wilson(self.correct, self.graded)
        return {
            "strata": dict(sorted(self.strata.items())),
            "pass_rates": self.rates,
            "answers": self.graded,
            "correct": self.correct,
            "wilson": [round(low, 4), round(high, 4)],
            "stopped_early": self.early,
        }


def checked(
    records: Iterable[Record], refusals: Callable[[Sequence[Record]], Mapping[int, str]]
) -> Iterator[Record | Drop]:
    """Drop the records that come twice, and those on which no answer could be graded.

    Args:
        records: what is to be measured.
        refusals: of some records, why no answer to one could be graded, by its place.
    """
    known: set[str] = set()
    for block in in_blocks(records, _CHECKED):
        reasons = refusals(block)
        for place, record in enumerate(block):
            if record.id in known:
                yield Drop(record, STAGE, "duplicate", "an earlier record has its id")
            elif place in reasons:
                yield Drop(record, STAGE, "cannot be graded", reasons[place])
            else:
                yield record
            known.add(record.id)


def finished(
    out: Path, sources: Sequence[str], config: Mapping[str, Any], *, overwrite: bool
) -> bool:
    """Whether the folder holds this measurement, whole.

    Raises:
        SourceError: it holds something else, which `overwrite` does not replace.
        PipelineError: it holds one of the sources.
    """
    manifest = read_manifest(out)
    if manifest is not None:
        inputs = described(sources)
        same = manifest.config_sha256 == digest(config)
        if same and manifest.input == inputs:
            return True
        if not overwrite:
            what = "with other settings" if manifest.input == inputs else "of other data"
            raise SourceError(
                f"{out}: holds a data set {what}; add --overwrite to measure anew (answers that "
                "still count are used again), or name another folder"
            )
        clear(out, sources)
    elif out.exists():
        ours = {ANSWERS, FOLDERS[DROPPED]}
        other = [p.name for p in out.iterdir() if p.name not in ours and "part_" not in p.name]
        if other or (any(out.glob("part_*")) and not (out / ANSWERS).exists()):
            what = other[0] if other else "a data set"
            raise SourceError(f"{out}: holds {what} already; name another folder")
    return False


async def write_measured(
    out: Path,
    records: Iterable[Record | Drop],
    measurement: Measurement,
    *,
    inputs: Any,
    config: Mapping[str, Any],
    k: int,
    block_rows: int = BLOCK_ROWS,
    on_record: Callable[[], None] = lambda: None,
) -> Summary:
    """Measure records and write them.

    Args:
        out: the folder.
        records: what is measured.
        measurement: measures.
        inputs: what identifies the input.
        config: what identifies the measurement.
        k: answers a prompt.
        block_rows: records of the input a part.
        on_record: called for each record that is done.

    Raises:
        DataError: something cannot be read, measured or written.
    """
    summary = Summary()
    parts, dropped_parts = [], []
    read = 0
    async with aclosing(measurement.run(records)) as found:
        async for number, block in _blocks(found, block_rows, on_record):
            for one in block:
                summary.add(one, k)
            read += len(block)
            kept = [one for one in block if isinstance(one, Record)]
            dropped = [one for one in block if isinstance(one, Drop)]
            parts.append(write_part(out, part_name(KEPT, number), encoded(table_of(kept))))
            if dropped:
                name = part_name(DROPPED, number)
                dropped_parts.append(write_part(out, name, encoded(table_of_drops(dropped))))
    if not read:
        raise SourceError("the input holds no record; check that it was written completely")
    manifest = manifest_of(
        "difficulty",
        inputs=inputs,
        config=config,
        block_rows=block_rows,
        parts=parts,
        read=read,
        dropped=dict(sorted(summary.reasons.items())),
        dropped_parts=dropped_parts,
        difficulty=summary.as_json(),
    )
    write_manifest(out, manifest)
    return summary


async def _blocks(
    found: AsyncIterator[Record | Drop], rows: int, on_record: Callable[[], None]
) -> AsyncIterator[tuple[int, list[Record | Drop]]]:
    number = 0
    block: list[Record | Drop] = []
    async for one in found:
        block.append(one)
        on_record()
        if len(block) == rows:
            yield number, block
            number, block = number + 1, []
    if block:
        yield number, block
