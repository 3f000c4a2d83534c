"""Boxes of agents: they reach the endpoint and nothing else, and nothing is left of them."""

import asyncio
import json
import os
import shutil
import socket
import subprocess
import tempfile
import threading
from pathlib import Path

import psutil
import pytest

from rl.config import AgentConfig
from rl.endpoint.bounds import bounded
from rl.endpoint.boxes import Docker
from rl.errors import InfrastructureError
from sandbox.backends.bubblewrap import Groups
from sandbox.image.inputs import image_tag
from tests.rl.agents_world import agents, folder_with, hurry, play, runs
from tests.rl.endpoint_world import (
    Speaker,
    recorder_of,
)

PROBE = """
import socket
answer = ask(task["messages"])["content"]
found = {}
for name, where in {
    "driver": ("127.0.0.1", int(sys.argv[1])),
    "network": ("10.255.255.1", 80),
    "names": ("example.com", 80),
}.items():
    try:
        socket.create_connection(where, timeout=2).close()
        found[name] = "reached"
    except OSError:
        found[name] = "no"
devices = {line.split(":")[0].strip() for line in open("/proc/net/dev") if ":" in line}
found["devices"] = sorted(devices - {"tunl0", "sit0", "gre0", "gretap0", "erspan0", "ip_vti0",
                                     "ip6_vti0", "ip6tnl0", "ip6gre0"})
found["secret"] = os.path.exists(sys.argv[2])
found["processes"] = len([one for one in os.listdir("/proc") if one.isdigit()]) < 20
found["rights"] = [l.split()[1] for l in open("/proc/self/status") if l.startswith("CapEff")]
found["variables"] = sorted(name for name in os.environ if "SECRET" in name)
try:
    open("agent.py", "a").close()
    found["folder"] = "writable"
except OSError:
    found["folder"] = "read-only"
try:
    ask(task["messages"], key="plumb-of-another-episode")
    found["key"] = "taken"
except Exception as error:
    found["key"] = getattr(error, "code", 0)
found["answer"] = answer
print(json.dumps(found))
"""


def has_docker() -> bool:
    if shutil.which("docker") is None:
        return False
    command = ["docker", "image", "inspect", image_tag()]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def has_bubblewrap() -> bool:
    command = ["bwrap", "--unshare-all", "--ro-bind", "/", "/", "true"]
    return (
        shutil.which("bwrap") is not None
        and subprocess.run(command, capture_output=True, check=False).returncode == 0
    )


def _groups_bound() -> bool:
    groups = Groups.make()
    try:
        return bool(groups.bound(128, 32))
    finally:
        groups.remove()


@pytest.mark.parametrize(
    ("isolation", "image"), [("bubblewrap", None), ("docker", None), ("docker", image_tag())]
)
async def test_a_boxed_agent_reaches_the_endpoint_and_nothing_else(
    isolation: str, image: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not (has_docker() if isolation == "docker" else has_bubblewrap()):
        pytest.skip(f"{isolation} does not work here, or its image is not built")
    monkeypatch.setenv("MY_SECRET", "x")
    secret = tmp_path / "secret"
    secret.write_text("x")
    folder = folder_with(tmp_path / "agent", PROBE)
    for one in (*tmp_path.parents, tmp_path, folder):
        if str(one).startswith("/tmp/"):
            one.chmod(0o755)
    recorder = recorder_of(Speaker(lambda text: "seven"))
    settings = {"isolation": isolation, "image": image, "folder": folder}
    async with agents(command=["python3", "agent.py"], **settings) as made:
        assert made._endpoint is not None
        made._agent = made._agent.model_copy(
            update={"command": ["python3", "agent.py", str(made._endpoint.port), str(secret)]}
        )
        made._places._agent = made._agent  # type: ignore[union-attr]
        metrics = await play(made, recorder)
    found = json.loads(recorder.result or "")
    assert found == {
        "driver": "no",
        "network": "no",
        "names": "no",
        "devices": ["lo"],
        "secret": False,
        "processes": True,
        "rights": ["0000000000000000"],
        "variables": [],
        "folder": "read-only",
        "key": 401,
        "answer": "seven",
    }
    assert metrics["agent_failed"] == 0


@pytest.mark.parametrize("isolation", ["bubblewrap", "docker"])
async def test_nothing_is_left_of_a_box(
    isolation: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not (has_docker() if isolation == "docker" else has_bubblewrap()):
        pytest.skip(f"{isolation} does not work here, or its image is not built")
    mark = f"plumb-mark-{os.getpid()}"
    source = f"""
    import subprocess, time
    ask(task["messages"])
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", "{mark}"],
                     start_new_session=True)
    ask(task["messages"])
    time.sleep(600)
    """
    folder = folder_with(tmp_path / "agent", source)
    for one in (*tmp_path.parents, tmp_path):
        if str(one).startswith("/tmp/"):
            one.chmod(0o755)
    recorder = recorder_of(Speaker(lambda text: "seven"))
    settings = {"command": ["python3", "agent.py"], "isolation": isolation, "folder": folder}
    hurry(monkeypatch, lambda: recorder.counts["begun"] == 2 and runs(mark))
    async with agents(**settings) as made, asyncio.timeout(250):
        metrics = await play(made, recorder)
    assert metrics["agent_late"] == 1
    async with asyncio.timeout(30):
        while runs(mark):
            await asyncio.sleep(0.1)


async def test_a_container_ends_with_the_process_that_started_it() -> None:
    """Its input closes with that process, and the agent may have read no line of it."""
    if not has_docker():
        pytest.skip("docker does not work here, or its image is not built")
    mark = f"plumb-ends-{os.getpid()}"
    sleeping = "print(1, flush=True); import time; time.sleep(600)"
    agent = AgentConfig(command=["python3", "-c", sleeping, mark], isolation="docker")
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as endpoint:
        path = Path(folder) / "endpoint.sock"
        endpoint.bind(str(path))
        async with Docker(agent).open(path, "", []) as place, asyncio.timeout(250):
            pipe = asyncio.subprocess.PIPE
            started = await asyncio.create_subprocess_exec(*place.command, stdin=pipe, stdout=pipe)
            assert started.stdin
            assert started.stdout
            started.stdin.write(b"x" * 300_000 + b"\n")
            assert await started.stdout.readline() == b"1\n"
            assert runs(mark)
            started.stdin.close()
            assert await started.wait() == 137
            while runs(mark):
                await asyncio.sleep(0.1)


@pytest.mark.parametrize("has_groups", [True, False])
async def test_a_box_of_bubblewrap_is_bounded(
    has_groups: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By control groups, where there are any; else by limits of each process."""
    if not has_bubblewrap():
        pytest.skip("bubblewrap does not work here")
    if not has_groups:
        monkeypatch.setattr(Groups, "bound", lambda *given: [])
    elif os.geteuid() or not _groups_bound():
        pytest.skip("control groups cannot be made here")
    source = """
    import subprocess
    ask(task["messages"])
    alive, refused = [], 0
    for _ in range(90):
        try:
            alive.append(subprocess.Popen(["sleep", "600"]))
        except OSError:
            refused += 1
    for one in alive:
        one.kill()
        one.wait()
    greedy = "x = b'x' * (400 << 20); print('had it')"
    done = subprocess.run([sys.executable, "-c", greedy], capture_output=True, text=True)
    print(json.dumps([len(alive), refused, done.stdout]))
    """
    folder = folder_with(tmp_path / "agent", source)
    recorder = recorder_of(Speaker(lambda text: "seven"))
    settings = {"command": ["python3", "agent.py"], "isolation": "bubblewrap", "folder": folder}
    async with agents(**settings, memory_mb=128, processes=32) as made, asyncio.timeout(250):
        await play(made, recorder)
    alive, refused, said = json.loads(recorder.episode("stop").response)
    assert said == ""
    if has_groups:
        assert alive + refused == 90
        assert 10 <= alive <= 60


async def test_groups_are_made_beside_the_loop_and_gone_where_nobody_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun, goes_on, removed = threading.Event(), threading.Event(), threading.Event()

    def make() -> Groups:
        begun.set()
        assert goes_on.wait(60), "the loop stands still"
        return Groups([])

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(Groups, "make", make)
    monkeypatch.setattr(Groups, "remove", lambda groups: removed.set())

    async def open_one() -> None:
        async with bounded(128, 32):
            pass

    opening = asyncio.create_task(open_one())
    async with asyncio.timeout(60):
        while not begun.is_set():
            await asyncio.sleep(0.01)
        opening.cancel()
        await asyncio.sleep(0)
        goes_on.set()
        with pytest.raises(asyncio.CancelledError):
            await opening
    assert removed.is_set()


async def test_a_box_that_is_killed_from_without_is_paid_nothing(tmp_path: Path) -> None:
    """An agent that kills itself is graded; a box that the host kills is no answer."""
    if shutil.which("bwrap") is None:
        pytest.skip("bubblewrap is not installed")
    source = "ask(task['messages']); print('asked', flush=True); time.sleep(600)"
    folder = folder_with(tmp_path / "agent", source.replace("time", "__import__('time')"))
    command = ["python3", "agent.py"]
    recorder = recorder_of(Speaker(lambda text: "ok"))
    async with agents(command=command, folder=folder, isolation="bubblewrap") as made:
        playing = asyncio.ensure_future(play(made, recorder))
        while not recorder.trajectories and not playing.done():
            await asyncio.sleep(0.05)
        for process in psutil.Process().children():
            if process.name() == "bwrap":
                process.kill()
        with pytest.raises(InfrastructureError, match="killed by signal 9"):
            await playing
