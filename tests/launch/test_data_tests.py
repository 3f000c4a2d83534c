"""`plumb data tests` as a user runs it, against an endpoint in this process."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from data.records import read_records, write_records
from data.schema import Record
from launch.cli import app
from tests.fake_judge import Body, fake_judge

pytestmark = pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed")
TESTS = [
    {"category": "normal", "stdin": "1 2", "stdout": "3"},
    {"category": "boundary", "stdin": "", "stdout": "1"},
]
PROGRAMS = [
    "import sys\nprint(sum(map(int, sys.stdin.read().split())))",
    "print(sum(int(w) for w in open(0).read().split()))",
    "print(3)",
]


def answer(body: Body) -> Any:
    """Tests where they are asked for, else programs."""
    if "Write tests" in body["messages"][-1]["content"]:
        return f"```json\n{json.dumps(TESTS)}\n```"
    return [f"```python\n{source}\n```" for source in PROGRAMS][: body.get("n", 1)]


def ask(url: str, *more: str) -> tuple[int, str]:
    command = ["data", "tests", "in.jsonl", "--out", "out", "--model", f"tiny={url}"]
    options = ["--sandbox", "bubblewrap", "--programs", "3", "--patience", "1", *more]
    result = CliRunner().invoke(app, [*command, *options])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


def test_records_get_tests_and_nothing_is_asked_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    asked = ({"role": "user", "content": "Print the sum of the numbers."},)
    solved = {"solutions": [{"language": "python", "source": PROGRAMS[0]}]}
    plain = Record(messages=asked, task="code")
    records = [plain, plain.model_copy(update={"id": "other", "metadata": solved})]
    write_records(tmp_path / "in.jsonl", records)
    with fake_judge(answer) as fake:
        fake.stop()
        code, said = ask(fake.url)
        assert code == 1 and said.count("plumb:") == 1 and "Traceback" not in said
        fake.start()
        code, said = ask(fake.url)
        assert code == 0, said
        assert len(fake.bodies) == 3  # tests of two, programs of the one without a solution
        assert "next: plumb data curate out" in said
        kept = list(read_records(tmp_path / "out"))
        assert [one.reference for one in kept] == [
            {"kind": "stdio", "cases": [{"stdin": "1 2", "stdout": "3"}]}
        ] * 2
        before = (tmp_path / "out/manifest.json").read_bytes()
        code, said = ask(fake.url)
        assert code == 0 and len(fake.bodies) == 3
        assert (tmp_path / "out/manifest.json").read_bytes() == before
