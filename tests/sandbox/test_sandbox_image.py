"""The image: its tag follows its inputs, it is built once, and it holds what boxes need."""

import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from sandbox.errors import ImageError, IsolationError, SandboxError
from sandbox.image import base, inputs
from sandbox.image.build import Recipe, build_image, image_tag, is_built
from sandbox.image.rootfs import export_rootfs
from tests.sandbox.conftest import require

CONTENTS = {"Dockerfile": b"FROM scratch\n", "agent/slot.py": b"1\n"}
SETTINGS = {"CPP_FLAGS": "-O2"}


def test_the_tag_is_a_digest() -> None:
    name, _, digest = image_tag().partition(":")
    assert name == "plumb-sandbox"
    assert len(digest) == 12
    assert int(digest, 16) >= 0


@pytest.mark.parametrize(
    ("contents", "settings"),
    [
        (CONTENTS | {"agent/slot.py": b"2\n"}, SETTINGS),
        (CONTENTS | {"agent/more.py": b""}, SETTINGS),
        ({"Dockerfile": CONTENTS["Dockerfile"]}, SETTINGS),
        (CONTENTS, {"CPP_FLAGS": "-O3"}),
        (CONTENTS, {}),
        ({"Dockerfile": b"FROM scratch\nagent/slot.py", "": b"1\n"}, SETTINGS),
    ],
)
def test_every_input_changes_the_tag(contents: dict[str, bytes], settings: dict[str, str]) -> None:
    assert inputs.tag_of(contents, settings) != inputs.tag_of(CONTENTS, SETTINGS)


def test_the_tag_does_not_depend_on_order() -> None:
    backwards = dict(reversed(CONTENTS.items()))
    assert inputs.tag_of(backwards, SETTINGS) == inputs.tag_of(CONTENTS, SETTINGS)


def test_the_context_holds_the_whole_agent_and_no_caches() -> None:
    with tarfile.open(fileobj=io.BytesIO(inputs.context())) as archive:
        names = archive.getnames()
    agent = Path(inputs.agent_file).parent
    wanted = {
        f"agent/{path.relative_to(agent)}"
        for path in agent.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    assert set(names) == wanted | set(inputs.STEPS)


def test_the_tag_needs_no_docker() -> None:
    code = (
        "import sys; from sandbox.image.build import image_tag; image_tag(); "
        "print([name for name in ('docker', 'requests') if name in sys.modules])"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"


def test_a_snapshot_is_an_instant() -> None:
    assert inputs.require_snapshot("") == ""
    assert inputs.require_snapshot("20260101T000000Z") == "20260101T000000Z"
    with pytest.raises(ImageError, match="20260101T000000Z"):
        inputs.require_snapshot("yesterday")


def test_a_snapshot_decides_where_packages_come_from() -> None:
    lines = base.apt_sources("20260101T000000Z")
    assert len(lines) == 3
    assert all("snapshot.debian.org" in line and "20260101T000000Z" in line for line in lines)


def test_mirrors_come_from_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = [
        "http://mirror.example/debian bookworm main",
        "http://mirror.example/debian-security/ bookworm-security main",
        "http://somebody.example/apt bookworm main",
        "http://mirror.example/debian bookworm contrib",
    ]
    fake = tmp_path / "apt-get"
    fake.write_text("#!/bin/sh\ncat <<END\n" + "\n".join(listed) + "\nEND\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert base.apt_sources("") == [
        "deb http://mirror.example/debian bookworm main",
        "deb http://mirror.example/debian bookworm-updates main",
        "deb http://mirror.example/debian-security bookworm-security main",
    ]
    fake.write_text("#!/bin/sh\necho http://user:secret@mirror.example/debian bookworm main\n")
    assert base.apt_sources("")[0] == "deb http://deb.debian.org/debian bookworm main"


def test_no_daemon_is_one_line_with_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    with pytest.raises(IsolationError, match="systemctl start docker") as caught:
        build_image(lambda line: None)
    assert "\n" not in str(caught.value)


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("irreplaceable")
    with pytest.raises(ImageError, match="holds other files"):
        export_rootfs(tmp_path, lambda line: None)
    assert (tmp_path / "thesis.tex").read_text() == "irreplaceable"


def test_a_failed_step_says_what_it_said_last() -> None:
    with pytest.raises(ImageError, match=r"it failed: no space; check"):
        base.run_steps(["sh", "-c", "echo no space >&2; exit 3"], lambda line: None, "it failed")


async def test_a_built_image_is_not_built_again() -> None:
    await require("docker")
    assert is_built()
    said: list[str] = []
    assert build_image(said.append) == image_tag()
    assert build_image(said.append, Recipe()) == image_tag()
    assert said == []


async def test_the_image_holds_what_a_box_needs() -> None:
    await require("docker")
    from sandbox.backends.docker import connect

    script = "; ".join(
        [
            "find / -xdev -type f -perm /6000",
            "ls -A /var/lib/apt/lists /store /app | grep -v :",
            "head -c1 /opt/plumb/packages.txt >/dev/null || echo packages",
            "java -Xshare:on -version 2>/dev/null || echo archive",
            "test -e /opt/plumb/agent/__pycache__ || echo bytecode",
            "echo '#include <bits/stdc++.h>' > /tmp/a.cpp",
            f"g++ {inputs.CPP_FLAGS} -I/opt/plumb/include -H -fsyntax-only /tmp/a.cpp 2>&1"
            " | grep -q '^! .*gch' || echo header",
        ]
    )
    client = connect()
    try:
        complaints = client.containers.run(
            image_tag(),
            ["sh", "-c", f"{script}; true"],
            remove=True,
            network_mode="none",
            read_only=True,
            tmpfs={"/tmp": ""},
        )
    finally:
        client.close()
    assert complaints.decode().split() == []


async def test_the_doctor_finds_every_wall_and_language() -> None:
    await require("docker")
    from sandbox.doctor import examine

    examination = await examine("docker")
    assert examination.isolates
    assert {finding.state for finding in examination.findings} == {"ok"}
    subjects = {finding.subject for finding in examination.findings}
    assert {"python", "c", "cpp", "java", "javascript", "runs have no network"} <= subjects


async def test_the_doctor_names_a_remedy_where_nothing_isolates(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from sandbox.doctor import examine

    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    monkeypatch.setenv("PATH", "/nowhere")
    for kind in ("docker", "bubblewrap"):
        examination = await examine(kind)  # type: ignore[arg-type]
        assert not examination.isolates
        assert "start" in examination.findings[0].detail


def test_the_command_ends_in_one_line(tmp_path: Path) -> None:
    from launch.errors import one_line_errors

    with pytest.raises(SystemExit) as caught, one_line_errors():
        raise SandboxError("nothing here can isolate a program")
    assert caught.value.code == 1


def test_the_doctor_command_fails_where_nothing_isolates(tmp_path: Path) -> None:
    command = [str(Path(sys.executable).with_name("plumb")), "sandbox", "doctor"]
    env = {**os.environ, "DOCKER_HOST": "unix:///nowhere/docker.sock", "PATH": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=env, check=False)
    assert done.returncode == 1
    assert "is not installed; run: sudo apt install bubblewrap" in " ".join(
        done.stdout.replace("│", " ").split()
    )
