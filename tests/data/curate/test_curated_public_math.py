"""No good row of GSM8K and MATH is lost, where the two are at hand."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from data.curate.math import math_checks, math_filters
from data.schema import Record
from tests.data.curate.math_rows import row

DATA = Path(__file__).parents[4] / "shared" / "data"
EVERY = 7  # one row of so many is looked at


def _gsm8k(path: Path) -> Iterator[Record]:
    for line in path.read_text(encoding="utf-8").splitlines()[::EVERY]:
        held = json.loads(line)
        answer = held["answer"].split("####")[-1].strip()
        yield row(held["question"], answer, solution=held["answer"])


def _math(path: Path) -> Iterator[Record]:
    for line in path.read_text(encoding="utf-8").splitlines()[::EVERY]:
        held = json.loads(line)
        yield row(held["problem"], held["answer"])


@pytest.mark.parametrize(("name", "read"), [("gsm8k", _gsm8k), ("math", _math)])
def test_nearly_all_rows_are_kept(name: str, read: object) -> None:
    path = DATA / name / "train.jsonl"
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    kept = list(read(path))  # type: ignore[operator]
    records, reasons = len(kept), Counter[str]()

    for stage in (*math_filters(), *math_checks()):
        outcome = stage(kept)
        kept = list(outcome.kept)
        reasons.update(drop.reason for drop in outcome.dropped)

    assert len(kept) + reasons.total() == records
    assert reasons.total() <= records / 100, reasons
    assert {record.language for record in kept} == {"en"}
