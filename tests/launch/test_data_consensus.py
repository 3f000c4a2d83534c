"""`plumb data consensus`: models over HTTP, outages, rate limits, kills, and the same bytes."""

import hashlib
import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from data.records import read_records, write_records
from data.schema import Record
from launch.cli import app
from tests.fake_judge import Body, FakeJudge, fake_judge

COUNT = 30
ADD: Any = {
    "type": "function",
    "function": {
        "name": "math.add",
        "parameters": {"type": "object", "properties": {"a": {"type": "integer"}}},
    },
}


def records(folder: Path, count: int = COUNT) -> Path:
    """Questions of tool use; every third is answered otherwise by the second model."""
    path = folder / "tools.parquet"
    write_records(
        path,
        [
            Record(
                messages=({"role": "user", "content": f"add {number}"},), task="tool", tools=(ADD,)
            )
            for number in range(count)
        ],
    )
    return path


def answer(body: Body, *, wrong: int = 0) -> Any:
    number = int(body["messages"][-1]["content"].split()[-1])
    a = number + (wrong if number % 3 == 0 else 0)
    function = {"name": "math_add", "arguments": json.dumps({"a": a})}
    return {"tool_calls": [{"id": "1", "type": "function", "function": function}]}


def run(source: Path, out: Path, *fakes: FakeJudge, **options: Any) -> Result:
    return CliRunner().invoke(app, arguments(source, out, *fakes, **options))


def arguments(source: Path, out: Path, *fakes: FakeJudge, **options: Any) -> list[str]:
    named = [one for name, fake in zip("ab", fakes, strict=False) for one in _model(name, fake)]
    options = {"concurrency": 2, "patience": 20, "timeout": 30} | options
    more = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    return ["data", "consensus", str(source), "--out", str(out), *named, *more]


def _model(name: str, fake: FakeJudge) -> list[str]:
    fake.models = {name: ""}
    return ["--model", f"{name}={fake.url}"]


def digests(folder: Path) -> dict[str, str]:
    """Of everything but the answers, which come in any order, and the seconds it took."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "timing.json" and "answers" not in path.parts
    }


def asked(fake: FakeJudge) -> Counter[str]:
    return Counter(body["messages"][-1]["content"] for body in fake.bodies)


def test_what_models_agree_on_is_kept(tmp_path: Path) -> None:
    source = records(tmp_path)
    with fake_judge(answer) as a, fake_judge(lambda body: answer(body, wrong=1)) as b:
        result = run(source, tmp_path / "out", a, b)
        assert result.exit_code == 0, result.output
        kept = list(read_records(tmp_path / "out"))
        assert len(kept) == 20
        for record in kept:
            number = int(str(record.messages[-1]["content"]).split()[-1])
            assert number % 3
            assert record.reference == [{"name": "math.add", "arguments": {"a": number}}]
        manifest = json.loads((tmp_path / "out/manifest.json").read_text())
        assert manifest["counts"]["review"] == {"consensus": {"models disagree": 10}}
        assert manifest["command"] == "plumb data consensus" and a.url not in json.dumps(manifest)
        assert "20" in result.output and "models disagree" in result.output
        # Another threshold asks nothing anew, and needs no endpoint.
        before = len(a.bodies)
        a.stop()
        more = [*arguments(source, tmp_path / "out", a, b, agree=1), "--overwrite"]
        assert CliRunner().invoke(app, more).exit_code == 0
        assert len(a.bodies) == before and len(list(read_records(tmp_path / "out"))) == COUNT


def test_an_outage_is_one_line_and_the_rest_is_asked_then(tmp_path: Path) -> None:
    source, out = records(tmp_path), tmp_path / "out"
    given: list[Body] = []
    one_by_one = threading.Lock()

    def failing(body: Body) -> Any:
        with one_by_one:
            given.append(body)
            number = len(given)
        return answer(body) if number <= 10 else (503, {})

    with fake_judge(failing) as a, fake_judge(answer) as b:
        result = run(source, out, a, b, patience=0.5)
        assert result.exit_code == 1
        line = result.stderr.strip().splitlines()[-1]
        assert a.url in line and "HTTP 503" in line and "10 answers are kept" in line
        assert not list(out.glob("part_*"))
        a.answer = answer
        assert run(source, out, a, b).exit_code == 0
        answered = Counter(one["messages"][-1]["content"] for one in given[:10])
        answered += Counter(body["messages"][-1]["content"] for body in a.bodies[len(given) :])
        assert set(answered.values()) == {1} and len(answered) == COUNT
        assert set(asked(b).values()) == {1}


def test_a_rate_limit_is_kept_to_and_costs_nothing(tmp_path: Path) -> None:
    limited: list[float] = []
    served: list[float] = []

    def answering(body: Body) -> Any:
        if len(served) == 5 and not limited:
            limited.append(time.monotonic())
            return 429, {"retry-after": "1"}
        served.append(time.monotonic())
        return answer(body)

    with fake_judge(answering) as a:
        assert run(records(tmp_path, 8), tmp_path / "out", a, concurrency=1).exit_code == 0
    assert served[5] - limited[0] >= 1.0 and len(served) == 8


def test_killed_and_run_again_gives_the_same_bytes(tmp_path: Path) -> None:
    source = records(tmp_path)
    killed = threading.Event()
    killed.set()

    def held(body: Body) -> Any:
        if len(a.bodies) > 8:
            killed.wait(600)
        return answer(body)

    with fake_judge(held) as a, fake_judge(lambda body: answer(body, wrong=1)) as b:
        assert run(source, tmp_path / "whole", a, b).exit_code == 0
        a.bodies.clear()
        b.bodies.clear()
        killed.clear()
        out = tmp_path / "killed"
        command = [sys.executable, "-m", "launch.cli", *arguments(source, out, a, b)]
        process = subprocess.Popen(
            command, env=os.environ | {"PYTHONPATH": str(Path.cwd())}, stderr=subprocess.DEVNULL
        )
        until = time.monotonic() + 240
        while len(a.bodies) <= 8:
            assert time.monotonic() < until and process.poll() is None
            time.sleep(0.01)
        process.kill()
        process.wait()
        killed.set()
        kept = {
            json.loads(line)["key"]
            for line in (out / "answers/a.jsonl").read_text().splitlines()[1:]
            if line.endswith("}")
        }
        assert 0 < len(kept) < COUNT
        in_store = {
            str(one.messages[-1]["content"]) for one in read_records(source) if one.id in kept
        }
        before = len(a.bodies)
        assert run(source, out, a, b).exit_code == 0
        assert not in_store & {one["messages"][-1]["content"] for one in a.bodies[before:]}
        assert len(a.bodies) <= COUNT + 2  # what was open when it was killed
        assert digests(out) == digests(tmp_path / "whole")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"agree": 3}, "there are 2 models"),
        ({"temperature": 9}, "temperature"),
        ({"extra": "[1]"}, "is no object"),
        ({"template": "no place"}, "no place for the prompt"),
        ({"key-env": "NO_SUCH"}, "hosts; say whose it is"),
    ],
)
def test_what_is_wrong_is_one_line(tmp_path: Path, options: dict[str, Any], said: str) -> None:
    fakes = FakeJudge(answer), FakeJudge(answer)
    result = run(records(tmp_path, 1), tmp_path / "out", *fakes, **options)
    assert result.exit_code == 1 and said in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_other_folders_are_left_alone(tmp_path: Path) -> None:
    source = records(tmp_path, 1)
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"prompt": "a", "reference": "b"}\n')
    fake = FakeJudge(answer)
    assert "holds no records" in run(rows, tmp_path / "out", fake).stderr
    out = tmp_path / "curated"
    with fake_judge(answer) as served:
        assert run(source, out, served).exit_code == 0
    manifest = out / "manifest.json"
    manifest.write_text(manifest.read_text().replace("data consensus", "data curate", 1))
    assert "holds what plumb data curate wrote" in run(source, out, fake).stderr


def test_a_judge_checks_what_is_to_be_kept(tmp_path: Path) -> None:
    def judging(body: Body) -> Any:
        calls = str(body["messages"][-1]["content"]).split("<<<CALLS")[1]
        is_right = '"a": 7' not in calls
        said = {"tool": True, "parameters": is_right, "valid": is_right}
        return json.dumps({"reasons": "seven", **said})

    source, out = records(tmp_path, 10), tmp_path / "out"
    with fake_judge(answer) as a, fake_judge(judging) as judge:
        judge.models = {"j": ""}
        more = [*arguments(source, out, a), "--judge", f"j={judge.url}"]
        assert CliRunner().invoke(app, more).exit_code == 0
        assert len(judge.bodies) == 10 and judge.bodies[0]["temperature"] == 0
        dropped = json.loads((out / "manifest.json").read_text())["counts"]["dropped"]
        assert dropped == {"tool judge": {"wrong parameters": 1}}
        # What was agreed on is checked again, without anybody answering.
        more = [*arguments(out, tmp_path / "again"), "--judge", f"j={judge.url}"]
        assert CliRunner().invoke(app, more).exit_code == 0
        assert len(list(read_records(tmp_path / "again"))) == 9
    nobody = CliRunner().invoke(app, arguments(source, tmp_path / "none"))
    assert nobody.exit_code == 1 and "nobody is asked" in nobody.stderr
