"""A pass that only sieves says what one over records says, and leaves as it is what it keeps."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest
from pyarrow import parquet

from data.contamination.building import build_index
from data.contamination.evaluations import EvaluationSet
from data.contamination.stage import Contamination
from data.pipeline.block import Drop, Outcome
from data.pipeline.manifest import Manifest
from data.pipeline.parts import Parts
from data.pipeline.run import run_pipeline
from data.pipeline.source import Files
from data.records import write_records
from data.schema import Record

ROWS = 24


@dataclass(frozen=True, slots=True)
class OverRecords:
    """The same stage, of which nothing but records can be asked."""

    stage: Contamination
    name: ClassVar[str] = Contamination.name

    def __call__(self, records: Sequence[Record]) -> Outcome:
        return self.stage(records)


@dataclass(frozen=True, slots=True)
class Fifth:
    """Drops every fifth record and leaves every seventh for review."""

    name: ClassVar[str] = "fifth"

    def __call__(self, records: Sequence[Record]) -> Outcome:
        drops = [Drop(one, self.name, "fifth", "it is") for one in records[::5]]
        review = [
            Drop(one, self.name, "seventh") for one in records[1::7] if one not in records[::5]
        ]
        gone = [drop.record for drop in (*drops, *review)]
        return Outcome([one for one in records if one not in gone], drops, review)


def question(number: int) -> str:
    words = " ".join(f"w{chr(97 + number)}{chr(97 + at)}" for at in range(20))
    return f"What is the number {number} of {words} in all?"


def asked(number: int) -> Record:
    parts = [{"type": "text", "text": question(number)}]
    content = parts if number % 3 == 0 else question(number)
    return Record.model_validate(
        {"messages": [{"role": "user", "content": content}], "task": "math", "reference": "7"}
    )


def test_a_sieve_gives_what_the_stage_gives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_records(tmp_path / "raw.jsonl", [asked(number) for number in range(ROWS)])
    write_records(tmp_path / "evaluation.jsonl", [asked(number) for number in (3, 4, 10)])
    evaluation = EvaluationSet("held", str(tmp_path / "evaluation.jsonl"))
    digest = build_index([evaluation], tmp_path / "index")
    stage = Contamination(str(tmp_path / "index"), digest)
    first = tmp_path / "first"
    run_pipeline(Files([tmp_path / "raw.jsonl"]), [Fifth()], first, command="t", block_rows=8)

    def second(name: str, one: Contamination | OverRecords) -> tuple[Manifest, list[object]]:
        out = tmp_path / name
        made = run_pipeline(Parts(first), [one], out, command="t", config={}, block_rows=8)
        return made, [parquet.read_table(out / part.file).to_pylist() for part in made.files()]

    whole, expected = second("b", OverRecords(stage))
    monkeypatch.delattr("data.pipeline.work._done")  # no records are made
    sieved, rows = second("a", stage)
    assert rows == expected
    assert (sieved.counts, sieved.stages) == (whole.counts, whole.stages)
    assert sieved.counts.dropped["contamination"] == {"in held": 2}  # 10 was dropped before
    untouched = f"part_{ROWS // 8 - 1:06d}.parquet"
    assert (tmp_path / "a" / untouched).read_bytes() == (first / untouched).read_bytes()
