"""`plumb eval` as it is used: help, a dozen wrong uses, a kill, an exit code."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from launch.cli import app
from tests.fake_judge import fake_judge
from tests.launch.conftest import REPOSITORY, only_line
from tests.launch.eval_world import ROWS, Body, quick, write_set

URL = "http://127.0.0.1:1/v1"
RUNNER = CliRunner()


def test_help_shows_how_it_is_used() -> None:
    shown = RUNNER.invoke(app, ["eval", "--help"]).stdout
    for part in ("plumb eval runs/mine", "--preset", "--select", "compare"):
        assert part in shown
    compared = RUNNER.invoke(app, ["eval", "compare", "--help"]).stdout
    assert "plumb eval compare evals/start_model evals/mine" in compared


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([URL], "which prompts? give --set NAME=FILE"),
        ([URL, "--set", "gsm8k.jsonl"], "--set gsm8k.jsonl: write it as NAME=VALUE"),
        ([URL, "--set", "a/b=gsm8k.jsonl"], "'a/b' is a folder's name too"),
        ([URL, "--set", "a=none.jsonl"], "none.jsonl: there is no such file"),
        ([URL, "--set", "a=gsm8k.jsonl", "--set", "a=gsm8k.jsonl"], "stands there twice"),
        ([URL, "--set", "a=empty.jsonl"], "holds no rows"),
        ([URL, "--set", "a=odd.jsonl"], "is of no known format; its columns are x"),
        ([URL, "--set", "a=gsm8k.jsonl", "--format", "b=gsm8k"], "there is no set of this name"),
        ([URL, "--set", "a=gsm8k.jsonl", "-k", "0"], "-k 0: write a number from 1 on"),
        ([URL, "--set", "a=gsm8k.jsonl", "-k", "b=4"], "there is no set 'b': a"),
        ([URL, "--set", "a=gsm8k.jsonl", "-k", "4"], "greedy answers to a prompt are all the same"),
        ([URL, "--set", "a=gsm8k.jsonl", "--limit", "0"], "--limit 0: give 1 or more"),
        ([URL, "--set", "a=gsm8k.jsonl", "--preset", "telechat3"], "there is none of this name"),
        ([URL, "--set", "a=gsm8k.jsonl", "--preset", "enggpt2-best"], "table 16 has no"),
        ([URL, "--set", "a=gsm8k.jsonl", "--top-p", "2"], "top_p: Input should be less"),
        ([URL, "--set", "a=gsm8k.jsonl", "--engines", "2"], "--engines is for models"),
        ([URL, "--set", "a=gsm8k.jsonl", "--verifier", "maths"], "did you mean 'math'?"),
        ([URL, "--set", "a=gsm8k.jsonl", "--sandbox", "auto"], "--sandbox is for programs"),
        ([URL, "--set", "a=gsm8k.jsonl", "--judge", URL], "--judge is for texts for a judge"),
        ([URL, "--set", "a=text.jsonl"], "a judge is needed: give --judge URL"),
        ([URL, "--set", "a=gsm8k.jsonl", "--select", "judge"], "a judge is needed"),
        ([URL, "--set", "a=gsm8k.jsonl", "--select", "reward=x"], "write reward=URL"),
        ([URL, "--set", "a=task.jsonl"], "prompts of the task 'riddles' have no verifier"),
        ([URL, "--set", "a=gsm8k.jsonl", "--template", "no place"], "put {prompt} where"),
        ([URL, "--set", "a=gsm8k.jsonl", "--key-env", "NOT_SET_9"], "NOT_SET_9: the variable"),
        (["none", "--set", "a=gsm8k.jsonl", "--timeout", "3"], "--timeout is of endpoints"),
        (["./none", "--set", "a=gsm8k.jsonl"], "the model folder ./none does not exist"),
        (["run", "--set", "a=gsm8k.jsonl"], "plumb export run run/model"),
        (["empty", "--set", "a=gsm8k.jsonl"], "empty holds no model"),
        ([URL, "--set", "a=gsm8k.jsonl", "train.stepz=4"], "did you mean train.steps?"),
        (["compare", "empty", "run"], "empty: holds no finished evaluation"),
    ],
)  # fmt: skip
def test_a_wrong_use_is_one_line_with_its_remedy(
    arguments: list[str],
    complaint: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    write_set(tmp_path, "gsm8k")
    write_set(tmp_path, "text", ROWS["judged"])
    write_set(tmp_path, "odd", [{"x": 1}])
    write_set(tmp_path, "task", [{"prompt": "a", "reference": "b", "task": "riddles"}])
    (tmp_path / "empty.jsonl").touch()
    (tmp_path / "empty").mkdir()
    (tmp_path / "run" / "checkpoints" / "step_000002").mkdir(parents=True)
    (tmp_path / "run" / "config.yaml").write_text("seed: 1\n")
    result = RUNNER.invoke(app, ["eval", *arguments])
    assert result.exit_code in (1, 2)
    said = result.output
    lines = [line for line in said.splitlines() if line.startswith("plumb: ")]
    assert len(lines) == 1, said
    assert complaint in lines[0]
    assert "Traceback" not in said
    assert not (tmp_path / "evals").exists() or not list((tmp_path / "evals").rglob("*.json"))


@pytest.mark.timeout(900)
def test_a_kill_loses_nothing_and_the_result_can_be_compared(tmp_path: Path) -> None:
    rows = [{**ROWS["gsm8k"][0], "question": f"Problem {i}?"} for i in range(30)]
    write_set(tmp_path, "gsm8k", rows)
    verifier = quick(tmp_path)
    enough, go_on = threading.Event(), threading.Event()
    seeds: list[tuple[str, int]] = []

    def answer(body: Body) -> Any:
        if len(seeds) >= 20:
            enough.set()
            go_on.wait(600)
        seeds.append((body["messages"][0]["content"], body["seed"]))
        return r"\boxed{42}"

    with fake_judge(answer) as model:
        command = ["eval", model.url, "--set", "gsm8k=gsm8k.jsonl", "--out", "out", "--json"]
        command += ["-k", "2", "--temperature", "0.8", "--concurrency", "4"]
        command += ["--verifier", verifier, "reward.deadline=120"]
        process = _started(tmp_path, command)
        while not enough.wait(1):
            assert process.poll() is None, process.communicate()
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=60)
        go_on.set()
        kept = _kept(tmp_path)
        assert 0 < len(kept) < 60
        before = -1
        while before != len(model.bodies):  # until nothing comes of the killed one any more
            before = len(model.bodies)
            time.sleep(1)
        process = _started(tmp_path, command)
        output, errors = process.communicate(timeout=600)
        assert process.returncode == 0, errors
    found = json.loads(output)
    assert found["sets"]["gsm8k"]["accuracy"] == 1.0
    assert found["sets"]["gsm8k"]["prompts"] == 30
    answers = _kept(tmp_path)
    assert answers[: len(kept)] == kept
    assert len(answers) == len(set(answers)) == 60
    assert len(model.bodies) - before == 60 - len(kept)
    out = str(tmp_path / "out")
    compared = RUNNER.invoke(app, ["eval", "compare", out, out])
    assert compared.exit_code == 0, compared.output
    assert "+0.0%" in compared.stdout


def test_too_many_ungradable_answers_are_an_exit_code(tmp_path: Path) -> None:
    given = write_set(tmp_path, "gsm8k")
    (tmp_path / "away.py").write_text(
        "from rewards import InfrastructureError, Sample, Verdict\n\n\n"
        "async def away(sample: Sample) -> Verdict:\n"
        "    raise InfrastructureError('the service is away')\n"
    )
    with fake_judge(lambda body: "7") as model:
        command = ["eval", model.url, "--set", given, "--verifier", f"{tmp_path / 'away.py'}:away"]
        result = RUNNER.invoke(app, [*command, "--out", str(tmp_path / "out")])
    assert result.exit_code == 1
    assert "1 of 1 answers could not be graded" in only_line(result.stderr)
    assert "results.json" in result.stdout


def _started(folder: Path, arguments: list[str]) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    return subprocess.Popen(
        [sys.executable, "-m", "launch.cli", *arguments],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def _kept(folder: Path) -> list[str]:
    lines = (folder / "out" / "gsm8k" / "answers.jsonl").read_text().splitlines()
    return [json.loads(line)["key"] for line in lines[1:]]
