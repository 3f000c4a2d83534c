"""The server of `plumb view`: what it answers, to whom, and what it does with files that change."""

import asyncio
import json
import shutil
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from pyarrow import parquet
from starlette.testclient import TestClient

from data.schema import Prompt
from launch.evaluate.options import SamplingOptions
from launch.evaluate.results import ANSWERS, COLUMNS, RESULTS
from launch.verify.tasks import TASKS
from launch.view import light
from launch.view.cache import snapshot_of
from launch.view.desk import Desk
from launch.view.filters import Filter
from launch.view.indexing import add_all, start_indexing
from launch.view.regrade import RegradeError, ask_worker
from launch.view.regrade_sources import judges
from launch.view.regrade_worker import _sample
from launch.view.search import Searcher
from launch.view.security import Guard, _cookie, is_loopback
from launch.view.server import application
from launch.view.shelves import Library, Stamp, doc_of, place_of, runs_of
from launch.view.text_index import TextIndex
from launch.view.texts import doc_named, id_of
from launch.view.words import Query, words_of
from rl.config import RewardConfig, RunConfig
from rl.errors import ConfigError
from tests.fake_judge import fake_judge
from tests.launch.eval_world import Body, evaluated, gold, write_set, wrong
from tests.launch.viewed_run import HOSTILE, LONG, TALK, answers, make_run, write_plugin, write_step

BASE = "http://127.0.0.1:8320"
NEVER = threading.Event()


def opened(run: Path, cache: Path) -> Desk:
    """A desk that has read all, looks again only when it is told to, and searches to the end."""
    desk = Desk(runs_of([run]), cache, index=False)
    desk.light.refresh(NEVER)
    desk.searcher = Searcher(desk.library, desk.light, {}, lambda: 0.0)
    return desk


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("view")
    write_plugin(folder / "plugin.py", "False")
    return make_run(folder / "first", folder / "plugin.py")


@pytest.fixture(scope="module")
def guard() -> Guard:
    return Guard()


@pytest.fixture(scope="module")
def client(run: Path, guard: Guard) -> Iterator[TestClient]:
    desk = opened(run, run.parent / "cache")
    with TestClient(
        application(desk, guard), BASE, headers={"Authorization": f"Bearer {guard.token}"}
    ) as found:
        yield found


@pytest.fixture
def stranger(client: TestClient) -> TestClient:
    """Who has neither the token nor the cookie."""
    return TestClient(client.app, BASE)


@pytest.fixture(scope="module")
def desk(run: Path) -> Iterator[Desk]:
    found = opened(run, run.parent / "cache-search")
    yield found
    found.light.close()


@pytest.fixture(scope="module")
def index(run: Path) -> TextIndex:
    """Of the run, whole: as the process makes it, but for its looks at standard input."""
    found = TextIndex(run.parent / "text.sqlite", writing=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("launch.view.indexing._parent_gone", lambda seconds: False)
        assert add_all(Library(runs_of([run])), [found])
    return found


def get(client: TestClient, path: str, **values: Any) -> Any:
    answer = client.get(f"/api/{path}", params=values)
    assert answer.status_code == 200, answer.text
    return answer.json()


def ids(rows: Any) -> list[str]:
    return [row["id"] for row in rows]


class TestWhoMayAsk:
    @pytest.mark.parametrize("path", ["/", "/api/state", "/static/app/main.js", "/static/page.css"])
    def test_nothing_without_the_token(self, stranger: TestClient, path: str) -> None:
        assert stranger.get(path).status_code == 401
        assert stranger.get(path, params={"token": "wrong"}).status_code == 401
        assert stranger.get(path, headers={"Authorization": "Bearer wrong"}).status_code == 401

    @pytest.mark.parametrize(
        ("headers", "status"),
        [
            ({"Host": "evil.example:8320"}, 421),
            ({"Host": "localhost.evil.example"}, 421),
            ({"Host": ""}, 421),
            ({"Origin": "http://evil.example"}, 403),
            ({"Origin": "null"}, 403),
            ({"Origin": "http://127.0.0.1:9999"}, 403),
            ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, 403),
            ({"Host": "localhost:7777", "Origin": "http://localhost:7777"}, 200),
            ({"Host": "[::1]:8320"}, 200),
        ],
    )
    def test_names_and_origins(
        self, client: TestClient, headers: dict[str, str], status: int
    ) -> None:
        assert client.get("/api/state", headers=headers).status_code == status

    def test_the_address_gives_a_cookie_that_scripts_cannot_read(
        self, stranger: TestClient, guard: Guard
    ) -> None:
        page = stranger.get("/", params={"token": guard.token})
        cookie = page.headers["set-cookie"]
        assert "HttpOnly" in cookie and "SameSite=Strict" in cookie
        assert stranger.get("/api/state").status_code == 200  # by the cookie
        denied = stranger.post("/api/regrade", json={"ids": ["0-1-0"]})
        assert denied.status_code == 403  # a form of another page would send the cookie too
        stranger.cookies.clear()

    def test_an_odd_cookie_beside_it_changes_nothing(self, stranger: TestClient) -> None:
        for odd in ("a[0]=1", 'b={"c": 1}', "é=1", "lone", "d=1 2"):
            assert _cookie(f"{odd}; plumb_8320=right; e=2", "plumb_8320") == "right"

    def test_the_page_runs_its_own_scripts_alone(self, client: TestClient) -> None:
        policy = client.get("/").headers["content-security-policy"]
        assert "default-src 'none'" in policy and "connect-src 'self'" in policy
        scripts = next(part for part in policy.split("; ") if part.startswith("script-src"))
        assert "unsafe" not in scripts and "sha256-" in scripts

    def test_loopback_is_told_from_others(self) -> None:
        assert is_loopback("localhost") and is_loopback("127.0.0.5") and is_loopback("::1")
        assert not any(map(is_loopback, ("0.0.0.0", "::", "10.0.0.1", "example.org")))


FILTERS: list[tuple[dict[str, Any], Callable[[dict[str, Any]], bool]]] = [
    ({"outcome": "correct"}, lambda row: row["outcome"] == "correct"),
    ({"outcome": ["correct", "ungradable"]}, lambda row: row["outcome"] != "incorrect"),
    ({"task": "code"}, lambda row: row["task"] == "code"),
    ({"source": "sums"}, lambda row: row["source"] == "sums"),
    ({"mode": "think"}, lambda row: row["mode"] == "think"),
    ({"kind": "differs"}, lambda row: row["reason"].startswith("differs")),
    ({"stop": "length"}, lambda row: row["stop_reason"] == "length"),
    ({"ending": "rejected_correct"}, lambda row: row["ending"] == "rejected_correct"),
    ({"step_from": 2, "step_to": 2}, lambda row: row["step"] == 2),
    ({"lag_from": 1}, lambda row: (row["lag"] or 0) >= 1),
    ({"tokens_from": 12, "tokens_to": 21}, lambda row: 12 <= row["tokens"] <= 21),
    ({"turns_from": 2}, lambda row: row["turns"] >= 2),
    ({"reward_from": 0.5}, lambda row: (row["reward"] or 0.0) >= 0.5),
    ({"advantage_to": -1}, lambda row: row["advantage"] is not None and row["advantage"] <= -1),
    ({"prompt": "arithmetic/1+4"}, lambda row: row["prompt_id"] == "arithmetic/1+4"),
    ({"group": 21}, lambda row: row["group"] == 21),
    ({"used": "false"}, lambda row: not row["used"]),
    (
        {"outcome": "correct", "step_from": 3},
        lambda r: r["outcome"] == "correct" and r["step"] == 3,
    ),
    ({"prompt": "x' OR '1'='1"}, lambda row: False),
]


@pytest.mark.parametrize(("asked", "fits"), FILTERS, ids=[str(one[0]) for one in FILTERS])
def test_a_filter_gives_what_fits(
    client: TestClient, asked: dict[str, Any], fits: Callable[[dict[str, Any]], bool]
) -> None:
    rows = get(client, "rows", shelf=0, limit=500, sort="oldest", **asked)["rows"]
    every = [(step, i, row) for step in (1, 2, 3) for i, row in enumerate(answers(step))]
    assert ids(rows) == [f"0-{step}-{i}" for step, i, row in every if fits(row)]
    assert get(client, "counts", shelf=0, **asked)["rows"] == len(rows)


def test_rows_come_in_order_and_in_pages(client: TestClient) -> None:
    newest = ids(get(client, "rows", shelf=0, limit=500)["rows"])
    assert [one.split("-")[1] for one in newest] == ["3"] * 16 + ["2"] * 16 + ["1"] * 16
    parts = [
        ids(get(client, "rows", shelf=0, offset=i, limit=10)["rows"]) for i in range(0, 48, 10)
    ]
    assert [one for part in parts for one in part] == newest
    longest = get(client, "rows", shelf=0, sort="tokens", limit=5)["rows"]
    assert [row["tokens"] for row in longest] == [33, 33, 33, 33, 32]
    assert client.get("/api/rows", params={"sort": "reward; DROP TABLE light"}).status_code == 422


def test_counts_of_a_facet_leave_its_own_choice_out(client: TestClient) -> None:
    found = get(client, "counts", shelf=0, outcome="correct", task="math")
    assert dict(found["outcome"]).keys() == {"correct", "incorrect", "ungradable"}
    assert dict(found["task"]) == {"math": found["rows"]}


COUNTED: dict[str, Callable[[dict[str, Any]], Any]] = {
    "outcome": lambda row: row["outcome"],
    "task": lambda row: row["task"],
    "source": lambda row: row["source"],
    "kind": lambda row: row["reason"].split(":")[0],
    "stop": lambda row: row["stop_reason"],
    "ending": lambda row: row["ending"],
}
CHOSEN: list[dict[str, str]] = [
    {}, {"outcome": "correct"}, {"task": "code"}, {"kind": "text", "stop": "stop"},
    {"outcome": "incorrect", "task": "math", "source": "sums"}, {"source": ""}, {"task": "none"},
    {"ending": "trained", "kind": "differs", "stop": "length"},
]  # fmt: skip


@pytest.mark.parametrize("bound", [{}, {"step_from": 2}, {"lag_from": 1}])
def test_counts_are_those_of_the_rows(client: TestClient, bound: dict[str, int]) -> None:
    every = [row for step in (1, 2, 3) for row in answers(step)]
    every = [row for row in every if row["step"] >= bound.get("step_from", 0)]
    every = [row for row in every if (row["lag"] or 0) >= bound.get("lag_from", 0)]
    for chosen in CHOSEN:
        found = get(client, "counts", shelf=0, **chosen, **bound)

        def fits(row: dict[str, Any], but: str = "", chosen: dict[str, str] = chosen) -> bool:
            return all(COUNTED[key](row) == one for key, one in chosen.items() if key != but)

        rows = [row for row in every if fits(row)]
        assert found["rows"] == len(rows)
        assert found["groups"] == len({(row["step"], row["group"]) for row in rows})
        rewards = [row["reward"] for row in rows if row["reward"] is not None]
        assert found["reward"] == (pytest.approx(sum(rewards) / len(rewards)) if rewards else None)
        for name, value_of in COUNTED.items():
            counts = Counter(value_of(row) for row in every if fits(row, name))
            assert dict(found[name]) == counts, (chosen, name)


def test_what_a_policy_wrote_stays_text_and_long_texts_come_in_parts(client: TestClient) -> None:
    assert get(client, "sample", id="0-2-0")["response"] == HOSTILE
    long = get(client, "sample", id="0-2-1")
    assert long["cut"] == {"response": len(LONG)} and len(long["response"]) < 200_000
    text = long["response"]
    while len(text) < len(LONG):
        text += get(client, "text", id="0-2-1", name="response", offset=len(text))["text"]
    assert text == LONG
    shown = get(client, "previews", id=["0-2-0", "0-2-1"])
    assert len(shown["0-2-1"]["response"]) < 300


def test_an_answer_with_turns_and_one_that_failed_a_test(client: TestClient) -> None:
    talk = get(client, "sample", id="0-1-2")
    assert [one["role"] for one in talk["messages"]] == [one["role"] for one in TALK]
    assert talk["turn_rewards"] == [0.25, 1.0]
    assert [turn["message"] for turn in talk["turn_records"]] == [1, 3]
    failure = get(client, "sample", id="0-1-3")["failure"]
    assert failure == {
        "case": 1, "of": 2, "input": "2 3\n", "expected": "5\n", "got": "'4'", "where": "line 1",
    }  # fmt: skip
    assert get(client, "sample", id="0-1-4")["failure"] is None


def test_tokens_and_the_group(client: TestClient) -> None:
    found = get(client, "tokens", id="0-2-9", offset=1, limit=5)
    assert (found["length"], found["ids"], found["versions"]) == (3, [6, 7], [1, 1])
    assert found["texts"] is None  # the run has no tokenizer here
    assert ids(get(client, "group", id="0-2-6")) == ["0-2-4", "0-2-5", "0-2-6", "0-2-7"]
    for path in ("sample", "tokens", "group"):
        for name in ("0-9-0", "7-1-0", "0-1-999", "x", "0-1", "-1-0-0", "0-1-9999999999"):
            answer = client.get(f"/api/{path}", params={"id": name})
            assert answer.status_code == 404 and "error" in answer.json(), (path, name)


def test_numbers_of_the_run(client: TestClient, run: Path) -> None:
    state = get(client, "state")
    assert (state["loaded"], state["files"], len(state["shelves"])) == (4, 4, 2)
    (curves,) = get(client, "curves")
    assert curves["columns"]["accuracy"] == [0.2, 0.4, 0.6] and curves["tiles"]
    times = get(client, "times")
    assert times["runs"][0]["calls"][0] == {
        "step": 3, "verifier": "math", "prompt": "arithmetic/1+4", "seconds": 1.5,
    }  # fmt: skip
    assert times["slowest"][0]["longest"] == 33
    speeds = times["runs"][0]["speeds"]
    assert [(one["engine"], one["speed"]) for one in speeds] == [(3, 2 / 1.5), (5, 32.0)]
    assert get(client, "data")["hardest"][0]["reward"] == 0.0
    (evaluation,) = get(client, "evaluations")
    assert evaluation["set"] == "held_out" and evaluation["step"] == 3
    told = {"steps": [{"step": 2, "pass_rate": 0.5, "acceptance": 0.25, "sampled": 4.5}]}
    (run / "forecast.json").write_text(json.dumps(told), encoding="utf-8")
    ((step,),) = [one["steps"] for one in get(client, "data")["forecasts"]]
    assert step["pass_rate"] == [0.5, 0.4] and step["groups"] == [4.5, 4.0]
    (run / "faults.jsonl").write_text(
        json.dumps({"time": 1.0, "line": "rollout engine 2: died"}) + "\n", encoding="utf-8"
    )
    assert get(client, "times")["runs"][0]["engines"][0]["engine"] == "rollout engine 2"


SEARCHES = [
    "needleatend", "sum_2", "SUM_2", "step2 sum_1", '"says Sum_1 of 2"', "\\boxed{5}", "boxed",
    "observedfour", "arithmetic", "1+4", "nosuchword", '"of 2"', "script", "sum",
]  # fmt: skip


class TestSearching:
    @pytest.mark.parametrize("text", SEARCHES)
    def test_files_and_index_agree(self, desk: Desk, index: TextIndex, text: str) -> None:
        query = Query.parse(text)
        expected = [
            doc_of(0, step, i)
            for step in (3, 2, 1)
            for i, row in reversed(list(enumerate(answers(step))))
            if query.matches(f"{row['prompt']}\n{_said(row)}")
        ]
        asked = Filter(text=text, shelf=[0])
        for indexes in ({}, {0: index}):
            found = Searcher(desk.library, desk.light, indexes, lambda: 0.0).find(asked, None, 200)
            assert [row["doc"] for row in found.rows] == expected
            assert found.next is None

    @pytest.mark.parametrize("known", [False, True])
    def test_a_search_that_is_cut_goes_on_and_gives_each_row_once(
        self, desk: Desk, index: TextIndex, known: bool
    ) -> None:
        asked = Filter(text="boxed", outcome=["correct"])
        indexes = {0: index} if known else {}
        whole = Searcher(desk.library, desk.light, indexes, lambda: 0.0).find(asked, None, 200)
        ticks = iter(range(10**9))
        hurried = Searcher(desk.library, desk.light, indexes, lambda: float(next(ticks)))
        found: list[int] = []
        after, calls = None, 0
        while True:
            part = hurried.find(asked, after, 3)
            found += [row["doc"] for row in part.rows]
            after, calls = part.next, calls + 1
            if after is None:
                break
        assert found == [row["doc"] for row in whole.rows] and calls > 3

    def test_a_filter_counts_and_the_snippet_shows_the_place(self, client: TestClient) -> None:
        found = get(client, "search", text="needleatend", step_from=2, step_to=2, shelf=0)
        assert ids(found["rows"]) == ["0-2-1"] and found["next"] is None
        assert found["rows"][0]["snippet"][1] == "needleatend"

    def test_an_index_that_is_stale_gives_nothing_wrong(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("launch.view.indexing._parent_gone", lambda seconds: False)
        made = make_run(tmp_path / "run", steps=1)
        index = TextIndex(tmp_path / "text.sqlite", writing=True)
        library = Library(runs_of([made]))
        add_all(library, [index])
        write_step(made / "rollouts", 1, [{**row, "response": "rewritten"} for row in answers(1)])
        desk = opened(made, tmp_path / "cache")
        for _ in range(2):
            searcher = Searcher(desk.library, desk.light, {0: index}, lambda: 0.0)
            assert not searcher.find(Filter(text="boxed", shelf=[0]), None, 50).rows[1:]
            assert len(searcher.find(Filter(text="rewritten", shelf=[0]), None, 50).rows) == 16
            add_all(library, [index])


def _said(row: dict[str, Any]) -> str:
    if row["messages"]:
        parts = [f"{one['content']}" for one in TALK]
        return "\n".join([*parts[:2], '[{"type": "function", "name": "add"}]', *parts[2:]])
    return str(row["response"])


def test_a_run_that_goes_on_a_step_written_anew_and_one_taken_back(tmp_path: Path) -> None:
    made = make_run(tmp_path / "run", steps=2)
    desk = opened(made, tmp_path / "cache")

    def steps() -> list[tuple[int, int]]:
        desk.light.refresh(NEVER)
        counts = desk.light._all("SELECT step, count(*) FROM light WHERE shelf = 0 GROUP BY 1", [])
        return sorted(counts)

    assert steps() == [(1, 16), (2, 16)]
    write_step(made / "rollouts", 3, answers(3))
    assert steps() == [(1, 16), (2, 16), (3, 16)]
    write_step(made / "rollouts", 2, answers(2)[:5])
    assert steps() == [(1, 16), (2, 5), (3, 16)]
    (made / "rollouts" / "step_000003.parquet").unlink()
    assert steps() == [(1, 16), (2, 5)]
    version = desk.light.version
    assert steps() == [(1, 16), (2, 5)] and desk.light.version == version
    (made / "rollouts" / "step_000004.parquet").write_bytes(b"PAR1 and no more")
    assert steps() == [(1, 16), (2, 5)]
    assert list(desk.light.notes) == ["run, training: step_000004.parquet"]
    assert (desk.light.loaded, desk.light.total) == (3, 3)  # with that of held_out
    write_step(made / "rollouts", 4, answers(4)[:2])
    assert steps() == [(1, 16), (2, 5), (4, 2)]
    assert desk.light.notes == {}
    (made / "rollouts" / "step_000005.parquet").write_bytes(b"PAR1 and no more")
    steps()
    assert list(desk.light.notes) == ["run, training: step_000005.parquet"]
    for number in (4, 5):
        (made / "rollouts" / f"step_00000{number}.parquet").unlink()
    assert steps() == [(1, 16), (2, 5)]
    assert desk.light.notes == {}
    later = made / "evaluations" / "later"
    later.mkdir()
    write_step(later, 2, answers(2)[:3])
    steps()
    assert [shelf.name for shelf in desk.library.shelves] == ["training", "held_out", "later"]
    assert desk.light.counts(Filter(shelf=[2]))["rows"] == 3


def test_what_a_start_has_read_the_next_one_need_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(light, "WORTH_KEEPING", 1)
    made = make_run(tmp_path / "it's a run", steps=3)
    first = opened(made, tmp_path / "cache")
    write_step(made / "rollouts", 2, answers(2)[:7])
    read: list[int] = []
    take = light.LightTable._take
    monkeypatch.setattr(
        light.LightTable,
        "_take",
        lambda self, shelf, steps: (read.extend(steps), take(self, shelf, steps))[1],
    )
    second = opened(made, tmp_path / "cache")
    assert read == [2]
    first.light.refresh(NEVER)
    whole = Filter(sort="oldest")
    assert second.light.rows(whole, 0, 500) == first.light.rows(whole, 0, 500)
    snapshot = snapshot_of(second.library.runs[0], tmp_path / "cache")
    assert snapshot is not None
    snapshot.table.write_bytes(b"broken")
    third = opened(made, tmp_path / "cache")
    assert third.light.rows(whole, 0, 500) == first.light.rows(whole, 0, 500)


def test_a_disk_that_takes_nothing_ends_no_looking(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(light, "WORTH_KEEPING", 1)
    made = make_run(tmp_path / "run", steps=1)
    snapshot = snapshot_of(runs_of([made])[0], tmp_path / "cache")
    assert snapshot is not None
    held = Desk(runs_of([made]), tmp_path / "cache", index=False)
    shutil.rmtree(snapshot.folder)  # what DuckDB cannot write is no OSError
    held.light.refresh(NEVER)
    assert held.light.loaded == held.light.total
    held.light.close()


def test_the_index_knows_the_words_that_a_look_at_texts_finds(tmp_path: Path) -> None:
    texts = ["Die Straße, breit", "cafe\u0301 noir", "CAFÉ", "x_1=\u00b22", "ΣΊΣΥΦΟΣ ſtill"]
    index = TextIndex(tmp_path / "text.sqlite", writing=True)
    index.add("training", 1, Stamp(1, 1), [words_of(text) for text in texts])
    asked = [*(word for text in texts for word in text.split()), "STRASSE", "cafe", "still"]
    for words in asked:
        query = Query.parse(words)
        scanned = {place for place, text in enumerate(texts) if query.matches(text)}
        found = index.find("training", query.fts(), doc_of(0, 1, 0), doc_of(0, 1, 99))
        assert scanned <= {place_of(doc)[2] for doc in found}, words


def test_duckdb_reaches_the_runs_and_nothing_else(tmp_path: Path) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("a\n1\n")
    desk = opened(make_run(tmp_path / "run", steps=1), tmp_path / "cache")
    for statement in (
        f"SELECT * FROM read_csv('{secret}')",
        f"COPY light TO '{tmp_path / 'out.csv'}'",
        "SET enable_external_access = true",
        "INSTALL httpfs",
    ):
        with pytest.raises(duckdb.Error):
            desk.light._table.database.cursor().execute(statement)
    assert not (tmp_path / "out.csv").exists()


class TestGradingAnew:
    def test_an_edited_verifier_counts(self, client: TestClient, run: Path) -> None:
        origin = {"Origin": BASE}
        asked = {"ids": ["0-1-5", "0-1-6"]}
        for right, outcome in (("False", "incorrect"), ("'5' in response", "correct")):
            write_plugin(run.parent / "plugin.py", right)
            answer = client.post("/api/regrade", json=asked, headers=origin)
            assert answer.status_code == 200, answer.text
            assert [one["outcome"] for one in answer.json()] == [outcome] * 2
        (run.parent / "plugin.py").write_text("def grade(:\n", encoding="utf-8")
        answer = client.post("/api/regrade", json=asked, headers=origin)
        assert answer.status_code == 422 and "\n" not in answer.json()["error"]
        assert client.post("/api/regrade", json={"ids": []}, headers=origin).status_code == 422

    async def test_one_that_hangs_is_ended(self, run: Path) -> None:
        rows = [answers(1)[5]]
        (run.parent / "plugin.py").write_text("while True:\n    pass\n", encoding="utf-8")
        with pytest.raises(RegradeError, match="was ended"):
            await ask_worker("grade", run, rows, seconds=1.0)

    @pytest.mark.parametrize(
        ("env", "told"), [("guess_number", True), ("calculator", False), (None, False)]
    )
    def test_who_judges_a_run_is_told(self, env: str | None, told: bool) -> None:
        config = RunConfig.model_validate({"data": {"train": "a.jsonl"}, "env": env})
        assert judges(config) is told

    @pytest.mark.parametrize("name", ["reasoning", "style"])
    def test_tokens_of_thinking_are_those_that_its_term_noted(self, name: str) -> None:
        term = {"spec": "reasoning", "weight": 0, "options": {"max_tokens": 9}}
        reward = RewardConfig.model_validate({"terms": {name: term}})
        prompt = Prompt("p", ({"role": "user", "content": "1+1?"},), "2")
        for metrics, counted in (({f"{name}.tokens": 7.0, "other.tokens": 3.0}, 7.0), ({}, None)):
            sample = _sample({**answers(1)[5], "metrics": metrics}, prompt, reward)
            assert sample.metadata["thinking_tokens"] == counted

    def test_an_agents_row_has_the_policys_turn_beside_what_is_graded(self) -> None:
        prompt = Prompt("p", ({"role": "user", "content": "1+1?"},), "2")
        said = [*prompt.messages, {"role": "assistant", "content": "<think>1+1</think>2"}]
        row = {**answers(1)[5], "messages": json.dumps(said), "response": "It is 2"}
        agents = {"agent_seconds": 1.0}
        for metrics, opened, turn in (
            (agents, "none", said[1]["content"]),
            (agents, None, None),  # the response is the policy's own, as it wrote it
            ({}, "none", None),
        ):
            told = {**row, "metrics": metrics, "opened": opened}
            sample = _sample(told, prompt, RewardConfig())
            assert (sample.response, sample.metadata.get("policy_turn")) == ("It is 2", turn)

    async def test_a_row_for_plumb_verify_is_one(self, run: Path) -> None:
        said = await ask_worker("row", run, [answers(1)[5], answers(1)[3]])
        assert said[0]["row"] == {
            "id": "arithmetic/1+4#11.1",
            "response": answers(1)[5]["response"],
            "reference": "5",
        }
        for one in said:
            TASKS[one["task"]](one["row"], "row")


class TestRuns:
    def test_a_folder_of_runs_stands_for_them(self, tmp_path: Path) -> None:
        for name in ("a/run", "b/run", "c"):
            (tmp_path / name).mkdir(parents=True)
            (tmp_path / name / "metrics.jsonl").touch()
        found = runs_of([tmp_path / "a", tmp_path / "b" / "run", tmp_path])
        assert [run.name for run in found] == ["a/run", "b/run", f"{tmp_path.name}/c"]
        (tmp_path / "empty").mkdir()
        for name in ("empty", "nothing"):
            with pytest.raises(ConfigError, match="is no run"):
                runs_of([tmp_path / name])

    def test_numbers_and_names_of_rows(self) -> None:
        for place in ((0, 0, 0), (3, 1000, 2047), (399, (1 << 24) - 1, (1 << 24) - 1)):
            doc = doc_of(*place)
            assert place_of(doc) == place and doc_named(id_of(doc)) == doc

    def test_the_indexing_process_ends_with_its_parent(self, tmp_path: Path) -> None:
        made = make_run(tmp_path / "run", steps=1)
        process = start_indexing([(runs_of([made])[0], tmp_path / "text.sqlite")])
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(timeout=120) == 0


def test_what_plumb_eval_leaves_is_looked_at_too(tmp_path: Path, guard: Guard) -> None:
    rows = [
        {**row, "set": name, "level": "easy", "thinking": "", "group": i // 2, "episode": i % 2}
        for name in ("sums", "aime")
        for i, row in enumerate(answers(1)[4:8])
    ]
    (tmp_path / "eval").mkdir()
    parquet.write_table(pa.Table.from_pylist(rows, COLUMNS), tmp_path / "eval" / ANSWERS)
    told = {"model": "a model", "sets": {"aime": {"accuracy": 0.5, "interval": [0.1, 0.9]}}}
    (tmp_path / "eval" / RESULTS).write_text(json.dumps(told), encoding="utf-8")
    desk = opened(tmp_path / "eval", tmp_path / "cache")
    with TestClient(
        application(desk, guard), BASE, headers={"Authorization": f"Bearer {guard.token}"}
    ) as client:
        assert get(client, "state")["runs"][0]["state"] == "evaluation of a model"
        assert get(client, "evaluations")[0]["set"] == "aime"
        found = get(client, "rows", source="aime", sort="oldest")["rows"]
        assert ids(found) == [f"0-0-{i}" for i in range(4, 8)]
        assert ids(get(client, "group", id="0-0-6")) == ["0-0-6", "0-0-7"]
        assert get(client, "sample", id="0-0-6")["source"] == "aime"
        assert len(get(client, "search", text="boxed")["rows"]) == 8
        assert client.get("/api/tokens", params={"id": "0-0-6"}).status_code == 404
        asked, origin = {"ids": ["0-0-6"]}, {"Origin": BASE}
        assert (
            "reference"
            in client.post("/api/verify_row", json=asked, headers=origin).json()[0]["row"]
        )
        (tmp_path / "eval" / RESULTS).unlink()
        answer = client.post("/api/regrade", json=asked, headers=origin)
        assert answer.status_code == 422 and "plumb eval" in answer.json()["error"]
        assert client.post("/api/verify_row", json=asked, headers=origin).status_code == 200


def test_what_plumb_eval_leaves_is_graded_anew_as_it_was(tmp_path: Path) -> None:
    def answer(body: Body) -> Any:
        return gold(body) if body["seed"] % 2 else wrong(body)

    with fake_judge(answer) as model:
        evaluated(
            target=model.url,
            sets=[write_set(tmp_path, name) for name in ("gsm8k", "bfcl", "ifeval")],
            answers=["2"],
            out=tmp_path / "eval",
            sampling=SamplingOptions(temperature=0.5),
        )
    rows = parquet.read_table(tmp_path / "eval" / ANSWERS).to_pylist()
    assert {row["task"] for row in rows} == {"math", "tool", "constraints"}
    said = asyncio.run(ask_worker("grade", tmp_path / "eval", rows))
    assert [one["outcome"] for one in said] == [row["outcome"] for row in rows]
    assert {one["outcome"] for one in said} == {"correct", "incorrect"}
    assert {one["note"] for one in said} == {""}
    (tmp_path / "gsm8k.jsonl").unlink()
    whole = next(row for row in rows if row["set"] == "gsm8k" and row["outcome"] == "correct")
    cut = {**whole, "opened": "open"}  # nothing but thinking: its box is no answer
    said = asyncio.run(ask_worker("grade", tmp_path / "eval", [whole, cut]))
    assert [one["outcome"] for one in said] == ["correct", "incorrect"]
    assert all("no such prompt" in one["note"] for one in said)
