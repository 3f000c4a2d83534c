"""Wrong uses of commands that read files: `plumb verify`, `init`, `recipes`, `eval` and others."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from launch.cli import app
from tests.launch.wrong_uses import assert_one_line

URL = "http://127.0.0.1:9"
VERIFY = "verify --task math"
EVAL = f"eval {URL} --set s=set.jsonl"
TAG = f"data tag records --out out --model m={URL}"
WRONG = {
    f"{VERIFY} nofile out": (1, "nofile: there is no such file"),
    f"{VERIFY} folder out": (1, "folder: is a folder"),
    f"{VERIFY} empty out": (1, "empty: holds no rows"),
    f"{VERIFY} binary out": (1, "binary line 1: not valid JSON"),
    f"{VERIFY} deep out": (1, "deep line 1: not usable JSON"),
    f"{VERIFY} loop out": (1, "loop: cannot be read"),
    f"{VERIFY} ok.jsonl folder": (1, "folder: cannot be written: Is a directory"),
    f"{VERIFY} ok.jsonl none/out": (1, "none/out: cannot be written"),
    f"{VERIFY} ok.jsonl ok.jsonl": (2, "ok.jsonl: is the input too"),
    f"{VERIFY} ok.jsonl out --workers 0": (2, "workers=0"),
    f"{VERIFY} ok.jsonl out --deadline nan": (2, "deadline=nan"),
    f"{VERIFY} ok.jsonl out --judge {URL}": (2, "--judge is for --task text"),
    "verify ok.jsonl out": (2, "say what the answers are answers to"),
    "verify --task maths ok.jsonl out": (2, "--task is 'maths'"),
    "verify --plugin none.py:f ok.jsonl out": (1, "there is no verifier file"),
    "init folder": (2, "folder is not empty"),
    "init ok.jsonl": (2, "ok.jsonl is a file"),
    "init ok.jsonl/x": (2, "ok.jsonl/x cannot be made"),
    "init loop": (2, "loop cannot be made"),
    "init new --model ''": (2, "--model is empty"),
    "init": (2, "missing argument"),
    "recipes cod": (2, "did you mean code?"),
    "recipes ../x": (2, "there is no recipe '../x'"),
    "recipes --all": (2, "--all is of one recipe"),
    "recipes qwen3-8b-math 64gpu": (2, "it has 1gpu-lora, 8gpus, 64gpus"),
    "recipes qwen3-8b-math train.stepz=3": (2, "did you mean train.steps?"),
    "recipes qwen3-8b-math train.steps=-1": (2, "greater than or equal to 1"),
    f"eval {URL}": (2, "which prompts?"),
    f"eval {URL} --set set.jsonl": (2, "--set set.jsonl"),
    f"eval {URL} --set s=nofile": (1, "nofile: there is no such file"),
    f"eval {URL} --set a/b=set.jsonl": (2, "'a/b' is a folder's name too"),
    f"{EVAL} --set s=set.jsonl": (2, "--set s stands there twice"),
    f"{EVAL} -k 0": (2, "-k 0: write a number from 1 on"),
    f"{EVAL} --preset x": (2, "--preset x: there is none of this name"),
    f"{EVAL} --temperature nan": (2, "temperature"),
    f"{EVAL} --limit 0": (2, "--limit 0: give 1 or more"),
    f"{EVAL} --engines 2": (2, "--engines is for models"),
    f"{EVAL} --key-env NO_SUCH": (2, "--key-env NO_SUCH: the variable is not set"),
    "eval folder --set s=set.jsonl": (1, "folder holds no model"),
    "eval http://[::1 --set s=set.jsonl": (2, "names no host and port"),
    "eval compare folder empty": (2, "folder: holds no finished evaluation"),
    "data tag nofile --out out --model m=x": (1, "nofile: there is no such file"),
    "data mix damaged.parquet --out out": (1, "damaged.parquet: not a readable parquet file"),
    "data curate set.jsonl --out out --similarity 7": (2, "(got '7')"),
    "data curate set.jsonl --out out --overlap -1": (2, "(got '-1')"),
    "data curate broken.jsonl --out out": (1, "broken.jsonl line 1: not valid JSON"),
    "data toolgraph --out out --difficulty easy:0": (1, "every weight is 0"),
    "sandbox serve --runtime runsc --backend bubblewrap": (2, "--runtime is of docker"),
    "sandbox serve --image a --rootfs b": (2, "--image is of docker, and --rootfs is not"),
    f"data tag set.jsonl --out out --model m={URL}": (1, "set.jsonl: holds no records"),
    "data report folder": (1, "folder"),
    f"judge calibrate nofile --url {URL}": (1, "nofile: there is no such file"),
    "judge calibrate ok.jsonl --url http://[::1": (2, "names no host and port"),
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files that are not what is asked for."""
    folder = tmp_path_factory.mktemp("world")
    texts: dict[str, bytes] = {
        "ok.jsonl": b'{"id": "1", "response": "7", "reference": "7"}\n',
        "set.jsonl": b'{"problem": "1+1?", "answer": "2"}\n',
        "empty": b"",
        "broken.jsonl": bytes(range(256)),
        "damaged.parquet": b"PAR1" + bytes(64),
        "binary": bytes(range(256)),
        "deep": b'{"a":' * 5000 + b"\n",
        "folder/x": b"x",
    }
    for name, text in texts.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(text)
    (folder / "loop").symlink_to("loop")
    return folder


@pytest.mark.parametrize("words", WRONG)
def test_a_wrong_use_is_one_line_and_leaves_nothing(
    world: Path, monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    assert_one_line(world, monkeypatch, words, *WRONG[words])


@pytest.mark.parametrize("name", ["words", "my words", "a: b #c", "123", "ünï ☃", 'it\'s\n"so"'])
def test_a_project_s_config_says_its_name_and_model_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["init", name, "--model", name])
    assert done.exit_code == 0, done.output
    written = yaml.safe_load((tmp_path / name / "config.yaml").read_text("utf-8"))
    assert (written["model"]["path"], written["run_dir"]) == (name, f"runs/{name}")
    next_words = shlex.split(done.stdout.partition("next: ")[2])
    assert next_words[:2] == ["cd", name]


def test_an_output_that_takes_nothing_is_at_most_one_line() -> None:
    """A full disk is told; that a reader such as `head` has gone is not."""
    command = [sys.executable, "-m", "launch.cli", "recipes", "qwen3-8b-math"]
    with Path("/dev/full").open("w") as full:
        told = subprocess.run(command, check=False, stdout=full, stderr=subprocess.PIPE, text=True)
    assert told.returncode == 1
    (line,) = told.stderr.splitlines()
    assert line.startswith("plumb: cannot write the output: No space left on device")
    reader, writer = os.pipe()
    os.close(reader)
    gone = subprocess.run(command, check=False, stdout=writer, stderr=subprocess.PIPE, text=True)
    os.close(writer)
    assert (gone.returncode, gone.stderr) == (1, "")


def test_what_a_file_holds_does_not_act_on_the_terminal(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(json.dumps({"train": {"\x1b]0;owned\x07": 1}}))
    done = CliRunner().invoke(app, ["train", str(config)])
    assert done.exit_code == 2
    assert "\\x1b]0;owned\\x07" in done.stderr
    assert "\x1b" not in done.stderr
