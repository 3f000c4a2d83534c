"""A mix holds the shares that it was asked for, says what it lacks, and follows content alone."""

import json
import random
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from data.errors import MixError, PipelineError, SourceError
from data.mix_files import mix
from data.mix_shares import parse_column, parse_ratio, parse_share
from data.mixing import Request, Selection, select
from data.records import read_records, write_records
from data.schema import PassRate, Record
from data.strata import is_settled, stratum_of, wilson


def record(
    number: int, correct: int | None = 2, task: str = "math", source: str = "a", **metadata: Any
) -> Record:
    rate = None if correct is None else PassRate(k=5, correct=correct, model="m")
    return Record(
        messages=({"role": "user", "content": f"what is {number}?"},),
        task=task,
        reference=f"{number}",
        source=source,
        pass_rate=rate,
        metadata=metadata,
    )


def records(**counts: int) -> list[Record]:
    """So many easy, medium, hard and unmeasured ones."""
    kinds: dict[str, int | None] = {"easy": 5, "medium": 2, "hard": 0, "unmeasured": None}
    found = []
    for kind, count in counts.items():
        found += [record(len(found) + i, kinds[kind]) for i in range(count)]
    return found


def chosen(some: list[Record], request: Request) -> tuple[list[Record], Selection]:
    found = select(some, request)
    return [some[position] for position in found.positions], found


REPORT = Request(shares=(parse_ratio("medium:hard=2:1"),))


def strata(some: Iterable[Record]) -> Counter[str]:
    return Counter(stratum_of(r.pass_rate) if r.pass_rate else "unmeasured" for r in some)


@pytest.mark.parametrize(
    ("counts", "size", "fill", "expected", "short"),
    [
        ((10, 100, 100), None, False, (0, 100, 50), 0),
        ((10, 100, 20), None, False, (0, 40, 20), 0),
        ((10, 100, 100), 90, False, (0, 60, 30), 0),
        ((10, 100, 100), 91, False, (0, 61, 30), 0),
        ((10, 100, 20), 90, False, (0, 60, 20), 10),
        ((10, 100, 20), 90, True, (0, 70, 20), 10),
        ((10, 30, 20), 90, True, (0, 30, 20), 40),
        ((10, 30, 0), 60, False, (0, 30, 0), 30),
    ],
)
def test_shares_hold_and_what_is_short_is_said(
    counts: tuple[int, int, int],
    size: int | None,
    fill: bool,
    expected: tuple[int, int, int],
    short: int,
) -> None:
    some = records(easy=counts[0], medium=counts[1], hard=counts[2], unmeasured=7)
    request = Request(shares=REPORT.shares, size=size, fill=fill)
    found, selection = chosen(some, request)
    have = strata(found)
    assert (have["easy"], have["medium"], have["hard"]) == expected
    assert sum(one.short for one in selection.cells.values()) == short
    assert selection.left_out == {"stratum=easy": counts[0], "stratum=unmeasured": 7}
    assert len(set(selection.positions)) == len(found)


def test_shares_of_several_columns_multiply() -> None:
    some = [
        record(i, correct, task, source)
        for i, (correct, task, source) in enumerate(
            (c, t, s) for c in (0, 2) for t in ("math", "code") for s in "abc" for _ in range(60)
        )
    ]
    shares = (
        *REPORT.shares,
        parse_share("task=math:3,code:1"),
        parse_share("source=a:2,*:1"),
    )
    found, _ = chosen(some, Request(shares=shares, size=144))
    assert strata(found) == {"medium": 96, "hard": 48}
    assert Counter(r.task for r in found) == {"math": 108, "code": 36}
    assert Counter(r.source == "a" for r in found) == {True: 96, False: 48}
    equal, _ = chosen(some[60:], Request(shares=(parse_share("source"),)))
    counts = Counter(r.source for r in equal)
    assert max(counts.values()) - min(counts.values()) <= 1


def test_weights_make_records_likelier_in_proportion() -> None:
    some = [record(i, tags=[["x"], ["y"], ["x", "y"], []][i % 4]) for i in range(8000)]
    weights = (parse_column("metadata.tags=x:4,y:0.5"),)
    found, _ = chosen(some, Request(weights=weights, size=400))
    counts = Counter("".join(r.metadata["tags"]) for r in found)  # type: ignore[arg-type]
    assert counts["x"] / counts[""] == pytest.approx(4, rel=0.45)
    assert counts["xy"] / counts[""] == pytest.approx(2, rel=0.45)
    assert counts["y"] < counts[""] < counts["x"]
    none, selection = chosen(some, Request(weights=(parse_column("metadata.tags=x:0"),)))
    assert not any("x" in r.metadata["tags"] for r in none)  # type: ignore[operator]
    assert selection.unlikely == 4000
    graded = [record(i, quality=i % 2) for i in range(100)]
    by_number, _ = chosen(graded, Request(weights=(parse_column("metadata.quality"),)))
    assert {r.metadata["quality"] for r in by_number} == {1}
    with pytest.raises(MixError, match=r"metadata.quality is None"):
        select([record(1)], Request(weights=(parse_column("metadata.quality"),)))


def test_the_choice_depends_on_content_and_seed_alone() -> None:
    some = [record(i, i % 6) for i in range(600)]
    other = some.copy()
    random.Random(0).shuffle(other)
    request = Request(shares=REPORT.shares, size=60)
    assert [r.id for r in chosen(some, request)[0]] == [r.id for r in chosen(other, request)[0]]
    seeded = Request(shares=REPORT.shares, size=60, seed=1)
    assert {r.id for r in chosen(some, seeded)[0]} != {r.id for r in chosen(some, request)[0]}


def test_orders() -> None:
    some = [record(i, i % 6) for i in range(120)]
    curriculum, _ = chosen(some, Request())
    rates = [r.pass_rate.rate for r in curriculum if r.pass_rate]
    assert rates == sorted(rates, reverse=True)
    as_read, selection = chosen(some, Request(order="input"))
    assert selection.positions == list(range(120))
    shuffled, _ = chosen(some, Request(order="shuffled"))
    assert shuffled != as_read != curriculum
    assert {r.id for r in shuffled} == {r.id for r in as_read}


def test_a_record_comes_once() -> None:
    some = records(medium=10, hard=5)
    found, selection = chosen(some + some[:4], REPORT)
    assert len({r.id for r in found}) == len(found) == 15
    assert selection.duplicates == 4


@pytest.mark.parametrize(
    "text", ["tags=a:1", "metadata", "task=math", "task=math:-1", "task=math:x", "task=math:0"]
)
def test_a_share_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(MixError, match=text.partition("=")[0]):
        parse_share(text)


@pytest.mark.parametrize("text", ["medium:hard", "medium:hard=1", "soft=1", "hard:hard=1:1"])
def test_a_ratio_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(MixError, match="write medium:hard=2:1"):
        parse_ratio(text)


def test_nothing_to_take_is_an_error_that_says_why() -> None:
    with pytest.raises(MixError, match=r"9 are stratum=unmeasured.*plumb data difficulty"):
        select(records(unmeasured=9), REPORT)
    with pytest.raises(MixError, match="the input is empty"):
        select([], REPORT)


def test_a_mix_is_written_the_same_twice_and_replaces_nothing(tmp_path: Path) -> None:
    some = records(medium=50, hard=30)
    write_records(tmp_path / "in" / "part_000000.parquet", some[:40])
    write_records(tmp_path / "in" / "part_000001.parquet", some[40:])
    source = str(tmp_path / "in")
    for out in (tmp_path / "one", tmp_path / "two"):
        mix([source], out, REPORT, block_rows=16)
    files = [sorted(p.relative_to(tmp_path / d) for p in (tmp_path / d).rglob("*"))
             for d in ("one", "two")]  # fmt: skip
    assert files[0] == files[1]
    for path in files[0]:
        assert (tmp_path / "one" / path).read_bytes() == (tmp_path / "two" / path).read_bytes()
    manifest = json.loads((tmp_path / "one" / "manifest.json").read_text())
    written = list(read_records(tmp_path / "one"))
    assert sum(part["rows"] for part in manifest["parts"]) == len(written) == 75
    assert manifest["counts"]["kept"] == 75
    assert manifest["counts"]["dropped"] == {"mix": {"more than needed": 5}}
    assert [(one["cell"], one["taken"]) for one in manifest["cells"]] == [
        ({"stratum": "hard"}, 25),
        ({"stratum": "medium"}, 50),
    ]
    assert strata(written) == {"medium": 50, "hard": 25}
    with pytest.raises(SourceError, match="--overwrite"):
        mix([source], tmp_path / "one", REPORT)
    mix([source], tmp_path / "one", Request(size=5), overwrite=True)
    assert len(list(read_records(tmp_path / "one"))) == 5
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("x")
    with pytest.raises(SourceError, match=r"thesis\.txt"):
        mix([source], tmp_path / "mine", REPORT, overwrite=True)
    with pytest.raises(SourceError, match="name another folder"):
        mix([source], tmp_path / "in", REPORT, overwrite=True)
    part = tmp_path / "one" / "part_000000.parquet"
    with pytest.raises(PipelineError, match=r"part_000000\.parquet: is read"):
        mix([source, str(part)], tmp_path / "one", REPORT, overwrite=True)
    assert len(list(read_records(part))) == 5
    assert list(read_records(tmp_path / "in")) == some


def test_a_file_of_any_kind_can_be_mixed(tmp_path: Path) -> None:
    rows = "".join(f'{{"prompt": "p {i}", "reference": "{i}"}}\n' for i in range(12))
    (tmp_path / "plain.jsonl").write_text(rows)
    found = mix(
        [str(tmp_path / "plain.jsonl"), "builtin:arithmetic?max=9&count=20"],
        tmp_path / "out",
        Request(shares=(parse_share("source"),)),
    )
    written = list(read_records(tmp_path / "out"))
    assert Counter(r.source for r in written) == {"plain.jsonl": 12, "builtin:arithmetic": 12}
    assert len(found.positions) == 24


def test_wilson_and_certainty() -> None:
    assert wilson(0, 0) == (0, 1)
    assert wilson(5, 10) == (pytest.approx(0.2366, abs=1e-4), pytest.approx(0.7634, abs=1e-4))
    assert wilson(0, 5) == (0, pytest.approx(0.4345, abs=1e-4))
    assert wilson(5, 5)[1] == 1
    for right in range(6):
        for wrong in range(6 - right):
            ends = {stratum_of(PassRate(k=5, correct=right + more, model="m"))
                    for more in range(6 - right - wrong)}  # fmt: skip
            assert is_settled(right, wrong, 5) == (len(ends) == 1)
