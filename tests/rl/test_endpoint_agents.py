"""Agents that run: as plain processes, and in boxes that reach the endpoint and nothing else."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from data.schema import Prompt
from rewards import Sample, Verdict
from rl.config import AgentConfig, EpisodeConfig, RunConfig, SamplerConfig
from rl.endpoint import programs
from rl.endpoint.agents import Agents, task_of
from rl.endpoint.bounds import bounded
from rl.endpoint.recorder import Recorder
from rl.episodes.rendering import Renderer
from rl.episodes.runner import GroupRunner
from rl.errors import ConfigError, InfrastructureError
from sandbox.backends.bubblewrap import Groups
from sandbox.image.inputs import image_tag
from tests.rl.endpoint_world import (
    PROMPT,
    Speaker,
    check_token_rule,
    recorder_of,
    tokenizer_of,
)

ASKING = """
import json, os, sys, urllib.request
def ask(messages, key=os.environ["OPENAI_API_KEY"], **more):
    body = json.dumps({"model": os.environ["OPENAI_MODEL"], "messages": messages, **more})
    request = urllib.request.Request(
        os.environ["OPENAI_BASE_URL"] + "/chat/completions",
        body.encode(), {"Authorization": "Bearer " + key, "Content-Type": "application/json"})
    return json.load(urllib.request.urlopen(request))["choices"][0]["message"]
task = json.load(sys.stdin)
"""
TWICE = """
said = ask(task["messages"])
more = {"role": "user", "content": "Are you sure?"}
print(ask([*task["messages"], said, more])["content"].upper())
"""


def folder_with(path: Path, source: str) -> Path:
    path.mkdir(exist_ok=True)
    path.chmod(0o755)
    (path / "agent.py").write_text(ASKING + textwrap.dedent(source))
    return path


@asynccontextmanager
async def agents(**settings: Any) -> AsyncIterator[Agents]:
    made = Agents(AgentConfig(**settings))
    try:
        await made.start()
        yield made
    finally:
        await made.aclose()


async def play(made: Agents, recorder: Recorder) -> dict[str, float]:
    environment = made()
    await environment.run(recorder.prompt, recorder)  # type: ignore[arg-type]
    return dict(environment.metrics())


def hurry(monkeypatch: pytest.MonkeyPatch, is_over: Callable[[], object]) -> list[int]:
    """Let hours pass once something is over; grows by one a look at the clock since then."""
    looks: list[int] = []

    def monotonic() -> float:
        if is_over():
            looks.append(1)
        return time.monotonic() + (10_000 if looks else 0)

    monkeypatch.setattr(programs, "monotonic", monotonic)
    return looks


def plain(tmp_path: Path, source: str, **more: Any) -> dict[str, Any]:
    folder = folder_with(tmp_path / "agent", source)
    command = [sys.executable, "agent.py"]
    return {"command": command, "isolation": "none", "folder": folder, **more}


async def test_an_agent_s_output_is_graded_and_its_turns_recorded(tmp_path: Path) -> None:
    speaker = Speaker(lambda text: "sure" if "Are you sure?" in text else "seven")
    recorder = recorder_of(speaker)
    async with agents(**plain(tmp_path, TWICE)) as made:
        metrics = await play(made, recorder)
    episode = recorder.episode("stop", metrics=metrics)
    assert (episode.response, episode.thinking, episode.end) == ("SURE", "none", "stop")
    assert (len(episode.trajectories), episode.turns) == (1, 2)
    assert episode.metrics["agent_failed"] == 0
    assert episode.metrics["requests_followed"] == 1
    check_token_rule(recorder, speaker)


async def test_the_policy_s_last_turn_is_graded_where_that_is_said(tmp_path: Path) -> None:
    recorder = recorder_of(Speaker(lambda text: "seven"))
    settings = plain(tmp_path, "ask(task['messages']); print('a log')", result="turn")
    async with agents(**settings) as made:
        await play(made, recorder)
    assert recorder.episode("stop").response == "seven"


def test_an_agent_is_not_told_what_graders_know() -> None:
    prompt = Prompt("p", PROMPT.messages, reference="secret", metadata={"solution": "secret"})
    told = task_of(prompt).decode()
    assert "secret" not in told
    assert json.loads(told) == {"id": "p", "messages": list(PROMPT.messages), "tools": []}


async def test_a_plain_process_gets_no_variables_but_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    monkeypatch.setenv("SEARCH_KEY", "y")
    recorder = recorder_of(Speaker(lambda text: "ok"))
    source = "ask(task['messages']); print(*sorted(os.environ), 'is=' + os.environ['SEARCH_KEY'])"
    own = {"variables": {"MINE": "1"}, "pass_environment": ["SEARCH_KEY"]}
    async with agents(**plain(tmp_path, source, **own)) as made:
        await play(made, recorder)
    known = {"HOME", "LANG", "LC_CTYPE", "OPENAI_API_KEY", "OPENAI_BASE_URL", "PATH"}
    known |= {"MINE", "SEARCH_KEY", "is=y"}
    found = set((recorder.result or "").split())
    assert found >= {"MINE", "SEARCH_KEY", "is=y"}
    assert found - {"OPENAI_MODEL", "PWD", "SHLVL", "_"} <= known


async def test_a_variable_that_is_not_set_is_missed_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"pass_environment: .* NO_SUCH_KEY is not set"):
        async with agents(**plain(tmp_path, "", pass_environment=["NO_SUCH_KEY"])):
            pass


async def test_a_run_whose_agents_never_ask_ends(tmp_path: Path) -> None:
    """A program that is broken is no service that is away for a while."""
    async with agents(**plain(tmp_path, "import no_such_module")) as made:
        for _ in range(7):
            with pytest.raises(InfrastructureError, match="before it asked the policy"):
                await play(made, recorder_of(Speaker(lambda text: "ok")))
        with pytest.raises(ConfigError, match=r"8 agents ended before .* no_such_module"):
            await play(made, recorder_of(Speaker(lambda text: "ok")))


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


@pytest.mark.parametrize(
    ("source", "measured"),
    [
        ("raise SystemExit(3)", "agent_failed"),
        ("import time; time.sleep(600)", "agent_late"),
        ("while True: print('x' * 1000)", "agent_flooded"),
        ("while True: print('x' * 1000, file=sys.stderr)", "agent_late"),
        ("""
         if os.fork() == 0:
             import time; time.sleep(600)
         os._exit(5)
         """, "agent_failed"),
    ],
)  # fmt: skip
async def test_however_an_agent_ends_it_is_graded(
    tmp_path: Path, source: str, measured: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = recorder_of(Speaker(lambda text: "ok"))
    if measured == "agent_late":
        hurry(monkeypatch, lambda: recorder.counts["begun"] == 2)
    once = "ask(task['messages'])"
    told = f"{once}; print('so far', flush=True); {once}\n{textwrap.dedent(source)}"
    async with agents(**plain(tmp_path, told, output_kb=8)) as made, asyncio.timeout(250):
        metrics = await play(made, recorder)
    ended = {name for name, value in metrics.items() if value == 1.0}
    assert ended == {measured}
    assert (recorder.result or "").startswith("so far")
    assert len(recorder.result or "") <= 8 << 10


async def test_waiting_for_the_policy_is_no_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    speaker = Speaker(lambda text: "ok", gate=asyncio.Event())
    assert speaker.gate is not None
    recorder = recorder_of(speaker)
    source = "ask(task['messages']); print('done')"
    looks = hurry(monkeypatch, lambda: speaker.asked)
    async with agents(**plain(tmp_path, source)) as made:
        playing = asyncio.create_task(play(made, recorder))
        async with asyncio.timeout(250):
            while len(looks) < 3:
                await asyncio.sleep(0.01)
        speaker.gate.set()
        metrics = await playing
    assert metrics["agent_late"] == 0
    assert recorder.result == "done"


async def test_an_agent_that_ignores_its_budget_samples_no_more(tmp_path: Path) -> None:
    source = """
    import urllib.error
    refused = []
    for i in range(50):
        try:
            ask([{"role": "user", "content": str(i)}])
        except urllib.error.HTTPError as error:
            refused.append(error.code)
    print(set(refused), len(refused))
    """
    speaker = Speaker(lambda text: "some words")
    recorder = recorder_of(speaker, answer=30)
    async with agents(**plain(tmp_path, source, tokens=60)) as made:
        await play(made, recorder)
    sampled = sum(len(ids) for _, ids in speaker.seen)
    assert sampled <= 60
    assert recorder.result == f"{{403}} {50 - len(speaker.seen)}"
    assert recorder.episode("stop").end == "budget"


async def test_a_policy_that_fails_ends_the_agent(tmp_path: Path) -> None:
    source = """
    import time
    try:
        ask(task["messages"])
    except Exception:
        time.sleep(600)
    """
    recorder = recorder_of(Speaker(lambda text: "ok", error=RuntimeError("away")))
    async with agents(**plain(tmp_path, source)) as made, asyncio.timeout(250):
        await play(made, recorder)
    assert isinstance(recorder.failure, RuntimeError)


@pytest.mark.parametrize(
    ("source", "error", "told"),
    [
        ("raise SystemExit('no such module')", InfrastructureError, "no such module"),
        ("raise SystemExit(127)", ConfigError, "cannot be run"),
    ],
)
async def test_an_agent_that_never_asks_is_no_answer(
    tmp_path: Path, source: str, error: type[Exception], told: str
) -> None:
    recorder = recorder_of(Speaker(lambda text: "ok"))
    async with agents(**plain(tmp_path, source)) as made:
        with pytest.raises(error, match=told):
            await play(made, recorder)


async def test_a_program_that_is_not_there_is_refused_at_the_start() -> None:
    with pytest.raises(ConfigError, match="no program 'no-such-program'"):
        async with agents(command=["no-such-program"], isolation="none"):
            pass


def test_settings_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(ValueError, match="image needs Docker"):
        AgentConfig(command=["a"], isolation="bubblewrap", image="python:3")
    with pytest.raises(ValueError, match="rootfs needs bubblewrap"):
        AgentConfig(command=["a"], isolation="docker", rootfs="/x")  # type: ignore[arg-type]


@pytest.mark.parametrize("asks", [True, False])
async def test_a_group_of_agents_is_graded_or_says_what_is_broken(
    asks: bool, tmp_path: Path
) -> None:
    async def grade(sample: Sample) -> Verdict:
        is_right = sample.response == sample.reference
        return Verdict.correct() if is_right else Verdict.incorrect(reason=sample.response)

    says = "print(ask(task['messages'])['content'])" if asks else "sys.exit('no module x')"
    settings = plain(tmp_path, says)
    prompt = Prompt("p", PROMPT.messages, reference="seven")
    config = RunConfig(
        agent=AgentConfig(**settings),
        sampler=SamplerConfig(samples_per_prompt=2),
        episode=EpisodeConfig(retries=1),
    )
    answers = iter(["seven", "eight"])
    speaker = Speaker(lambda text: next(answers))
    async with agents(**settings) as made:
        renderer = Renderer(tokenizer_of())
        runner = GroupRunner(renderer, speaker, grade, made, config, backoff=0.0)  # type: ignore[arg-type]
        group = await runner.run(0, prompt, 3)
    if asks:
        assert sorted(verdict.reward for verdict in group.verdicts) == [0.0, 1.0]
        assert [len(episode.trajectories) for episode in group.episodes] == [1, 1]
        assert {episode.metrics["requests_begun"] for episode in group.episodes} == {1.0}
        assert {episode.metrics["begun_anew"] for episode in group.episodes} == {0.0}
        assert len({how.seed for how in speaker.asked}) == 2
    else:
        for verdict in group.verdicts:
            assert not verdict.is_gradable
            assert verdict.reason.startswith("infrastructure: the agent ended with exit code 1")
            assert "no module x" in verdict.reason


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


@pytest.mark.parametrize("isolation", ["bubblewrap", "docker"])
async def test_a_boxed_agent_reaches_the_endpoint_and_nothing_else(
    isolation: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
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
    async with agents(command=["python3", "agent.py"], isolation=isolation, folder=folder) as made:
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
    hurry(monkeypatch, lambda: recorder.counts["begun"] == 2 and _runs(mark))
    async with agents(**settings) as made, asyncio.timeout(250):
        metrics = await play(made, recorder)
    assert metrics["agent_late"] == 1
    async with asyncio.timeout(30):
        while _runs(mark):
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


def _groups_bound() -> bool:
    groups = Groups.make()
    try:
        return bool(groups.bound(128, 32))
    finally:
        groups.remove()


def test_a_plain_agent_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    if shutil.which("setpriv") is None:
        pytest.skip("setpriv is not installed")
    mark = f"plumb-follows-{os.getpid()}"
    source = f"""
    import asyncio, os, subprocess, sys, time
    from pathlib import Path
    from rl.config import AgentConfig
    from rl.endpoint.boxes import Here
    async def begun():
        sleeping = "print(1, flush=True); import time; time.sleep(600)"
        command = [sys.executable, "-c", sleeping, "{mark}"]
        async with Here(AgentConfig(command=command)).open(Path(), "", []) as place:
            return subprocess.Popen(place.command, stdout=subprocess.PIPE)
    asyncio.run(begun()).stdout.readline()
    print("asleep", flush=True)
    time.sleep(600)
    """
    command = [sys.executable, "-c", textwrap.dedent(source)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as driver:
        assert driver.stdout is not None
        assert driver.stdout.readline() == "asleep\n"
        assert _runs(mark)
        driver.kill()
    until = time.monotonic() + 60
    while _runs(mark) and time.monotonic() < until:
        time.sleep(0.1)
    assert not _runs(mark)


def _runs(mark: str) -> bool:
    for one in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if mark in one.read_text():
                return True
        except OSError:
            continue
    return False
