"""`plumb data evolve`: seeds become prompts, models word and answer them, answers are checked."""

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

from data.asking import Answer
from data.records import read_records
from data.schema import Record
from data.sources import load_prompts
from launch.cli import app
from rewards.constraints import check, constraints_of
from rewards.judge.errors import RefusedError
from tests.fake_judge import Body, FakeJudge, fake_judge
from tests.launch.test_data_consensus import digests

COUNT = 12
TYPES = "punctuation:no_comma,keywords:existence"
REWORD = "You reword requests"


def seeds(folder: Path, count: int = COUNT) -> Path:
    path = folder / "seeds.jsonl"
    lines = [json.dumps({"prompt": f"Write about number {n}."}) for n in range(count)]
    path.write_text("\n".join(lines) + "\n")
    return path


def is_rewording(body: Body) -> bool:
    return str(body["messages"][0]["content"]).startswith(REWORD)


def answer(body: Body) -> Any:
    """Words with all constraints for even numbers; of two answers, one has commas."""
    text = str(body["messages"][-1]["content"])
    if is_rewording(body):
        words = " ".join(text.partition("Constraints:\n")[2].split())
        is_even = int(text.split("number ")[1].split(".", maxsplit=1)[0]) % 2 == 0
        said = text.split("about ")[1].split(".", maxsplit=1)[0]
        return json.dumps({"request": f"Tell me of {said}. {words if is_even else ''}"})
    every = " ".join(text.replace(",", " ").split())
    return [f"<think>Well, well.</think>{every}", f"{every}, and so on"]


class OwnEngine:
    """A model that answers as the endpoint does, but holds no answer to a schema."""

    name, sampling, concurrency = "own", {"temperature": 1.0}, 2

    def __init__(self) -> None:
        self.rewordings = self.answers = 0

    async def start(self) -> None:
        """There is nothing to start."""

    async def aclose(self) -> None:
        """There is nothing to end."""

    async def answer(self, messages: Any, *, schema: Any = None, **_: Any) -> list[Answer]:
        if schema is not None:
            raise RefusedError("engines do not hold answers to a schema")
        body = {"messages": list(messages)}
        self.rewordings += is_rewording(body)
        self.answers += not is_rewording(body)
        said = answer(body)
        return [Answer(text) for text in ([said] if isinstance(said, str) else said)]


def run(source: Path, out: Path, fake: FakeJudge | None = None, *more: str) -> Result:
    return CliRunner().invoke(app, arguments(source, out, fake, *more))


def arguments(source: Path, out: Path, fake: FakeJudge | None = None, *more: str) -> list[str]:
    limits = ("--concurrency", "2", "--patience", "20", "--timeout", "30", "--answers", "2")
    named = () if fake is None else ("--model", f"tiny={fake.url}", *limits)
    return ["data", "evolve", str(source), "--out", str(out), "--types", TYPES, *named, *more]


def no_comma(record: Record) -> bool:
    return any(one["id"] == "punctuation:no_comma" for one in record.reference)  # type: ignore[union-attr, index, call-overload]


def test_a_model_on_an_engine_words_and_answers_as_one_at_an_endpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = OwnEngine()
    monkeypatch.setattr("launch.datasets.engine_models.engine_models", lambda paths, **_: [own])
    source = seeds(tmp_path)
    more = ("--engine", "somewhere/own", "--answers", "2")
    result = run(source, tmp_path / "own", None, *more)
    assert result.exit_code == 0, result.output
    assert own.rewordings == own.answers == COUNT
    with fake_judge(answer) as fake:
        assert run(source, tmp_path / "served", fake).exit_code == 0
    assert list(read_records(tmp_path / "own")) == list(read_records(tmp_path / "served"))


def test_without_a_model_prompts_are_worded_plainly(tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = run(seeds(tmp_path), out, None, "--copies", "3", "--seed", "5")
    assert result.exit_code == 0, result.output
    made = list(read_records(out))
    assert COUNT < len(made) == len({one.id for one in made}) < 3 * COUNT
    assert all(one.task == "text" and constraints_of(one.reference) for one in made)
    assert len(load_prompts(str(out))) == len(made)  # as training reads them
    assert not (out / "answers").exists() and "sft" not in result.output
    counts = json.loads((out / "manifest.json").read_text())["counts"]
    assert counts["dropped"] == {"evolve": {"drawn before": 3 * COUNT - len(made)}}
    assert run(seeds(tmp_path), tmp_path / "again", None, "--copies", "3", "--seed", "5")
    assert digests(tmp_path / "again") == digests(out)


def test_a_model_words_and_answers_and_what_follows_is_accepted(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with fake_judge(answer) as fake:
        result = run(seeds(tmp_path), out, fake)
        assert result.exit_code == 0, result.output
        made = {one.id: one for one in read_records(out)}
        assert len(made) == COUNT
        for one in made.values():  # words that leave nothing out are taken
            number = int(one.request().split("number ")[1].split(".")[0])
            is_plain = one.request().startswith("Write about")
            assert is_plain == (one.metadata["wording"] == "plain") == (number % 2 == 1)
        rows = [json.loads(line) for line in (out / "sft.jsonl").read_text().splitlines()]
        accepted = Counter(row["id"] for row in rows)
        for one in made.values():
            facts = {"answers": 2, "accepted": 1 if no_comma(one) else 2}
            assert one.metadata["followers"] == facts and accepted[one.id] == facts["accepted"]
        for row in rows:
            record = made[row["id"]]
            *asked, said = row["messages"]
            assert tuple(asked) == record.messages and "think" not in said["content"]
            results = check(said["content"], constraints_of(record.reference))
            assert all(one.followed for one in results)
        # A second copy asks for the new ones alone.
        before = len(fake.bodies)
        assert run(seeds(tmp_path), out, fake, "--copies", "2", "--overwrite").exit_code == 0
        assert len(fake.bodies) - before == before == 2 * COUNT


def test_ended_and_run_again_gives_the_same_bytes(tmp_path: Path) -> None:
    ended = threading.Event()
    ended.set()

    def held(body: Body) -> Any:
        if len(fake.bodies) > whole + COUNT + 5:  # in the midst of the answers
            ended.wait(600)
        return answer(body)

    source, whole = seeds(tmp_path), 0
    with fake_judge(held) as fake:
        assert run(source, tmp_path / "whole", fake).exit_code == 0
        whole, out = len(fake.bodies), tmp_path / "killed"
        ended.clear()
        command = [sys.executable, "-m", "launch.cli", *arguments(source, out, fake)]
        process = subprocess.Popen(
            command, env=os.environ | {"PYTHONPATH": str(Path.cwd())}, stderr=subprocess.PIPE
        )
        until = time.monotonic() + 240
        while len(fake.bodies) <= whole + COUNT + 5:
            assert time.monotonic() < until and process.poll() is None
            time.sleep(0.01)
        process.terminate()
        _, said = process.communicate(timeout=120)
        ended.set()
        assert process.returncode == 143 and b"keeps what was answered" in said.splitlines()[-1]
        assert not (out / "sft.jsonl").exists()
        assert run(source, out, fake).exit_code == 0
        assert len(fake.bodies) - whole <= whole + 2  # what was open when it was killed
        assert digests(out) == digests(tmp_path / "whole")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--types", "keywords:nothing"), "keywords:nothing"),
        (("--model", "nowhere"), "has no address"),
    ],
)
def test_what_is_wrong_is_one_line(tmp_path: Path, more: tuple[str, ...], said: str) -> None:
    result = run(seeds(tmp_path), tmp_path / "out", None, *more)
    assert result.exit_code == 1 and said in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_a_seed_that_stands_twice_grows_once(tmp_path: Path) -> None:
    source = seeds(tmp_path)
    source.write_text(source.read_text() * 2)
    assert run(source, tmp_path / "out").exit_code == 0
    assert len(load_prompts(str(tmp_path / "out"))) == COUNT
    counts = json.loads((tmp_path / "out/manifest.json").read_text())["counts"]
    assert counts["dropped"] == {"evolve": {"seed repeated": COUNT}}


def test_a_conversation_without_a_request_is_dropped(tmp_path: Path) -> None:
    source = tmp_path / "seeds.jsonl"
    chats = [
        [{"role": "user", "content": "Go."}],
        [{"role": "user", "content": "Go."}, {"role": "tool", "content": "5"}],
    ]
    source.write_text("".join(json.dumps({"messages": chat}) + "\n" for chat in chats))
    with fake_judge(lambda body: answer(body) if not is_rewording(body) else "no JSON") as fake:
        result = run(source, tmp_path / "out", fake)
    assert result.exit_code == 0, result.output
    (kept,) = read_records(tmp_path / "out")
    assert kept.metadata["wording"] == "plain"  # what cannot be read is no wording
    manifest = json.loads((tmp_path / "out/manifest.json").read_text())
    assert manifest["counts"]["dropped"] == {"evolve": {"no request": 1}}
