"""Wrong uses of `plumb data cluster` and `plumb data tests`: words, files, odd endpoints."""

import json
import math
import shlex
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from launch.cli import app
from tests.fake_judge import FakeJudge, fake_judge
from tests.launch.conftest import only_line
from tests.launch.wrong_uses import assert_one_line

URL = "http://127.0.0.1:9/v1"
CLUSTER = f"--out out --patience 0 --embeddings m={URL}"
TESTS = f"--out out --patience 0 --model m={URL}"
SOURCES = {
    "nofile": "there is no such file",
    "folder": "is a folder without part_*.parquet",
    "empty.jsonl": "holds no records",
    "plain.jsonl": "holds no records",
    "list.jsonl": "holds array, not an object",
    "binary.jsonl": "not valid JSON",
    "deep.jsonl": "not usable JSON",
    "utf.jsonl": "not UTF-8 text",
    "bad.parquet": "not a readable parquet file",
    "bad.jsonl.gz": "cannot be read",
    "table.xlsx": "cannot read files ending in '.xlsx'",
    "loop": "there is no such file",
    "version.jsonl": "is of version 9 of the schema",
    "none.jsonl": "messages: Field required",
    "text.jsonl": "a column is no JSON text",
    "role.jsonl": "messages.0: has no role",
    "more.jsonl": "answer: Extra inputs are not permitted",
    "parts": "not valid JSON",
}
WRONG = {
    **{f"data cluster {name} {CLUSTER}": (1, said) for name, said in SOURCES.items()},
    **{f"data tests {name} {TESTS}": (1, said) for name, said in SOURCES.items()},
    "data cluster": (2, "missing argument 'SOURCE'"),
    "data cluster code.jsonl --out out": (2, "missing option '--embeddings'"),
    f"data cluster code.jsonl {CLUSTER} --clusters 0": (2, "(got '0')"),
    f"data cluster code.jsonl {CLUSTER} --similarity nan": (2, "(got 'nan')"),
    f"data cluster code.jsonl {CLUSTER} --seed -1": (2, "(got '-1')"),
    f"data cluster code.jsonl {CLUSTER} --concurrency 0": (1, "(got 0)"),
    f"data cluster code.jsonl {CLUSTER} --timeout nan": (1, "timeout: Input should be greater"),
    f"data cluster code.jsonl {CLUSTER} --extra []": (1, "--extra []: is no object"),
    f"data cluster code.jsonl {CLUSTER} --extra '{{\"a\": NaN}}'": (1, "NaN is no number"),
    f"data cluster code.jsonl {CLUSTER} --extra '{{\"input\": 1}}'": (1, "it sets input"),
    f"data cluster code.jsonl {CLUSTER} --key-env n=HOME": (1, "there is no --embeddings n=..."),
    f"data cluster code.jsonl {CLUSTER} --embeddings n={URL}": (1, "names 2 models"),
    "data cluster code.jsonl --out out --embeddings m=": (1, "--embeddings m=: has no address"),
    "data cluster code.jsonl --out out --embeddings http://": (1, "http://: has no address"),
    "data cluster code.jsonl --out out --embeddings http://[::1": (1, "url: the url 'http://[::1'"),
    "data tests code.jsonl --out out": (2, "missing option '--model'"),
    f"data tests code.jsonl {TESTS} --agree 0": (2, "(got '0')"),
    f"data tests code.jsonl {TESTS} --least 11": (2, "(got '11')"),
    f"data tests code.jsonl {TESTS} --existing all": (2, "'all' is not one of"),
    f"data tests code.jsonl {TESTS} --temperature 7": (1, "(got 7.0)"),
    f"data tests code.jsonl {TESTS} --extra '{{\"n\": 7}}'": (1, "it sets n, which Plumb sets"),
    f"data tests code.jsonl {TESTS} --key-env n=HOME": (1, "there is no --model n=..."),
    f"data tests code.jsonl {TESTS} --sandbox gvisor": (1, "there is no sandbox 'gvisor'"),
    f"data tests code.jsonl {TESTS} --sandbox http://[::1": (1, "'http://[::1' is no URL"),
    f"data tests code.jsonl {TESTS} --sandbox http://a:1,b": (1, "'b' is no URL of a sandbox"),
    f"data tests code.jsonl {TESTS} --sandbox ray:2": (1, "Ray is not connected"),
}
OUTPUTS = {
    "code.jsonl": "code.jsonl: is, or is in, a file; give a folder",
    "code.jsonl/x": "code.jsonl/x: is, or is in, a file",
    "loop": "loop/manifest.json: cannot be read: Too many levels of symbolic links",
    "damaged": "damaged/manifest.json: is damaged",
    "taken": "cannot be opened",
}
for name, said in OUTPUTS.items():
    WRONG[f"data cluster code.jsonl {CLUSTER} --out {name}"] = (1, said)
    WRONG[f"data tests plain_task.jsonl {TESTS} --out {name}"] = (1, said)

RECORD: dict[str, Any] = {
    "plumb_version": 1,
    "messages": [{"role": "user", "content": "Add two numbers."}],
    "task": "code",
    "reference": {"kind": "stdio", "cases": [{"stdin": "1 2", "stdout": "3"}]},
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files that are not what is asked for."""
    folder = tmp_path_factory.mktemp("world")
    rows: dict[str, Any] = {
        "code.jsonl": RECORD,
        "plain_task.jsonl": RECORD | {"task": "math", "reference": "3"},
        "plain.jsonl": {"problem": "1+1?", "answer": "2"},
        "list.jsonl": [1],
        "version.jsonl": RECORD | {"plumb_version": 9},
        "none.jsonl": {name: value for name, value in RECORD.items() if name != "messages"},
        "text.jsonl": RECORD | {"messages": "hello"},
        "role.jsonl": RECORD | {"messages": [{"content": "hello"}]},
        "more.jsonl": RECORD | {"answer": "3"},
    }
    texts = {name: json.dumps(row).encode() for name, row in rows.items()} | {
        "empty.jsonl": b"",
        "binary.jsonl": bytes(range(256)),
        "deep.jsonl": b'{"a":' * 5000,
        "utf.jsonl": b'{"id": "\xff"}',
        "bad.parquet": b"PAR1" + bytes(64),
        "bad.jsonl.gz": b"no gzip",
        "table.xlsx": b"PK",
        "folder/x": b"x",
        "parts/part_000000.jsonl": b"hello",
        "damaged/manifest.json": b"{",
        "taken/embeddings": b"",
        "taken/answers": b"",
    }
    for name, text in texts.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(text + b"\n")
    (folder / "loop").symlink_to("loop")
    return folder


@pytest.mark.parametrize("words", WRONG)
def test_a_wrong_use_is_one_line_and_leaves_nothing(
    world: Path, monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    assert_one_line(world, monkeypatch, words, *WRONG[words])


@pytest.fixture(scope="module")
def fake() -> Any:
    with fake_judge(lambda body: "") as judge:
        judge.models = {"m": ""}
        yield judge


VECTORS: dict[str, tuple[Any, str]] = {
    "words": (["a", 1.0], "no finite numbers, or all 0"),
    "base64": ("AACAPwAAgD8=", "no finite numbers"),
    "nulls": ([None, 1.0], "no finite numbers"),
    "nested": ([[1.0]], "no finite numbers"),
    "zeros": ([0.0, 0.0], "no finite numbers"),
    "nothing": ([], "no finite numbers"),
    "number": (7, "no finite numbers"),
}


def clustered(world: Path, out: Path, fake: FakeJudge, *more: str) -> str:
    """The one line by which the command ends."""
    command = f"data cluster {world / 'code.jsonl'} --out {out} --patience 0"
    done = CliRunner().invoke(app, [*shlex.split(command), "--embeddings", f"m={fake.url}", *more])
    assert done.exit_code == 1, done.output
    return only_line(done.stderr)


@pytest.mark.parametrize("kind", VECTORS)
def test_vectors_that_are_none_end_it(
    world: Path, tmp_path: Path, fake: FakeJudge, kind: str
) -> None:
    fake.embed = lambda text: VECTORS[kind][0]
    said = clustered(world, tmp_path / "out", fake)
    assert VECTORS[kind][1] in said and "0 vectors are kept" in said


def test_a_row_that_is_none_ends_it_where_it_stands(
    world: Path, tmp_path: Path, fake: FakeJudge
) -> None:
    """What fails beside the asking is told as anywhere else."""
    fake.embed = lambda text: [1.0, 2.0]
    source = tmp_path / "late.jsonl"
    source.write_text(json.dumps(RECORD) + "\n{broken\n")
    done = CliRunner().invoke(
        app,
        ["data", "cluster", str(source), "--out", str(tmp_path / "out"), "--embeddings", fake.url],
    )
    assert done.exit_code == 1
    assert "late.jsonl line 2: not valid JSON" in only_line(done.stderr)


def test_further_fields_reach_the_endpoint_and_tell_vectors_apart(
    world: Path, tmp_path: Path, fake: FakeJudge
) -> None:
    fake.embed = lambda text: [1e200, math.tau]  # whose squares overflow
    command = f"data cluster {world / 'code.jsonl'} --out {tmp_path} --embeddings m={fake.url}"
    extra = ["--extra", '{"dimensions": 2}']
    done = CliRunner().invoke(app, [*shlex.split(command), *extra])
    assert done.exit_code == 0, done.output
    assert fake.bodies[-1]["dimensions"] == 2
    assert "there extra is" in clustered(world, tmp_path, fake)
