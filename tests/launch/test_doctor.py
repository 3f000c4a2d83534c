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
from tests.launch.wrong_uses import assert_one_line

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
        ("printf 'GB10, [N/A], 580.1\\n'", "13.0", "OK", "ok ok"),
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
        monkeypatch.setenv("MY_KEY", "kept to\nitself")  # which the client would say as it is
        unsound = services.judge(fake.url, "MY_KEY")
        assert (unsound.state, "itself" in str(unsound)) == ("failure", False)
        (mirror,) = services.hub({"HF_ENDPOINT": fake.url})
        assert (mirror.state, mirror.detail) == ("warning", f"{fake.url} answers 404")
    gone = services.judge(fake.url, None)
    assert (gone.state, bool(gone.remedy)) == ("failure", True)


@pytest.mark.parametrize(
    "url", ["7", "'no url'", "'http://[::1'", "'http://me:hidden@127.0.0.1:9/v1'"]
)
def test_a_judge_s_wrong_url_is_a_failure_with_a_remedy(tmp_path: Path, url: str) -> None:
    (tmp_path / "c.yaml").write_text(f"reward: {{verifier: judge, options: {{url: {url}}}}}")
    found = examine(services.service_checks(load_config(tmp_path / "c.yaml"))[3:])
    assert [(one.state, bool(one.remedy)) for one in found] == [("failure", True)]
    assert "hidden" not in str(found)


@pytest.mark.parametrize("name", ["file", "file/x", "loop", "loop/x", "a" * 300])
def test_a_run_dir_that_cannot_be_is_a_failure(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "loop").symlink_to("loop")
    (found,) = machine.file_system(tmp_path / name, proc(tmp_path, {}, "/dev/a / ext4 rw\n"))
    assert (found.state, found.remedy) == ("failure", "name another run_dir")


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
        line = Finding(
            "thing", state, "[was] looked at\x1b]0;a\x07", "mend it" if state != "ok" else ""
        )  # type: ignore[arg-type]
        monkeypatch.setattr("launch.doctor.show.look_here", lambda *_: [line])

    return found


@pytest.mark.parametrize(("state", "code"), [("ok", 0), ("warning", 0), ("failure", 1)])
def test_the_command_says_it_and_ends_with_a_code(
    quick: Callable[[str], None], state: str, code: int
) -> None:
    quick(state)
    done = CliRunner().invoke(app, ["doctor"], env={"RAY_ADDRESS": ""})
    assert done.exit_code == code
    assert "[was] looked at\\x1b]0;a\\x07" in done.output  # nothing acts on the terminal
    assert ("-> mend it" in done.output) == (state != "ok")
    as_json = CliRunner().invoke(app, ["doctor", "--json"], env={"RAY_ADDRESS": ""})
    assert as_json.exit_code == code
    told = json.loads(as_json.output)
    assert told["state"] == state
    assert told["machines"][0]["findings"][0]["subject"] == "thing"


GIVE = "give the head's address, such as HEAD:6379"
WRONG = {
    "doctor none.yaml": (2, "none.yaml"),
    "doctor folder": (2, "folder"),
    "doctor loop": (1, "is a link in a circle"),
    "doctor binary.yaml": (2, "binary.yaml is not UTF-8 text"),
    "doctor list.yaml": (2, "list.yaml"),
    "doctor tab.yaml": (2, "tab.yaml"),
    "doctor typo.yaml": (2, "did you mean run_dir?"),
    "doctor typo.yaml --json": (2, "did you mean run_dir?"),
    "doctor ok.yaml more": (2, "unexpected extra argument"),
    "doctor --jsn": (2, "no such option: --jsn"),
    "doctor --address": (2, "'--address' requires an argument"),
    "doctor --address head": (1, GIVE),
    "doctor --address head:port": (1, GIVE),
    "doctor --address head:²": (1, GIVE),
    "doctor --address head:99999": (1, GIVE),
    "doctor --address :6379": (1, GIVE),
    "doctor --address ray://head:10001": (1, GIVE),
    "doctor --address http://head:8265": (1, GIVE),
    "doctor --address no..host:6379": (1, "no..host:6379 does not answer"),
    "doctor --address 127.0.0.1:9": (1, "127.0.0.1:9 does not answer"),
    "doctor --address 127.0.0.1:9 --json": (1, "127.0.0.1:9 does not answer"),
    "sandbox doctor --rootfs none": (2, "--rootfs none is no root file system"),
    "sandbox doctor --rootfs folder": (2, "--rootfs folder is no root file system"),
    "sandbox doctor --rootfs ok.yaml": (2, "--rootfs ok.yaml is no root file system"),
    "sandbox doctor --rootfs loop": (2, "--rootfs loop is no root file system"),
    "sandbox doctor --rootfs ''": (2, "plumb sandbox build --rootfs DIR"),
    "sandbox doctor --rootfs": (2, "'--rootfs' requires an argument"),
    "sandbox doctor --json": (2, "no such option: --json"),
    "sandbox doctor here": (2, "unexpected extra argument"),
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files that are not what is asked for."""
    folder = tmp_path_factory.mktemp("world")
    texts = {
        "ok.yaml": b"run_dir: runs/a\n",
        "binary.yaml": bytes(range(256)),
        "list.yaml": b"- 1\n",
        "tab.yaml": b"a:\n\t- b\n",
        "typo.yaml": b"run_dirr: runs/a\n",
    }
    for name, text in texts.items():
        (folder / name).write_bytes(text)
    (folder / "folder").mkdir()
    (folder / "loop").symlink_to("loop")
    return folder


@pytest.mark.parametrize("words", WRONG)
def test_a_wrong_use_is_one_line(world: Path, monkeypatch: pytest.MonkeyPatch, words: str) -> None:
    assert_one_line(world, monkeypatch, words, *WRONG[words])


def test_an_address_of_the_environment_is_named_as_such(
    world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "head")
    assert_one_line(world, monkeypatch, "doctor", 1, f"RAY_ADDRESS head: {GIVE}")


@pytest.mark.parametrize(
    "host", ["tcp://127.0.0.1:9", "tcp://127.0.0.1:99999", "unix:///none", "x"]
)
def test_where_nothing_isolates_it_is_said_and_the_code_is_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    monkeypatch.setenv("DOCKER_HOST", host)
    monkeypatch.setenv("PATH", str(tmp_path))
    done = CliRunner().invoke(app, ["sandbox", "doctor"])
    assert (done.exit_code, done.stderr) == (1, ""), done.output
    assert "Nothing here can isolate a program" in done.stdout
    said = " ".join(done.stdout.split())
    assert "no Docker daemon" in said and "bubblewrap is not installed" in said


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
