"""A pipeline's folder is the same each time, whatever happened on the way, and loses no record."""

import errno
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar

import pytest

from data.curate.curation import Curation, Running, curate
from data.errors import PipelineError, RowError
from data.files import Row
from data.formats.table import format_named
from data.pipeline.block import Drop, Outcome
from data.pipeline.blocks import Block
from data.pipeline.manifest import Manifest, read_manifest
from data.pipeline.opening import Formatted, Input
from data.pipeline.parts import Parts
from data.pipeline.run import run_pipeline
from data.pipeline.source import Files, Rows, Source
from data.pipeline.work import Records
from data.records import parts_of, read_records, write_records
from data.schema import Record
from data.sources import load_prompts

ROWS, BLOCK = 23, 5


@dataclass(frozen=True, slots=True)
class Sums:
    """Reads rows of `{"ask", "right"}`."""

    def __call__(self, row: Row) -> list[Record]:
        asked = row.columns.get("ask")
        if not isinstance(asked, str):
            raise RowError(f"{row.where}: ask: is {asked!r}, not text; mend or remove the row")
        return [
            Record(
                messages=({"role": "user", "content": asked},),
                task="math",
                reference=row.columns["right"],
                metadata={"given": row.columns["right"]},
            )
        ]


@dataclass(frozen=True, slots=True)
class Above:
    """Drops references up to a bound, and has a person look at those just above it."""

    bound: int
    name: ClassVar[str] = "above"

    def __call__(self, records: Sequence[Record]) -> Outcome:
        kept, dropped, review = [], [], []
        for record in records:
            right = int(str(record.reference))
            if right <= self.bound:
                dropped.append(Drop(record, self.name, "too small", f"{right} of {self.bound}"))
            elif right == self.bound + 1:
                review.append(Drop(record, self.name, "at the bound"))
            else:
                kept.append(record)
        return Outcome(kept, dropped, review)


@dataclass(frozen=True, slots=True)
class Marked:
    """Notes in each record that it was there."""

    name: ClassVar[str] = "marked"

    def __call__(self, records: Sequence[Record]) -> Outcome:
        metadata = [{**record.metadata, "marked": True} for record in records]
        pairs = zip(records, metadata, strict=True)
        return Outcome([one.model_copy(update={"metadata": more}) for one, more in pairs])


@dataclass(frozen=True, slots=True)
class Loses:
    """A stage with a defect."""

    name: ClassVar[str] = "loses"

    def __call__(self, records: Sequence[Record]) -> Outcome:
        return Outcome(records[1:])


STAGES = (Above(4), Marked())


def rows(count: int = ROWS) -> list[dict[str, Any]]:
    return [{"ask": f"What is {n} + {n}?", "right": str(2 * n)} for n in range(count)]


def lines(path: Path, values: Sequence[Any]) -> Path:
    path.write_text("".join(json.dumps(value) + "\n" for value in values))
    return path


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    return lines(tmp_path / "raw.jsonl", rows())


def run(source: Source | Path, out: Path, **options: Any) -> Manifest:
    given = Files([source]) if isinstance(source, Path) else source
    options = {"stages": STAGES, "reader": Sums(), "block_rows": BLOCK} | options
    stages = options.pop("stages")
    return run_pipeline(given, stages, out, command="plumb data curate", **options)


def content(folder: Path) -> dict[str, str]:
    """Every file of a folder by the digest of its bytes, but that of times."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != "timing.json"]
    return {str(f.relative_to(folder)): sha256(f.read_bytes()).hexdigest() for f in files}


def test_every_row_is_kept_dropped_or_for_review(raw: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    manifest = run(raw, out)
    kept = list(read_records(out))
    assert [record.reference for record in kept] == [str(2 * n) for n in range(3, ROWS)]
    assert all(record.metadata["marked"] for record in kept)
    assert manifest.counts.model_dump() == {
        "read": ROWS,
        "kept": ROWS - 3,
        "bad": 0,
        "review": {},
        "dropped": {"above": {"too small": 3}},
    }
    (taken,) = [stage.taken for stage in manifest.stages if stage.name == "marked"]
    assert taken == ROWS - 3
    said = json.loads((out / "manifest.json").read_text())
    assert said["input"] == [
        {"path": str(raw), "sha256": sha256(raw.read_bytes()).hexdigest(), "rows": ROWS}
    ]
    assert [part["rows"] for part in said["parts"]] == [2, 5, 5, 5, 3]
    assert all(
        sha256((out / part.file).read_bytes()).hexdigest() == part.sha256
        for part in manifest.files()
    )
    assert {path.name for path in out.iterdir()} == {
        *(f"part_{n:06d}.parquet" for n in range(5)),
        "dropped",
        "manifest.json",
        "timing.json",
    }
    assert len(load_prompts(out)) == ROWS - 3


def test_what_is_dropped_says_why(raw: Path, tmp_path: Path) -> None:
    from pyarrow import parquet

    manifest = run(raw, tmp_path / "out", stages=(Above(5),))
    (part,) = manifest.dropped_parts
    table = parquet.read_table(tmp_path / "out" / part.file).to_pylist()
    assert [row["reference"] for row in table] == ["0", "2", "4"]
    assert {(row["stage"], row["reason"]) for row in table} == {("above", "too small")}
    assert table[1]["detail"] == "2 of 5"
    (part,) = manifest.review_parts
    (row,) = parquet.read_table(tmp_path / "out" / part.file).to_pylist()
    assert (row["reference"], row["reason"], row["detail"]) == ("6", "at the bound", "")
    assert manifest.counts.review == {"above": {"at the bound": 1}}


def test_a_pool_and_every_kind_of_file_give_the_same_parts(raw: Path, tmp_path: Path) -> None:
    import pyarrow
    from pyarrow import parquet

    array, table = tmp_path / "raw.json", tmp_path / "raw.parquet"
    array.write_text(json.dumps(rows()))
    parquet.write_table(pyarrow.Table.from_pylist(rows()), table, row_group_size=3)
    first = run(raw, tmp_path / "lines")
    assert content(tmp_path / "lines") == (
        run(raw, tmp_path / "pool", workers=2) and content(tmp_path / "pool")
    )
    stream = Rows("a stream", {"revision": "1"}, lambda: (Row(1, "row", row) for row in rows()))
    for name, source in {"array": array, "table": table, "stream": stream}.items():
        assert run(source, tmp_path / name).parts == first.parts


def test_blocks_are_of_one_file_each(raw: Path, tmp_path: Path) -> None:
    other = lines(tmp_path / "other.jsonl", rows(3))
    manifest = run(Files([other, raw]), tmp_path / "out", stages=())
    assert [part.rows for part in manifest.parts] == [3, 5, 5, 5, 5, 3]
    assert [said["rows"] for said in manifest.input] == [3, ROWS]


def test_rows_that_cannot_be_read_stop_or_are_set_aside(tmp_path: Path) -> None:
    values = rows()
    values[7] = {"ask": 3, "right": "6"}
    raw = lines(tmp_path / "raw.jsonl", values)
    with raw.open("ab") as file:
        file.write(b'\n{"ask": "\xff"}\n[1]\n{"ask": \n')
    out = tmp_path / "out"
    with pytest.raises(RowError, match=r"raw\.jsonl line 8: ask: is 3, not text"):
        run(raw, out)
    manifest = run(raw, out, skip_bad=True, workers=2)
    bad = [json.loads(line) for line in (out / "bad.jsonl").read_text().splitlines()]
    places = [row["where"].rpartition("line ")[2] for row in bad]
    assert places == ["8", "25", "26", "27"]
    assert bad[0]["row"] == values[7]
    assert bad[1]["row"] == '{"ask": "\\xff"}'
    assert manifest.counts.bad == 4 and manifest.counts.read == ROWS + 3
    assert run(raw, tmp_path / "again", skip_bad=True).counts == manifest.counts
    assert content(tmp_path / "again") == content(out)


def test_other_input_or_configuration_is_refused_or_replaces(raw: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(raw, out)
    with pytest.raises(PipelineError, match=r"stages\[0\]\.bound \(4 there, 9 here\)"):
        run(raw, out, stages=(Above(9), Marked()))
    run(raw, out, stages=(Above(9), Marked()), overwrite=True)
    assert run(raw, tmp_path / "fresh", stages=(Above(9), Marked())).counts.kept == ROWS - 6
    assert content(out) == content(tmp_path / "fresh")
    lines(raw, rows(ROWS + 1))
    with pytest.raises(PipelineError, match=r"the input .*raw\.jsonl is not what"):
        run(raw, out, stages=(Above(9), Marked()))


def test_a_folder_that_is_read_itself_is_left_as_it_is(raw: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(raw, out)
    held = content(out)
    (tmp_path / "link").symlink_to(out)
    for part in sorted(out.rglob("part_*")):
        with pytest.raises(PipelineError, match=f"{part.name}: is read"):
            run(Files([tmp_path / "link" / part.relative_to(out)]), out, overwrite=True)
    assert content(out) == held


def test_another_limit_is_other_work(raw: Path, tmp_path: Path) -> None:
    limits = (7, None, 12)
    for limit in limits:
        run(Files([raw], limit), tmp_path / f"{limit}")
        for other in limits:
            if other != limit:
                with pytest.raises(PipelineError, match=f"{limit or 'all'} rows were wanted"):
                    run(Files([raw], other), tmp_path / f"{limit}")
        assert run(Files([raw], limit), tmp_path / f"{limit}").counts.read == min(limit or 99, ROWS)


def test_a_stream_is_curated_in_two_passes_and_not_anew(tmp_path: Path) -> None:
    """What a stream gave is known only once it was read, so that it cannot tell two streams."""
    out, opened = tmp_path / "out", 0

    def start() -> Iterator[Row]:
        nonlocal opened
        opened += 1
        for n in range(9):
            asked, right = f"What is {n} and {n} in all?", f"It is so.\n#### {2 * n}"
            yield Row(n + 1, f"owner/name row {n + 1}", {"question": asked, "answer": right})

    def curated(revision: str) -> Manifest:
        stream = Rows("owner/name", {"revision": revision}, start)
        reader = Formatted("gsm8k", held=format_named("gsm8k"))
        told = Input(stream, reader, "owner/name", "gsm8k", "", ("math",))
        return curate([told], out, Curation(), Running())

    made = curated("a")
    assert (made.counts.kept, opened) == (9, 1)
    assert curated("a").text() == made.text()
    assert opened == 1
    with pytest.raises(PipelineError, match="the input owner/name is not what owner/name was"):
        curated("b")


def test_a_folder_of_parts_without_a_manifest_is_left_alone(raw: Path, tmp_path: Path) -> None:
    write_records(tmp_path / "out" / "part_000000.parquet", [])
    with pytest.raises(PipelineError, match="parts that no manifest tells of"):
        run(raw, tmp_path / "out")


def test_a_stage_that_loses_a_record_is_a_defect(raw: Path, tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match=r"stage 'loses': took 5 records .* gave 4 kept"):
        run(raw, tmp_path / "out", stages=(Loses(),))


class KilledError(BaseException):
    """The process ends here."""


class Instants:
    """Counts what a process does to the files below a folder, and ends it at a drawn one."""

    EVENTS: ClassVar = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.scandir"}

    def __init__(self) -> None:
        self.folder = ""
        self.seen = 0
        self.last: int | None = None
        self.end: Callable[[], BaseException] = KilledError
        sys.addaudithook(self.saw)

    def saw(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.folder or event not in self.EVENTS or not arguments:
            return
        if str(arguments[0]).startswith(self.folder):
            self.seen += 1
            if self.seen == self.last:
                raise self.end()

    def until(self, folder: Path, last: int | None, work: Callable[[], object]) -> bool:
        """Do the work up to the event `last`; whether it came to its end before."""
        self.folder, self.seen, self.last = str(folder), 0, last
        try:
            work()
        except KilledError:
            return False
        finally:
            self.folder = ""
        return True


@pytest.fixture(scope="module")
def instants() -> Instants:
    return Instants()


def test_killed_at_any_instant_and_begun_again_it_gives_the_same_bytes(
    tmp_path: Path, instants: Instants
) -> None:
    values = rows(12)
    values[6] = {"ask": None}
    raw = lines(tmp_path / "raw.jsonl", values)
    options: dict[str, Any] = {"stages": (Above(5),), "skip_bad": True, "block_rows": 4}
    whole = tmp_path / "whole"
    assert instants.until(whole, None, lambda: run(raw, whole, **options))
    total = instants.seen
    assert total > 30, "the hook no longer sees what the pipeline does"
    for last in range(1, total + 1):
        out = tmp_path / f"killed_{last}"
        killed = not instants.until(out, last, lambda out=out: run(raw, out, **options))
        assert killed, f"{last} of {total} events"
        # A second end, at another instant, on the way to recovery.
        instants.until(out, 1 + last * 7 % total, lambda out=out: run(raw, out, **options))
        manifest = run(raw, out, **options)
        assert content(out) == content(whole), f"killed at event {last} of {total}"
        assert manifest == read_manifest(whole)


def test_what_was_finished_before_is_not_done_again(raw: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"

    class Stopping(Files):
        def blocks(self, block_rows: int) -> Iterator[Block]:
            for block in super().blocks(block_rows):
                if block.number == 3:
                    raise KilledError
                yield block

    with pytest.raises(KilledError):
        run(Stopping([raw]), out)
    times = {path: path.stat().st_mtime_ns for path in parts_of(out)}
    assert len(times) == 3
    told: list[int] = []
    run(raw, out, on_block=lambda note: told.append(note.number))
    assert told == [0, 1, 2, 3, 4]
    assert {path: path.stat().st_mtime_ns for path in times} == times


def test_a_part_that_was_lost_or_changed_is_made_again(raw: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(raw, out)
    before = content(out)
    (out / "part_000001.parquet").unlink()
    (out / "dropped/part_000000.parquet").write_bytes(b"torn")
    told: list[int] = []
    run(raw, out, on_block=lambda note: told.append(note.number))
    assert told == [0, 1]
    assert content(out) == before


def test_a_full_disk_is_one_line_and_nothing_is_lost(
    raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, out = tmp_path / "whole", tmp_path / "out"
    run(raw, whole)
    write = Path.write_bytes
    room = [9]

    def full(path: Path, data: bytes) -> int:
        room[0] -= 1
        if room[0] == 0:
            write(path, data[: len(data) // 2])
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(path, data)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_bytes", full)
        with pytest.raises(PipelineError) as caught:
            run(raw, out)
    message = str(caught.value)
    assert "the disk is full: free some space and run the command again" in message
    assert "\n" not in message
    assert not list(out.rglob(".*.tmp"))
    run(raw, out)
    assert content(out) == content(whole)


def test_two_at_once_do_not_write_to_one_folder(raw: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"

    def second(_: object) -> None:
        with pytest.raises(PipelineError, match="another process writes to this folder"):
            run(raw, out)

    run(raw, out, on_block=second)


def test_a_second_pass_carries_over_what_the_first_one_dropped(raw: Path, tmp_path: Path) -> None:
    first = run(raw, tmp_path / "first", stages=(Above(5),))
    source = Parts(tmp_path / "first")
    out = tmp_path / "second"
    second = run(source, out, reader=Records(), config={"two": 2}, stages=(Above(16), Marked()))
    assert second.counts.read == ROWS
    assert second.counts.kept == ROWS - 3 - 1 - 5
    assert second.counts.dropped == {"above": {"too small": 3 + 5}}
    assert second.counts.review == {"above": {"at the bound": 1}}
    assert second.input == first.input
    assert len(second.dropped_parts) == 2
