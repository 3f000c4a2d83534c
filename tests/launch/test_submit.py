"""What a job takes along, what is refused, and that no secret leaves this machine."""

import json
import os
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from launch.cli import app
from launch.cluster.imports import imports_beside
from launch.cluster.jobs import Job, _line, exit_code_of
from launch.cluster.package import MOST, package_of
from rl.config_file import load_config
from rl.secret_words import NAMES

ADDRESS = "http://127.0.0.1:9"
KEY = "kp-4f7Xq29Lm0"  # of no known form: found by the variable that holds it


class Ray:
    """In place of the job service: keeps what it is sent."""

    sent: dict[str, Any]
    files: dict[str, bytes]
    ray_version = "2.55.0"

    def __init__(self, address: str) -> None:
        self.address = address

    def submit(self, **sent: Any) -> str:
        folder = Path(sent["runtime_env"]["working_dir"])
        Ray.sent = sent
        Ray.files = {
            str(path.relative_to(folder)): path.read_bytes()
            for path in folder.rglob("*")
            if path.is_file()
        }
        return str(sent["submission_id"])

    def follow(self, id: str, say: Callable[[str], None]) -> Job:
        say("step 1/1\n")
        return Job(id, "SUCCEEDED", "", "", 1.0, 2.0, 0, {})


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a plugin, and modules beside it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("launch.cluster.submit.Service", Ray)
    write("data.jsonl", '{"prompt": "1", "reference": "1"}\n')
    write("plugins/mine.py", "import json\nimport helper\nfrom rewards import Sample\n")
    write("plugins/helper.py", "def f():\n    from tools import table\n")
    write("plugins/tools/__init__.py", "")
    write("plugins/tools/table.py", "import missing_from_here\n")
    write("plugins/tools/words.txt", "hello")
    write("plugins/tools/__pycache__/table.pyc", "x")
    write("plugins/unused.py", "")
    write("shared_code.py", "import mine_too")
    write("plugins/.env", "A=1")
    return tmp_path


def write(path: str, text: str) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text)


def config(**sections: Any) -> str:
    settings = {"run_dir": "/shared/run", "data": {"train": "data.jsonl"}, **sections}
    write("my.yaml", yaml.safe_dump(settings))
    return "my.yaml"


def submit(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["submit", *arguments, "--address", ADDRESS])


def test_what_is_named_by_relative_paths_goes_along(folder: Path) -> None:
    write("base.yaml", "seed: 7\n")
    write("rubrics/mine.yaml", "x: 1\n")
    write("extra/a/b.txt", "b")
    path = config(
        extends="base.yaml",
        reward={"verifier": "plugins/mine.py:mine", "options": {"rubric": "rubrics/mine.yaml"}},
        model={"path": "/shared/models/a"},
        evaluation={"other": {"file": "data.jsonl"}, "built": {"file": "builtin:addition"}},
    )
    done = submit(path, "train.steps=3", "--include", "extra", "--retry", "--env", "COLOUR=blue")
    assert done.exit_code == 0, done.output + str(done.stderr)
    assert sorted(Ray.files) == [
        "config.yaml", "data.jsonl", "extra/a/b.txt", "plugins/helper.py", "plugins/mine.py",
        "plugins/tools/__init__.py", "plugins/tools/table.py", "plugins/tools/words.txt",
        "rubrics/mine.yaml",
    ]  # fmt: skip
    sent = yaml.safe_load(Ray.files["config.yaml"])
    assert (sent["seed"], sent["train"]["steps"]) == (7, 3), "what it extends is in it"
    assert sent["data"]["train"] == "data.jsonl"
    assert Ray.sent["runtime_env"]["env_vars"] == {"COLOUR": "blue", "PYTHONPATH": "plugins"}
    assert Ray.sent["entrypoint"] == "plumb train config.yaml --retry"
    assert Ray.sent["metadata"]["run_dir"] == "/shared/run"
    for line in ("data.jsonl", "plugins/tools/table.py", "rubrics/mine.yaml", "together"):
        assert line in done.output
    assert re.search(r"/shared/models/a +model\.path +not sent", done.output)
    assert done.output.endswith("step 1/1\n" + Ray.sent["submission_id"] + " succeeded\n")


@pytest.mark.parametrize("seed", range(3))
def test_imports_are_found_through_any_chain(folder: Path, seed: int) -> None:
    """A drawn graph of modules: what can be reached is found, and nothing else."""
    draw = random.Random(seed)
    names = [f"m{number}" for number in range(12)]
    edges = {name: draw.sample(names, draw.randint(0, 2)) for name in names}
    for name, targets in edges.items():
        forms = ["import {}", "def f():\n    import {}", "from {} import x", "import {} as y"]
        write(f"net/{name}.py", "\n".join(draw.choice(forms).format(one) for one in targets))
    write("net/plugin.py", "import m0\nimport m1.part\n")
    reached, waiting = set(), ["m0", "m1"]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += edges[name]
    found = imports_beside(Path("net/plugin.py"))
    assert {path.stem for path in found} == reached


def test_more_than_a_job_may_take_is_refused_with_the_shared_path(folder: Path) -> None:
    with Path("big.jsonl").open("wb") as file:
        file.truncate(MOST + 1)
    done = submit(config(data={"train": "big.jsonl"}))
    assert done.exit_code == 2
    assert "big.jsonl is 100.0 MiB" in done.stderr
    assert "/shared/big.jsonl" in done.stderr
    assert done.stderr.count("\n") == 1


PLACES: dict[str, Callable[[], list[str]]] = {
    "my.yaml's own settings": lambda: [config(agent={"command": ["x"], "variables": {"A": KEY}})],
    "a plugin": lambda: [
        config(reward={"verifier": "plugins/mine.py:mine"}),
        *(write("plugins/mine.py", f'K = "{KEY}"') or ()),
    ],
    "a module beside it": lambda: [
        config(reward={"verifier": "plugins/mine.py:mine"}),
        *(write("plugins/helper.py", f'K = "{KEY}"') or ()),
    ],
    "data": lambda: [config(), *(write("data.jsonl", "x" * 1_048_570 + KEY) or ())],
    "a variable": lambda: [config(), "--env", f"COLOUR={KEY}"],
    "an override": lambda: [config(), f"data.system={KEY}"],
    "the command": lambda: [config(), "--plumb", f"A={KEY} plumb"],
    "the name": lambda: [config(), "--name", KEY],
    "what is included": lambda: [config(), "--include", "x.txt", *(write("x.txt", KEY) or ())],
}


@pytest.mark.parametrize("place", PLACES)
def test_a_secret_is_never_sent(folder: Path, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    monkeypatch.setenv("JUDGE_API_KEY", KEY)
    Ray.sent, Ray.files = {}, {}
    done = submit(*PLACES[place]())
    assert done.exit_code == 2, done.output
    assert "JUDGE_API_KEY" in done.stderr
    assert KEY not in done.output + done.stderr
    assert (Ray.sent, Ray.files) == ({}, {})


@pytest.mark.parametrize(
    "key",
    [
        "sk-" + "a1B2" * 8,
        "hf_" + "aB3d" * 8 + "ab",
        "ghp_" + "a1b2" * 9,
        "AKIA" + "ABCD1234" * 2,
        "-----BEGIN RSA PRIVATE KEY-----",
    ],
)
def test_a_key_of_a_known_kind_is_never_sent(folder: Path, key: str) -> None:
    done = submit(config(data={"train": "data.jsonl", "system": f"say {key}"}))
    assert done.exit_code == 2
    assert "looks like" in done.stderr
    assert key not in done.output + done.stderr


ODD_KEY = "it's a \\ pass-phrase of several words, which is żółta " * 3


@pytest.mark.parametrize(
    "place",
    [
        lambda: [config(data={"train": "data.jsonl", "system": f"say {ODD_KEY}!"})],
        lambda: [config(), "--env", f"COLOUR={ODD_KEY}"],
        lambda: [config(), "--plumb", f"A={ODD_KEY} plumb"],
        lambda: [config(agent={"command": ["x"], "variables": {ODD_KEY: "1"}})],
    ],
)
def test_a_secret_that_a_format_would_quote_is_found(
    folder: Path, monkeypatch: pytest.MonkeyPatch, place: Callable[[], list[str]]
) -> None:
    monkeypatch.setenv("VAULT_PASSPHRASE", ODD_KEY)
    done = submit(*place())
    assert done.exit_code == 2, done.output
    assert "VAULT_PASSPHRASE" in done.stderr


@pytest.mark.parametrize(
    ("name", "is_secret"),
    [
        *((one, True) for one in ("PGPASSWORD", "DB_PASS", "MYSQL_PWD", "GITHUB_PAT", "HF_TOKENS")),
        *((one, True) for one in ("PASSPHRASE", "API_KEYS", "AWS_SECRET_ACCESS_KEY", "my_apikey")),
        *((one, False) for one in ("PWD", "OLDPWD", "PATH", "COMPASS", "PATTERN", "KEYBOARD")),
    ],
)
def test_names_of_secrets(name: str, is_secret: bool) -> None:
    assert bool(NAMES.search(name)) is is_secret


def test_a_number_is_no_secret_whatever_it_is_called(folder: Path) -> None:
    assert submit(config(), "--env", "MAX_TOKENS=4096").exit_code == 0
    assert Ray.sent["runtime_env"]["env_vars"]["MAX_TOKENS"] == "4096"
    assert submit(config(), "--env", "HF_TOKENS=some").exit_code == 2


def test_a_link_to_nothing_in_a_folder_is_one_line(folder: Path) -> None:
    write("extra/a.txt", "a")
    Path("extra/b").symlink_to("nowhere")
    done = submit(config(), "--include", "extra")
    assert done.exit_code == 2, done.output
    assert "extra/b cannot be read" in done.stderr and done.stderr.count("\n") == 1


def test_a_traceback_that_ends_in_a_name_is_a_line() -> None:
    trace = "Traceback (most recent call last):\n  File x, line 1, in y\nasyncio.TimeoutError"
    assert _line(RuntimeError(trace)) == "RuntimeError: asyncio.TimeoutError"


@pytest.mark.parametrize(
    ("status", "own", "code"),
    [
        ("SUCCEEDED", 0, 0), ("SUCCEEDED", None, 0), ("FAILED", 2, 2), ("FAILED", None, 1),
        ("FAILED", -9, 137), ("FAILED", -15, 143), ("STOPPED", None, 143),
    ],
)  # fmt: skip
def test_the_exit_code_is_the_job_s_as_a_shell_has_it(
    status: str, own: int | None, code: int
) -> None:
    assert exit_code_of(Job("a", status, "plumb", "", None, None, own, {})) == code


def test_of_keys_the_names_are_sent_alone(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All that leaves this machine, with every secret of the environment looked for in it."""
    monkeypatch.setenv("JUDGE_API_KEY", KEY)
    monkeypatch.setenv("HF_TOKEN", "planted-hub-token")
    options = {"urls": ["http://judge:8000/v1"], "api_key_env": "JUDGE_API_KEY"}
    done = submit(config(reward={"verifier": "judge", "options": options}))
    assert done.exit_code == 0, done.stderr
    everything = json.dumps(Ray.sent).encode() + b"".join(Ray.files.values())
    assert b"JUDGE_API_KEY" in everything
    assert KEY.encode() not in everything
    assert b"planted-hub-token" not in everything


def test_trackers_are_sent_without_keys_and_their_variables_are_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "planted-wandb-key")
    done = submit(config(trackers={"wandb": {"project": "mine"}, "mlflow": {}}))
    assert done.exit_code == 0, done.stderr
    assert re.search(r"WANDB_API_KEY +trackers\.wandb +not sent: set on the nodes", done.output)
    assert "MLFLOW_TRACKING_URI" in done.output and "HF_TOKEN" not in done.output
    sent = yaml.safe_load(Ray.files["config.yaml"])["trackers"]
    assert (sent["wandb"]["project"], sent["mlflow"]["experiment"]) == ("mine", "plumb")
    assert b"planted" not in json.dumps(Ray.sent).encode() + b"".join(Ray.files.values())


def pipe() -> str:
    os.mkfifo("pipe")
    return "pipe"


WRONG: dict[str, tuple[Callable[[], list[str]], str]] = {
    "no config": (lambda: ["none.yaml"], "none.yaml"),
    "unknown key": (lambda: [config(), "trian.steps=3"], "did you mean"),
    "relative run_dir": (lambda: [config(run_dir="runs/a")], "run_dir=/shared/runs/a"),
    "no data": (lambda: [config(data={"train": "nothing.jsonl"})], "there is no nothing.jsonl"),
    "data outside": (lambda: [config(data={"train": "../x.jsonl"})], "outside"),
    "no plugin": (lambda: [config(reward={"verifier": "no.py:f"})], "there is no file no.py"),
    "a plugin that is no Python": (
        lambda: [config(env="bad.py:Box"), *(write("bad.py", "def :") or ())],
        "bad.py, line 1",
    ),
    "a cluster of its own": (lambda: [config(cluster={"address": "1.2.3.4:6379"})], "--address"),
    "no such file": (lambda: [config(), "--include", "nowhere"], "--include nowhere"),
    "no variable": (lambda: [config(), "--env", "COLOUR"], "NAME=VALUE"),
    "a secret's name": (lambda: [config(), "--env", "HF_TOKEN=abc"], "called like a secret"),
    "a password in an address": (
        lambda: [config(), "--env", "MLFLOW_TRACKING_URI=http://me:pw@host"],
        "an address with a password",
    ),
    "a config's name": (
        lambda: [config(), "--include", "config.yaml", *(write("config.yaml", "") or ())],
        "rename yours",
    ),
    "no URL": (lambda: [config(), "--address", "head:6379"], "http://HEAD:8265"),
    "half an address": (lambda: [config(), "--address", "http://[::1"], "http://HEAD:8265"),
    "no port": (lambda: [config(), "--address", "http://head:826500"], "http://HEAD:8265"),
    "no file that can be sent": (
        lambda: [config(), "--include", pipe()],
        "pipe is no file that can be sent",
    ),
    "no id": (lambda: [config(), "--name", "a b/c"], "--name a b/c"),
    "no command": (lambda: [config(), "--plumb", ""], "--plumb is empty"),
    "go on with what is deleted": (
        lambda: [config(), "--overwrite", "--resume"],
        "--resume goes on with what --overwrite deletes",
    ),
    "ray's own scheme": (lambda: [config(), "--address", "ray://head:10001"], "http://HEAD:8265"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_use_is_one_line(folder: Path, case: str) -> None:
    make, said = WRONG[case]
    arguments = make()
    where = [] if "--address" in arguments else ["--address", ADDRESS]
    done = CliRunner().invoke(app, ["submit", *arguments, *where])
    assert done.exit_code == 2, done.output
    (line,) = done.stderr.splitlines()
    assert line.startswith("plumb: ")
    assert said in line


def test_no_address_and_no_answer_are_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RAY_API_SERVER_ADDRESS", raising=False)
    write("data.jsonl", "{}\n")
    unsaid = CliRunner().invoke(app, ["submit", config()])
    assert "--address http://HEAD:8265" in unsaid.stderr
    for command in (["submit", config()], ["jobs"]):
        silent = CliRunner().invoke(app, [*command, "--address", ADDRESS])
        assert silent.exit_code == 1
        assert "does not answer" in silent.stderr
        assert silent.stderr.count("\n") == 1
    alone = CliRunner().invoke(app, ["jobs", "--stop", "--address", ADDRESS])
    assert "which job?" in alone.stderr
    both = CliRunner().invoke(app, ["jobs", "a", "--stop", "--follow", "--address", ADDRESS])
    assert "--follow shows a log" in both.stderr
    monkeypatch.setenv("RAY_JOB_HEADERS", "[1]")
    headers = CliRunner().invoke(app, ["jobs", "--address", ADDRESS])
    assert "RAY_JOB_HEADERS" in headers.stderr


def test_a_folder_of_records_and_a_model_go_along_whole(folder: Path) -> None:
    write("mix/part_0000.parquet", "p")
    write("mix/manifest.json", "{}")
    write("model/config.json", "{}")
    write("model/.cache/x", "no")
    found = package_of(
        load_config(Path(config(data={"train": "mix"}, model={"path": "model"})), [])
    )
    assert sorted(map(str, found.items)) == [
        "mix/manifest.json", "mix/part_0000.parquet", "model/config.json"
    ]  # fmt: skip
    assert os.fspath(found.elsewhere["run_dir"]) == "/shared/run"
