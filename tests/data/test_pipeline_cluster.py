"""Blocks as tasks of a Ray cluster give what processes of one machine give."""

import json
from hashlib import sha256
from pathlib import Path

import pytest

from data.curate.task import OfTask
from data.errors import PipelineError, RowError
from data.pipeline.executors import _connect
from data.pipeline.opening import Choice, open_input
from data.pipeline.run import run_pipeline

pytestmark = pytest.mark.slow


def content(folder: Path) -> dict[str, str]:
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != "timing.json"]
    return {str(f.relative_to(folder)): sha256(f.read_bytes()).hexdigest() for f in files}


def test_a_cluster_writes_the_same_bytes_and_names_a_bad_row(tmp_path: Path) -> None:
    ray = pytest.importorskip("ray")
    rows = [{"question": f"{n} + {n}?", "answer": f"It is\n#### {2 * n}"} for n in range(50)]
    raw = tmp_path / "raw.jsonl"
    raw.write_text("".join(json.dumps(row) + "\n" for row in rows))

    def run(out: Path, cluster: bool) -> None:
        opened = open_input(str(raw), Choice())
        run_pipeline(
            opened.source,
            (OfTask("math"),),
            out,
            command="test",
            reader=opened.reader,
            cluster=cluster,
            block_rows=8,
        )

    run(tmp_path / "here", False)
    try:
        run(tmp_path / "cluster", True)
        assert content(tmp_path / "cluster") == content(tmp_path / "here")
        with raw.open("a") as file:
            file.write('{"question": 3, "answer": "#### 3"}\n')
        with pytest.raises(RowError, match=r"raw\.jsonl line 51: column 'question'"):
            run(tmp_path / "bad", True)
    finally:
        ray.shutdown()


def test_a_cluster_that_cannot_be_used_is_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    ray = pytest.importorskip("ray")

    def init(**given: object) -> None:
        raise ConnectionError(f"nobody at {given['address']}\nand more")

    monkeypatch.setattr(ray, "init", init)
    with pytest.raises(PipelineError, match="; check RAY_ADDRESS") as caught:
        _connect("10.0.0.1:6379")
    assert "\n" not in str(caught.value)
