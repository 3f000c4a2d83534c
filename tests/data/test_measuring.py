"""Measuring with a scripted model: what is asked, when it stops, and what a kill changes."""

import asyncio
import errno
import hashlib
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from data.asking.store import AnswerStore
from data.difficulty import checked, finished, write_measured
from data.errors import AnswersError, MeasureError, PipelineError, SourceError
from data.measuring import Graded, Measurement, Plan, response_tokens
from data.parts import described
from data.pipeline.block import Drop
from data.records import read_records
from data.schema import Record
from data.strata import stratum_of


class Killed(BaseException):
    """What a kill looks like to the code."""


def record(number: int) -> Record:
    return Record(
        messages=({"role": "user", "content": f"{number}"},), task="math", reference=f"{number}"
    )


RECORDS = [record(number) for number in range(60)]


class Scripted:
    """Answers as if by a model; which answer is right is a function of prompt and number."""

    def __init__(self, dies_after: int = 10**9) -> None:
        self.asked: list[tuple[str, int]] = []
        self._dies_after = dies_after

    async def __call__(self, one: Record, number: int) -> Graded:
        if len(self.asked) >= self._dies_after:
            raise Killed
        self.asked.append((one.id, number))
        draw = hashlib.sha256(f"{one.id}/{number}".encode()).digest()
        for _ in range(draw[1] % 7):  # answers end in any order
            await asyncio.sleep(0)
        prompt = int(one.reference)  # type: ignore[arg-type]
        if prompt % 10 == 9:
            return Graded("refused", reason="too long: 99 tokens, and the limit is 64")
        if prompt % 10 == 8:
            return Graded("ungradable", tokens=3, reason="timeout: 3 s")
        if draw[2] % 5 == 0:
            return Graded("ungradable", tokens=5, reason="ValueError: no")
        rate = (0, 64, 128, 192, 256)[prompt % 5]
        return Graded("correct" if draw[0] < rate else "incorrect", tokens=10, cut=draw[3] < 9)


def plan(early: bool, places: int = 8) -> Plan:
    return Plan(k=5, early=early, model="tiny", sampling={"temperature": 1.0}, open=places)


def refusals(some: Sequence[Record]) -> dict[int, str]:
    return {i: "reference: none" for i, one in enumerate(some) if one.reference == "7"}


async def measured(ask: Any, out: Path, how: Plan, some: list[Record] = RECORDS) -> list[Any]:
    with AnswerStore.open(out / "answers.jsonl", {"model": "tiny"}) as store:
        await write_measured(
            out,
            checked(some, refusals),
            Measurement(ask, store, how),
            inputs=described(["builtin:x"]),
            config={"k": 5},
            k=5,
            block_rows=16,
        )
    return list(read_records(out))


def files(folder: Path) -> dict[str, bytes]:
    """All but the answers, whose order is that of their coming."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "answers.jsonl"
    }


def keys(folder: Path) -> set[str]:
    """Of the answers on disk."""
    lines = (folder / "answers.jsonl").read_text().splitlines()
    return {json.loads(line)["key"] for line in lines if "value" in line}


@pytest.mark.parametrize("early", [True, False])
async def test_a_killed_measurement_goes_on_and_asks_nothing_twice(
    early: bool, tmp_path: Path
) -> None:
    whole = Scripted()
    await measured(whole, tmp_path / "whole", plan(early))
    expected = files(tmp_path / "whole")
    assert {"manifest.json", "part_000000.parquet", "part_000003.parquet"} <= expected.keys()
    out = tmp_path / "killed"
    asked: Counter[tuple[str, int]] = Counter()
    for kill in (0, 1, 37, 150, 10**9):
        ask = Scripted(kill)
        try:
            await measured(ask, out, plan(early, 3 + kill % 5))
        except Killed:
            # A torn line, as of a kill in the middle of a write.
            with (out / "answers.jsonl").open("ab") as file:
                file.write(b'{"key": "x')
        known = keys(out)
        asked.update(one for one in set(ask.asked) if f"{one[0]}/{one[1]}" in known)
    assert files(out) == expected
    assert set(asked.values()) == {1}
    assert set(asked) == set(whole.asked)


@pytest.mark.parametrize("early", [True, False])
async def test_strata_are_those_of_all_answers_and_early_asks_fewer(
    early: bool, tmp_path: Path
) -> None:
    ask = Scripted()
    found = await measured(ask, tmp_path, plan(early))
    full = await measured(Scripted(), tmp_path / "full", plan(False))
    assert [r.id for r in found] == [r.id for r in RECORDS if int(r.reference) % 10 < 8
                                     and r.reference != "7"]  # type: ignore[call-overload]  # fmt: skip
    for one, other in zip(found, full, strict=True):
        assert one.pass_rate is not None
        assert other.pass_rate is not None
        if stratum_of(one.pass_rate) != "medium" or not early:
            assert one.pass_rate == other.pass_rate
        assert stratum_of(one.pass_rate) == stratum_of(other.pass_rate)
        assert other.pass_rate.k == 5
        facts: Any = one.metadata["difficulty"]
        assert facts["stratum"] == stratum_of(one.pass_rate)
        low, high = facts["wilson"]
        assert low <= one.pass_rate.rate <= high
        assert one.pass_rate.model == "tiny"
        assert one.pass_rate.sampling == {"temperature": 1.0}
    if early:
        answers = sum(r.pass_rate.k for r in found)
        assert answers < sum(r.pass_rate.k for r in full)
    assert 9 < (response_tokens(found) or 0) <= 10
    reasons = Counter(
        (drop["stage"], drop["reason"])
        for part in sorted((tmp_path / "dropped").glob("*.parquet"))
        for drop in _rows(part)
    )
    assert reasons == {
        ("difficulty", "too long"): 6,
        ("difficulty", "no answer could be graded"): 6,
        ("difficulty", "cannot be graded"): 1,
    }
    of_ungradable = [n for name, n in ask.asked if name == RECORDS[8].id]
    assert sorted(of_ungradable) == list(range(10))  # twice k, and no more


def _rows(part: Path) -> list[dict[str, Any]]:
    from pyarrow import parquet

    rows: list[dict[str, Any]] = parquet.read_table(part).to_pylist()
    return rows


async def test_no_more_answers_are_open_than_there_are_places(tmp_path: Path) -> None:
    now = most = 0

    async def ask(one: Record, number: int) -> Graded:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.001)
        now -= 1
        return Graded("correct", tokens=1)

    await measured(ask, tmp_path, plan(False))
    assert most == 8


async def test_answers_that_were_lost_are_asked_again_and_many_of_them_stop_it(
    tmp_path: Path,
) -> None:
    def away(share: int) -> Callable[[Record, int], Awaitable[Graded]]:
        ask = Scripted()

        async def lossy(one: Record, number: int) -> Graded:
            graded = await ask(one, number)
            if len(ask.asked) % share == 0:
                return Graded("ungradable", 0, reason="infrastructure: away", is_lost=True)
            return graded

        return lossy

    with pytest.raises(MeasureError, match=r"max_ungradable=0\.1 allows: infrastructure: away"):
        await measured(away(2), tmp_path / "one", plan(False))
    found = await measured(away(50), tmp_path / "two", plan(False))
    assert len(found) == 47
    assert "away" not in (tmp_path / "two" / "answers.jsonl").read_text()


async def test_a_full_disk_is_one_line_and_costs_no_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = Path.write_bytes

    def full(path: Path, data: bytes) -> int:
        if path.suffix != ".tmp":
            return write(path, data)
        write(path, b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    await measured(Scripted(), tmp_path / "whole", plan(True))
    out = tmp_path / "full"
    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_bytes", full)
        with pytest.raises(PipelineError, match=r"part_000000\.parquet: .*disk is full: free some"):
            await measured(Scripted(), out, plan(True))
    assert files(out) == {}
    kept = keys(out)
    assert kept
    second = Scripted()
    await measured(second, out, plan(True))
    assert files(out) == files(tmp_path / "whole")
    assert not kept & {f"{name}/{number}" for name, number in second.asked}


async def test_duplicates_are_dropped(tmp_path: Path) -> None:
    found = await measured(Scripted(), tmp_path, plan(True), [*RECORDS[:4], *RECORDS[:3]])
    assert len(found) == 4
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert manifest["counts"]["dropped"]["difficulty"] == {"duplicate": 3}
    strata = Counter(stratum_of(r.pass_rate) for r in found if r.pass_rate)
    assert manifest["difficulty"]["strata"] == strata


async def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    config, sources = {"k": 5}, ["builtin:x"]
    assert not finished(tmp_path / "new", sources, config, overwrite=False)
    await measured(Scripted(), tmp_path / "old", plan(True))
    assert finished(tmp_path / "old", sources, config, overwrite=False)
    with pytest.raises(SourceError, match="with other settings; add --overwrite"):
        finished(tmp_path / "old", sources, {"k": 6}, overwrite=False)
    with pytest.raises(SourceError, match="of other data"):
        finished(tmp_path / "old", ["builtin:y"], config, overwrite=False)
    with pytest.raises(AnswersError, match="holds answers to something else"):
        AnswerStore.open(tmp_path / "old" / "answers.jsonl", {"model": "other"})
    part = tmp_path / "old" / "part_000000.parquet"
    with pytest.raises(PipelineError, match=r"part_000000\.parquet: is read"):
        finished(tmp_path / "old", [*sources, str(part)], {"k": 6}, overwrite=True)
    assert part.exists()
    assert not finished(tmp_path / "old", sources, {"k": 6}, overwrite=True)
    assert [p.name for p in (tmp_path / "old").glob("*.*")] == ["answers.jsonl"]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("x")
    with pytest.raises(SourceError, match=r"notes\.txt"):
        finished(tmp_path / "mine", sources, config, overwrite=True)
    with pytest.raises(SourceError, match="no record"):
        await measured(Scripted(), tmp_path / "none", plan(True), [])


def test_drops_name_their_stage() -> None:
    found = list(checked([RECORDS[0], RECORDS[0]], lambda some: {}))
    assert isinstance(found[1], Drop)
    assert (found[1].stage, found[1].reason) == ("difficulty", "duplicate")
