"""`plumb data cluster`: clusters and duplicates in other words, by an endpoint of embeddings."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from data.records import read_records, write_records
from data.schema import Record
from data.semantic import clusters
from data.semantic.clusters import close_pairs, kmeans
from launch.cli import app
from tests.fake_judge import FakeJudge, fake_judge

TOPICS = ("train", "garden", "market")


def records(folder: Path) -> Path:
    """For each topic eight questions; of every two the second is the first in other words."""
    rows = []
    for topic in TOPICS:
        for number in range(4):
            for words in ("How many are in the", "Tell the size of the"):
                text = f"{words} {topic}, with {number} of them?"
                rows.append(
                    Record(
                        messages=({"role": "user", "content": text},),
                        task="math",
                        reference=str(number + (topic == "market" and words.startswith("Tell"))),
                    )
                )
    path = folder / "rows.parquet"
    write_records(path, rows)
    return path


def embed(text: str) -> list[float]:
    """A direction for each topic, turned a little by the words and not at all by numbers."""
    at = next(place for place, topic in enumerate(TOPICS) if topic in text)
    vector = [0.0] * 8
    vector[at] = 3.0
    vector[4 + text.startswith("Tell")] = 0.3
    return vector


def run(source: Path, out: Path, fake: FakeJudge, *more: str) -> Result:
    fake.models = {"vectors": ""}
    fake.embed = embed
    arguments = ["--embeddings", fake.url, "--patience", "0.5", "--concurrency", "1", *more]
    return CliRunner().invoke(app, ["data", "cluster", str(source), "--out", str(out), *arguments])


def test_clusters_follow_meaning_and_one_of_each_stays(tmp_path: Path) -> None:
    source, out = records(tmp_path), tmp_path / "out"
    with fake_judge(lambda body: "") as fake:
        result = run(source, out, fake, "--clusters", "3", "--similarity", "0.95")
        assert result.exit_code == 0, result.output
        # Another threshold asks for nothing anew.
        asked = len(fake.bodies)
        other = run(source, tmp_path / "out", fake, "--similarity", "1", "--overwrite")
        assert other.exit_code == 0 and len(fake.bodies) == asked
        assert len(list(read_records(out))) == 24
        assert run(source, out, fake, "--clusters", "3", "--overwrite").exit_code == 0
    kept = list(read_records(out))
    # Of the market the two wordings have different answers, so that both of each stay.
    told = [r.request() for r in kept if r.request().startswith("Tell")]
    assert len(kept) == 16 and all("market" in text for text in told)
    by_topic = [{r.metadata["cluster"] for r in kept if topic in r.request()} for topic in TOPICS]
    assert all(len(one) == 1 for one in by_topic) and set.union(*by_topic) == {0, 1, 2}
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["counts"]["dropped"] == {"meaning": {"semantic duplicate": 8}}


def test_an_outage_is_one_line_and_vectors_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("data.semantic.embedding.BATCH", 5)
    source, out = records(tmp_path), tmp_path / "out"
    given: list[Any] = []

    def failing(body: Any) -> Any:
        given.append(body)
        return "" if len(given) <= 2 else (503, {})

    with fake_judge(failing) as fake:
        result = run(source, out, fake)
        assert result.exit_code == 1
        line = result.stderr.strip().splitlines()[-1]
        assert "HTTP 503" in line and "10 vectors are kept" in line
        asked = [text for body in fake.bodies[:2] for text in body["input"]]
        fake.bodies.clear()
        fake.answer = lambda body: ""
        assert run(source, out, fake).exit_code == 0
        assert not {*asked} & {text for body in fake.bodies for text in body["input"]}


def test_a_text_that_is_refused_stays_without_a_cluster(tmp_path: Path) -> None:
    def refusing(body: Any) -> Any:
        return (400, {}) if any("garden, with 2" in text for text in body["input"]) else ""

    with fake_judge(refusing) as fake:
        result = run(records(tmp_path), tmp_path / "out", fake, "--similarity", "1")
    assert result.exit_code == 0 and "without a vector: 2" in result.output
    kept = list(read_records(tmp_path / "out"))
    assert len(kept) == 24
    assert [r for r in kept if "cluster" not in r.metadata] == [
        r for r in kept if "garden, with 2" in r.request()
    ]


def test_two_models_are_not_mixed(tmp_path: Path) -> None:
    source = records(tmp_path)
    with fake_judge(lambda body: "") as fake:
        result = run(source, tmp_path / "out", fake, "--embeddings", "other=http://127.0.0.1:9/v1")
    assert result.exit_code == 1 and "names 2 models" in result.stderr


def test_pairs_of_many_vectors_are_those_of_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """In small blocks and by clusters, every close pair of a cluster is found, once."""
    draw = np.random.default_rng(0)
    base = draw.normal(size=(60, 16))
    vectors = np.repeat(base, 3, axis=0) + draw.normal(size=(180, 16)) * 0.02
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    monkeypatch.setattr(clusters, "_BLOCK", 7)
    monkeypatch.setattr(clusters, "FEW", 10)
    labels = kmeans(vectors, 6)
    assert labels.tolist() == kmeans(vectors, 6).tolist()
    assert np.bincount(labels).tolist() == sorted(np.bincount(labels), reverse=True)
    found = [
        pair
        for first, second, _ in close_pairs(vectors, labels, 0.95)
        for pair in zip(first.tolist(), second.tolist(), strict=True)
    ]
    expected = {
        (one, other)
        for one in range(180)
        for other in range(one + 1, 180)
        if vectors[one] @ vectors[other] >= 0.95 and labels[one] == labels[other]
    }
    assert len(found) == len({*found}) and {*found} == expected
    assert len(expected) > 150 and math.isclose(float(vectors[0] @ vectors[0]), 1, rel_tol=1e-5)
