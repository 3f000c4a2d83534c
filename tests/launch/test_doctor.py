"""`plumb doctor` on this machine: lines with remedies, deadlines, JSON, exit codes."""

import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from launch.cli import app
from launch.doctor import gpus, machine, nodes, services
from launch.doctor.findings import Check, Finding, examine, worst
from rl.config_file import load_config
from tests.fake_judge import fake_judge

P2P = """ \tGPU0\tGPU1\tGPU2
 GPU0\tX\tOK\t{a}
 GPU1\tOK\tX\tOK
 GPU2\t{a}\tOK\tX

Legend:

  X    = Self
  OK   = Status Ok
  CNS  = Chipset not supported
"""


def ok(subject: str) -> list[Finding]:
    return [Finding(subject, "ok", "fine")]


def test_what_hangs_or_breaks_is_a_line_of_its_own() -> None:
    never = threading.Event()

    def hangs() -> list[Finding]:
        never.wait()
        return []

    def breaks() -> list[Finding]:
        raise OSError("no such device")

    found = examine(
        [
            Check("a", lambda: ok("a")),
            Check("b", hangs, 0.2),
            Check("c", breaks),
            Check("d", lambda: ok("d")),
        ]
    )
    never.set()
    assert [one.subject for one in found] == ["a", "b", "c", "d"]
    assert [one.state for one in found] == ["ok", "warning", "warning", "ok"]
    assert "within 0.2 s" in found[1].detail
    assert found[1].remedy
    assert "no such device" in found[2].detail
    assert worst(found) == "warning"
    assert worst([]) == "ok"


def proc(root: Path, groups: dict[str, str], mounts: str = "") -> Path:
    """A machine's /proc and /sys, of 64 GiB."""
    files = {"proc/meminfo": f"MemTotal: {64 << 20} kB\nHugePages: 0\n", "proc/mounts": mounts}
    for name, text in {**files, **groups}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


V1, V2 = "sys/fs/cgroup/memory/memory.limit_in_bytes", "sys/fs/cgroup/memory.max"


@pytest.mark.parametrize(
    ("groups", "state", "said"),
    [
        ({}, "ok", "64.0 GiB"),
        ({V2: "max\n", "sys/fs/cgroup/cgroup.controllers": ""}, "ok", "groups v2"),
        ({V2: f"{4 << 30}\n", "sys/fs/cgroup/cgroup.controllers": ""}, "warning", "4.0 GiB"),
        ({V1: "9223372036854771712\n"}, "ok", "groups v1"),
        ({V1: f"{8 << 30}\n"}, "ok", "8.0 GiB"),
    ],
)
def test_memory_is_what_control_groups_leave(
    tmp_path: Path, groups: dict[str, str], state: str, said: str
) -> None:
    (found,) = machine.memory(proc(tmp_path, groups))
    assert (found.state, said in found.detail) == (state, True), found


def test_a_machine_of_its_own_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert machine.open_files((1024, 1 << 20))[0].state == "warning"
    assert machine.open_files((1024, 2048))[0].state == "failure"
    assert machine.open_files((1 << 20, 1 << 20))[0].state == "ok"
    assert machine.shared_memory(tmp_path / "none")[0].state == "failure"

    shared = proc(tmp_path, {}, f"/dev/a / ext4 rw\nhost:/x {tmp_path} nfs4 rw\n")
    (found,) = machine.file_system(tmp_path / "runs" / "new", shared)
    assert "nodes can share" in found.detail
    (alone,) = machine.file_system(tmp_path, proc(tmp_path, {}, "/dev/a / ext4 rw\n"))
    assert "this machine's alone" in alone.detail

    lock = tmp_path / "lock.txt"
    lock.write_text("ray==1.0.0 ; python_version < '3.13' \\\n    --hash=sha256:00\n")
    (wrong,) = machine.packages(lock)
    assert (wrong.state, wrong.remedy) == ("failure", "run: make setup")
    assert "locked is 1.0.0" in wrong.detail

    monkeypatch.setattr(machine, "_is_free", lambda port: port != 6379)
    (port,) = machine.ports()
    assert (port.state, "6379" in port.detail, "8265" in port.detail) == ("warning", True, False)


SMI = """#!/bin/sh
case "$*" in
*query-gpu*) {rows} ;;
*topo*) cat {matrix} ;;
*) echo '| NVIDIA-SMI 580.1  Driver Version: 580.1  CUDA Version: {cuda} |' ;;
esac
"""


@pytest.mark.parametrize(
    ("rows", "cuda", "pair", "states"),
    [
        ("printf 'H100, 81559, 580.1\\nH100, 81559, 580.1\\n'", "13.1", "OK", "ok ok ok"),
        ("printf 'H100, 81559, 580.1\\nH100, 81559, 580.1\\n'", "12.8", "OK", "ok failure ok"),
        ("printf 'H100, 81559, 580.1\\nH100, 81559, 580.1\\n'", "13.0", "CNS", "ok ok warning"),
        ("printf 'L4, 23034, 580.1\\n'", "14.0", "OK", "ok ok"),
        ("echo 'driver/library mismatch'; exit 1", "13.0", "OK", "failure"),
    ],
)
def test_gpus_are_held_against_the_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: str, cuda: str, pair: str, states: str
) -> None:
    (tmp_path / "matrix").write_text(P2P.format(a=pair))
    command = tmp_path / "nvidia-smi"
    command.write_text(SMI.format(rows=rows, cuda=cuda, matrix=tmp_path / "matrix"))
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    found = [one for one in gpus.gpus() if one.subject != "NCCL"]
    assert " ".join(one.state for one in found) == states, found
    assert all(one.remedy for one in found if one.state != "ok")


def test_without_nvidia_smi_there_is_one_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    (found,) = gpus.gpus()
    assert found.state == "warning"


def test_judges_of_a_config_are_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with fake_judge(lambda body: "") as fake:
        fake.models = {"big": ""}
        (tmp_path / "c.yaml").write_text(
            "reward: {verifier: judge, options: {url: " + fake.url + "/, api_key_env: MY_KEY}}"
        )
        named = services.judges(load_config(tmp_path / "c.yaml"))
        assert named == {fake.url: "MY_KEY"}
        unset = services.judge(fake.url, "MY_KEY")
        assert (unset.state, "MY_KEY" in unset.remedy) == ("failure", True)
        monkeypatch.setenv("MY_KEY", "kept to itself")
        found = services.judge(fake.url, "MY_KEY")
        assert (found.state, found.detail) == ("ok", "serves big")
        wrong = services.judge(fake.url + "/elsewhere", None)
        assert wrong.state == "failure"
    gone = services.judge(fake.url, None)
    assert (gone.state, bool(gone.remedy)) == ("failure", True)


def test_the_hub_is_not_needed() -> None:
    (away,) = services.hub({"HF_TOKEN": "hidden"}, "http://127.0.0.1:9")
    assert (away.state, "hidden" in str(away)) == ("warning", False)
    (off,) = services.hub({"HF_HUB_OFFLINE": "1"}, "http://127.0.0.1:9")
    assert off.state == "ok"


@pytest.mark.parametrize(
    ("skew", "uncertain", "state"),
    [(0.2, 0.1, "ok"), (-3, 0.5, "warning"), (1.2, 0.5, "ok"), (100, 2, "failure")],
)
def test_clocks_that_differ(skew: float, uncertain: float, state: str) -> None:
    assert nodes.clock(skew, uncertain).state == state


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Makes the command find one line of a state."""

    def found(state: str) -> None:
        line = Finding("thing", state, "[was] looked at", "mend it" if state != "ok" else "")  # type: ignore[arg-type]
        monkeypatch.setattr("launch.doctor.show.look_here", lambda *_: [line])

    return found


@pytest.mark.parametrize(("state", "code"), [("ok", 0), ("warning", 0), ("failure", 1)])
def test_the_command_says_it_and_ends_with_a_code(
    quick: Callable[[str], None], state: str, code: int
) -> None:
    quick(state)
    done = CliRunner().invoke(app, ["doctor"], env={"RAY_ADDRESS": ""})
    assert done.exit_code == code
    assert "[was] looked at" in done.output
    assert ("-> mend it" in done.output) == (state != "ok")
    as_json = CliRunner().invoke(app, ["doctor", "--json"], env={"RAY_ADDRESS": ""})
    assert as_json.exit_code == code
    told = json.loads(as_json.output)
    assert told["state"] == state
    assert told["machines"][0]["findings"][0]["subject"] == "thing"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["none.yaml"], 2, "none.yaml"),
        (["--address", "head"], 1, "such as HEAD:6379"),
        (["--address", "ray://head:10001"], 1, "such as HEAD:6379"),
        (["--address", "head:port"], 1, "such as HEAD:6379"),
        (["--address", "127.0.0.1:9"], 1, "does not answer"),
    ],
)
def test_a_wrong_use_is_one_line(arguments: list[str], code: int, said: str) -> None:
    done = CliRunner().invoke(app, ["doctor", *arguments])
    assert done.exit_code == code
    (line,) = done.stderr.splitlines()
    assert line.startswith("plumb: ")
    assert said in line


def test_the_whole_command_works_here(tmp_path: Path) -> None:
    """On any machine: no GPU, no Docker and no network are needed."""
    done = CliRunner().invoke(
        app,
        ["doctor", "--json", "--run-dir", str(tmp_path)],
        env={"RAY_ADDRESS": "", "HF_HUB_OFFLINE": "1"},
    )
    assert done.exit_code in (0, 1), done.output
    (here,) = json.loads(done.output)["machines"]
    subjects = {one["subject"] for one in here["findings"]}
    assert subjects >= {
        "GPUs", "packages", "memory", "shared memory", "open files", "disk", "run_dir", "ports",
        "sandbox docker", "sandbox bubblewrap", "Hugging Face",
    }  # fmt: skip
    assert all(one["remedy"] for one in here["findings"] if one["state"] == "failure")
