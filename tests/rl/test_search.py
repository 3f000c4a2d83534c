"""Search over a local corpus: BM25 by its formula, corpora of every kind, bounds."""

import json
import math
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rl.config import EnvConfig
from rl.environments.bm25 import Bm25, terms_of
from rl.environments.corpus import load_corpus
from rl.environments.search import Search
from rl.episodes.environment import load_environment
from rl.errors import ConfigError

ROWS: list[dict[str, Any]] = [
    {"id": "a", "title": "Bridges", "text": "A bridge of stone spans the river Main."},
    {"id": 7, "title": "Rivers", "text": f"The river Main is long.{' On it flows.' * 60} "
     "Its mouth is at Mainz."},
    {"id": "c", "title": "Words", "text": "Nothing of the kind."},
]  # fmt: skip


def score(texts: list[str], query: str, k1: float = 1.2, b: float = 0.75) -> list[float]:
    """BM25 as it is written down."""
    split = [terms_of(text) for text in texts]
    mean = sum(map(len, split)) / len(split)
    found = []
    for terms in split:
        count, total = Counter(terms), 0.0
        for term in dict.fromkeys(terms_of(query)):
            n = sum(term in other for other in split)
            idf = math.log(1 + (len(texts) - n + 0.5) / (n + 0.5))
            norm = k1 * (1 - b + b * len(terms) / mean)
            total += idf * count[term] * (k1 + 1) / (count[term] + norm)
        found.append(total)
    return found


def test_the_ranking_is_that_of_the_formula() -> None:
    draw = random.Random(3)
    words = ["sea", "sun", "Wind", "ÉTÉ", "42", "山", "stone"]
    for _ in range(20):
        texts = [" ".join(draw.choices(words, k=draw.randint(1, 12))) for _ in range(30)]
        query = " ".join(draw.choices([*words, "none"], k=3))
        expected = score(texts, query)
        found = Bm25(texts).search(query, 5)
        assert all(expected[one] > 0 for one in found)
        best = sorted(expected, reverse=True)[: len(found)]
        assert [expected[one] for one in found] == pytest.approx(best, rel=1e-4)
        assert len(found) == min(5, sum(one > 1e-9 for one in expected))


def test_nothing_is_found_in_nothing() -> None:
    assert Bm25([]).search("x", 3) == []
    assert Bm25([""]).search("x", 3) == []
    assert Bm25(["x"]).search("", 3) == []
    assert Bm25(["x"]).search("?! " * 100_000, 3) == []
    assert Bm25(["ab 山川"]).search("川", 1) == [0]


def write(folder: Path, kind: str) -> Path:
    """The rows in a file of a kind."""
    path = folder / f"corpus.{kind}"
    if kind == "jsonl":
        path.write_text("\n".join(map(json.dumps, ROWS)) + "\n\n")
    elif kind == "parquet":
        rows = [{**row, "id": str(row["id"])} for row in ROWS]
        pq.write_table(pa.Table.from_pylist(rows), path)
    else:
        path.write_text("\n\n \n\n".join(str(row["text"]) for row in ROWS))
    return path


@pytest.fixture
def started() -> Iterator[Any]:
    def start(**options: Any) -> Search:
        load_environment(EnvConfig(spec="search", options=options))
        shared = {name: options[name] for name in ("corpus", "text_column") if name in options}
        Search.start(**shared)
        return Search(**options)

    yield start
    Search.aclose()


@pytest.mark.parametrize("kind", ["jsonl", "parquet", "txt", "md"])
def test_texts_are_found_and_opened(kind: str, tmp_path: Path, started: Any) -> None:
    path = write(tmp_path, kind)
    for corpus in (path, tmp_path):
        one = started(corpus=str(corpus))
        river, bridge = ("7", "a") if kind in ("jsonl", "parquet") else (
            f"{path.name}/1", f"{path.name}/0"
        )  # fmt: skip
        found = one.search("Where is the MOUTH of the Main?")
        assert found.startswith(f"[{river}]")
        assert "Its mouth is at Mainz." in found
        assert f"[{bridge}]" in found
        assert "A bridge of stone" in one.open(f" {bridge} ")
        assert one.search("zebra") == "nothing was found: use other words"
        assert one.metrics() == {"searches": 2, "searches_empty": 1, "opened": 1}


def test_what_is_shown_is_bounded(tmp_path: Path, started: Any) -> None:
    corpus = str(write(tmp_path, "jsonl"))
    one = started(corpus=corpus, results=1, snippet=30, page=100)
    found = one.search("river mouth Mainz " * 10_000)
    assert found.count("\n") == 1
    assert len(found) < 60
    pages = [one.open("7", page).split("\n")[1] for page in range(1, 10)]
    assert "".join(pages) == ROWS[1]["text"]
    assert one.open("7", 2).endswith("[page 2 of 9]")
    for page in (0, 10):
        with pytest.raises(ValueError, match=f"there is no page {page}: 7 has 9"):
            one.open("7", page)
    with pytest.raises(ValueError, match=r"there is no text with the id '\.\./x'"):
        one.open("../x")


def test_rows_without_ids_are_numbered(tmp_path: Path) -> None:
    path = tmp_path / "corpus.jsonl"
    path.write_text('{"contents": "x"}\n{"contents": "y"}')
    assert list(load_corpus(path)) == ["corpus.jsonl/0", "corpus.jsonl/1"]


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("x.csv", "a,b", "is none of .jsonl, .parquet"),
        ("x.jsonl", '{"text": "a"}\n[1]', "line 2 is no object"),
        ("x.jsonl", '{"text": "a"}\n{"text"', "cannot be read"),
        ("x.jsonl", '{"text": "a"}\n{"words": "a"}', "x.jsonl, row 2: no text in text or"),
        ("x.jsonl", '{"text": "a", "id": 1}\n{"text": "b", "id": 1}', "the id '1' is there twice"),
        ("x.parquet", "no parquet", "cannot be read"),
        ("x.txt", " \n\n ", "holds no text"),
    ],
)
def test_a_corpus_that_cannot_be_read_is_one_line(
    name: str, text: str, line: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(ConfigError, match=line) as raised:
        load_corpus(tmp_path / name)
    assert "\n" not in str(raised.value)
    with pytest.raises(ConfigError, match="is not there"):
        load_corpus(tmp_path / "nothing")


def test_another_column_can_be_named(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text('{"words": "a", "text": "b"}')
    assert [one.text for one in load_corpus(tmp_path, "words").values()] == ["a"]
    with pytest.raises(ConfigError, match="results is 0"):
        load_environment(EnvConfig(spec="search", options={"corpus": "x", "results": 0}))
