"""What `plumb view` answers while a run is still being read, and while its files change."""

import itertools
import json
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from launch.view import curves
from launch.view.curves import Metrics
from launch.view.desk import Desk
from launch.view.filters import Filter
from launch.view.indexing import add_all
from launch.view.search import Searcher
from launch.view.shelves import Library, runs_of
from launch.view.text_index import TextIndex
from tests.launch.viewed_run import answers, make_run, write_step

NEVER = threading.Event()
STEPS = 7
FRUIT = "小明有三个苹果，小红有2个梨。りんご、사과를 ผลไม้"


class SetAfter(threading.Event):
    """Is set once it has been looked at so many times."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self._left = times

    def is_set(self) -> bool:
        self._left -= 1
        return self._left < 0


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run(tmp_path_factory.mktemp("made") / "run", steps=STEPS)


@pytest.fixture
def desk(made: Path, tmp_path: Path) -> Iterator[Desk]:
    """Of a run of which nothing has been read, and which a test may change."""
    run = shutil.copytree(made, tmp_path / "run")
    found = Desk(runs_of([run]), tmp_path / "cache", index=False)
    yield found
    found.light.close()


def indexed(desk: Desk, path: Path, monkeypatch: pytest.MonkeyPatch) -> TextIndex:
    monkeypatch.setattr("launch.view.indexing._parent_gone", lambda seconds: False)
    index = TextIndex(path, writing=True)
    assert add_all(Library(desk.library.runs), [index])
    return index


def to_the_end(searcher: Searcher, asked: Filter, after: int | None, size: int) -> list[int]:
    """All hits from a place on."""
    docs: list[int] = []
    while True:
        found = searcher.find(asked, after, size)
        assert not found.waits
        docs += [row["doc"] for row in found.rows]
        if found.next is None:
            return docs
        after = found.next


class TestSearchingWhileARunIsRead:
    @pytest.mark.parametrize("looks", [0, 1, 2])
    @pytest.mark.parametrize("by_index", [False, True])
    @pytest.mark.parametrize("text", ["boxed", "needleatend", '"says Sum_1"', "step2"])
    def test_it_waits_for_rows_and_misses_and_repeats_none(
        self,
        desk: Desk,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        looks: int,
        by_index: bool,
        text: str,
    ) -> None:
        index = {0: indexed(desk, tmp_path / "text.sqlite", monkeypatch)} if by_index else {}
        searcher = Searcher(desk.library, desk.light, index, lambda: 0.0)
        asked = Filter(text=text)
        desk.light.refresh(SetAfter(looks))  # chunks of one file and of four
        assert desk.light.loaded == [0, 1, 5][looks]
        early: list[int] = []
        after: int | None = None
        while not (found := searcher.find(asked, after, 20)).waits:
            early += [row["doc"] for row in found.rows]
            after = found.next
            assert after is not None, "a search is not over while rows are still to be read"
        early += [row["doc"] for row in found.rows]
        again = searcher.find(asked, found.next, 20)
        assert again.waits and not again.rows and again.next == found.next
        desk.light.refresh(NEVER)
        late = to_the_end(searcher, asked, found.next, 20)
        assert early + late == to_the_end(searcher, asked, None, 500)
        assert bool(early) == (looks > 0 and text != "step2")

    def test_what_a_run_has_just_written_holds_nothing_up(self, desk: Desk) -> None:
        desk.light.refresh(NEVER)
        write_step(desk.library.shelves[0].folder, STEPS + 1, answers(STEPS + 1))
        searcher = Searcher(desk.library, desk.light, {}, lambda: 0.0)
        found = searcher.find(Filter(text="boxed"), None, 500)
        assert found.rows and not found.waits

    def test_new_steps_that_were_seen_are_waited_for(self, desk: Desk) -> None:
        """As after a start that has begun with what an earlier one kept."""
        desk.light.refresh(NEVER)
        folder = desk.library.shelves[0].folder
        write_step(folder, STEPS + 1, answers(STEPS + 1))
        desk.light.refresh(SetAfter(0))
        searcher = Searcher(desk.library, desk.light, {}, lambda: 0.0)
        found = searcher.find(Filter(text="boxed"), None, 500)
        assert found.waits and not found.rows
        desk.light.refresh(NEVER)
        assert searcher.find(Filter(text="boxed"), found.next, 500).rows[0]["step"] == STEPS + 1

    def test_a_file_that_cannot_be_read_holds_nothing_up(self, desk: Desk) -> None:
        (desk.library.shelves[0].folder / "step_000003.parquet").write_bytes(b"no parquet")
        desk.light.refresh(NEVER)
        searcher = Searcher(desk.library, desk.light, {}, lambda: 0.0)
        assert len(to_the_end(searcher, Filter(text="needleatend"), None, 5)) == STEPS


def test_where_an_index_fails_the_files_are_searched(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = indexed(desk, tmp_path / "text.sqlite", monkeypatch)
    desk.light.refresh(NEVER)
    with closing(sqlite3.connect(tmp_path / "text.sqlite")) as database:
        database.execute("DROP TABLE texts")
    searcher = Searcher(desk.library, desk.light, {0: index}, lambda: 0.0)
    assert len(to_the_end(searcher, Filter(text="needleatend"), None, 5)) == STEPS + 1
    assert searcher.progress() == (STEPS + 1, STEPS + 1)


def test_where_an_index_fails_amid_its_rows_none_comes_twice(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = indexed(desk, tmp_path / "text.sqlite", monkeypatch)
    desk.light.refresh(NEVER)
    asked, clock = Filter(text="needleatend"), itertools.count()
    wanted = to_the_end(Searcher(desk.library, desk.light, {}, lambda: 0.0), asked, None, 500)
    find = index.find

    def fails(*given: Any) -> Iterator[int]:
        yield from itertools.islice(find(*given), 2)
        raise sqlite3.DatabaseError("malformed")

    monkeypatch.setattr(index, "find", fails)
    # No file is searched in time: each answer ends where the next one goes on.
    searcher = Searcher(desk.library, desk.light, {0: index}, lambda: float(next(clock)))
    assert to_the_end(searcher, asked, None, 500) == wanted


@pytest.mark.parametrize("by_index", [False, True])
def test_what_an_agent_answered_is_searched(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by_index: bool
) -> None:
    rows = answers(STEPS + 1)
    rows[2]["response"] = "agentsays four"
    write_step(desk.library.shelves[0].folder, STEPS + 1, rows)
    index = {0: indexed(desk, tmp_path / "text.sqlite", monkeypatch)} if by_index else {}
    desk.light.refresh(NEVER)
    searcher = Searcher(desk.library, desk.light, index, lambda: 0.0)
    assert len(to_the_end(searcher, Filter(text="agentsays"), None, 5)) == 1
    assert len(to_the_end(searcher, Filter(text="observedfour"), None, 50)) == STEPS + 2


def test_a_step_that_is_damaged_and_then_deleted_leaves_nothing(desk: Desk) -> None:
    desk.light.refresh(NEVER)
    file = desk.library.shelves[0].folder / "step_000003.parquet"
    file.write_bytes(b"no parquet")
    desk.light.refresh(NEVER)
    assert len(desk.light.notes) == 1
    assert desk.light.counts(Filter(step_from=3, step_to=3))["rows"] == 0
    file.unlink()
    desk.light.refresh(NEVER)
    assert not desk.light.notes
    assert desk.light.counts(Filter(shelf=[0]))["rows"] == 16 * (STEPS - 1)


def test_a_file_that_a_disk_did_not_give_is_read_later(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError("stale file handle")

    with monkeypatch.context() as patch:
        patch.setattr(desk.light, "_insert", fail)
        desk.light.refresh(NEVER)
    assert len(desk.light.notes) == STEPS + 1
    desk.light.refresh(NEVER)
    assert len(desk.light.notes) == STEPS + 1, "not with every look"
    monkeypatch.setattr(desk.light, "_retry", 0.0)
    desk.light.refresh(NEVER)
    assert not desk.light.notes and desk.light.loaded == STEPS + 1


@pytest.mark.parametrize(
    ("text", "hits"),
    [
        ("苹果", 1), ('"三个苹果"', 1), ("果苹", 0), ("りんご", 1), ("사과", 1), ("ผลไม้", 1),
        ("2个", 1), ("小红 梨", 1), ("小红 桃", 0),
    ],
)  # fmt: skip
@pytest.mark.parametrize("by_index", [False, True])
def test_scripts_without_spaces_are_searched(
    desk: Desk,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    text: str,
    hits: int,
    by_index: bool,
) -> None:
    rows = [{**row, "response": "none", "prompt": "none"} for row in answers(1)]
    rows[4]["response"] = FRUIT
    write_step(desk.library.shelves[0].folder, 1, rows)
    index = {0: indexed(desk, tmp_path / "text.sqlite", monkeypatch)} if by_index else {}
    desk.light.refresh(NEVER)
    searcher = Searcher(desk.library, desk.light, index, lambda: 0.0)
    asked = Filter(text=text, step_to=1)
    assert len(to_the_end(searcher, asked, None, 50)) == hits


def test_prompts_of_two_sets_with_one_id_are_two(desk: Desk) -> None:
    desk.light.refresh(NEVER)
    found = desk.data(Filter())["hardest"]
    same = {row["shelf"]: row["answers"] for row in found if row["prompt_id"] == "hostile/1"}
    assert same == {0: STEPS, 1: 1}


@pytest.mark.parametrize(
    "asked",
    [
        {"step_from": 1 << 24}, {"step_to": -1}, {"lag_from": 1 << 70}, {"group": -(1 << 64)},
        {"shelf": [1 << 63]},
    ],
)  # fmt: skip
def test_a_number_that_no_column_holds_is_refused(asked: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Filter(**asked)


def test_a_shelf_that_is_not_there_has_nothing(desk: Desk) -> None:
    desk.light.refresh(NEVER)
    assert desk.rows(Filter(shelf=[-1]), 0, 10) == {"rows": []}
    assert desk.light.counts(Filter(shelf=[-1]))["rows"] == 0


class TestMetrics:
    def test_charts_are_of_the_metrics_that_are_there(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Also where a step is written, and read by another request, while they are drawn."""
        run = desk.library.runs[0]
        metrics, path = Metrics(run), run.path / "metrics.jsonl"
        last = json.loads(path.read_text("utf-8").splitlines()[-1])
        drawing = curves.charted
        others: list[threading.Thread] = []

        def slow(history: Any) -> Any:
            if not others:
                with path.open("a", encoding="utf-8") as lines:
                    lines.write(json.dumps({**last, "step": STEPS + 1}) + "\n")
                others.append(threading.Thread(target=metrics.history))
                others[0].start()
                others[0].join(timeout=1)
            return drawing(history)

        monkeypatch.setattr(curves, "charted", slow)
        metrics.drawn()
        others[0].join()
        assert metrics.drawn()["steps"][-1] == STEPS + 1

    @pytest.mark.parametrize("name", ["metrics.jsonl", "results.json", "forecast.json"])
    def test_the_stamp_tells_of_all_that_is_drawn(self, desk: Desk, name: str) -> None:
        run = desk.library.runs[0]
        before = Metrics(run).stamp
        with (run.path / name).open("a", encoding="utf-8") as lines:
            lines.write("{}\n")
        assert Metrics(run).stamp != before
