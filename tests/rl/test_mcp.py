"""The tools of MCP servers: what they give, what they do wrong, and what is left of them."""

import asyncio
import json
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
import uvicorn

from data.schema import Prompt
from rewards import Sample, Verdict
from rl.config import EnvConfig, RunConfig
from rl.environments.mcp import Mcp
from rl.environments.mcp_server import EndedError, ToolError
from rl.episodes.environment import load_environment
from rl.episodes.given import UnreadableError
from rl.episodes.lengths import offered
from rl.episodes.rendering import Renderer
from rl.episodes.runner import GroupRunner
from rl.errors import ConfigError, InfrastructureError
from rl.groups import Group
from tests.rl import templates
from tests.rl.scripted import Scripted, Turn, small_tokenizer

SERVER = str(Path(__file__).with_name("mcp_process.py"))
PROMPT = Prompt("p", ({"role": "user", "content": "Go on."},), "done")
TOKENIZER = small_tokenizer(templates.KEEPS)
SECONDS = 60.0


def options(folder: Path, **more: Any) -> dict[str, Any]:
    return {"command": [sys.executable, "-S", SERVER, str(folder)]} | more


def starts(folder: Path) -> int:
    return len(list(folder.glob("started-*")))


def is_alive(folder: Path) -> bool:
    names = [one.name.partition("-")[2] for one in folder.glob("started-*")]
    return any(psutil.pid_exists(int(name)) for name in names)


@pytest.fixture
async def ended() -> AsyncIterator[None]:
    yield
    await Mcp.aclose()


def call(name: str, text: str = "") -> str:
    arguments = json.dumps({"text": text})
    return f'<tool_call>{{"name": "{name}", "arguments": {arguments}}}</tool_call>'


async def played(environment: Any, *texts: str, **episode: Any) -> tuple[Group, Scripted]:
    config = RunConfig.model_validate(
        {
            "sampler": {"samples_per_prompt": 1, "filter": "none"},
            "rollout": {"max_prompt_tokens": 20_000, "max_response_tokens": 2000},
            "episode": {"call_format": "hermes", "retries": 1, **episode},
        }
    )
    end = TOKENIZER.eos_token_id
    said = [Turn([*TOKENIZER.encode(text), end], text) for text in (*texts, "done")]
    policy = Scripted(said)

    async def grade(sample: Sample) -> Verdict:
        return Verdict.correct() if sample.response == "done" else Verdict.incorrect()

    runner = GroupRunner(Renderer(TOKENIZER), policy, grade, environment, config, backoff=0.0)
    async with asyncio.timeout(SECONDS):
        return await runner.run(0, PROMPT, version=0), policy


def told(group: Group) -> list[str]:
    return [one["content"] for one in group.episodes[0].messages if one["role"] == "tool"]


async def begun(folder: Path, **more: Any) -> Any:
    made: Any = load_environment(EnvConfig(spec="mcp", options=options(folder, **more)))
    await made.start()
    return made


async def test_an_episode_has_a_server_of_its_own(
    tmp_path: Path, ended: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(Path(SERVER).parent)
    offer = ["echo", "fail", "refuse", "image", "noise"]
    command = [sys.executable, "-S", Path(SERVER).name, str(tmp_path)]
    made = await begun(tmp_path, command=command, only=offer)
    names = [tool["function"]["name"] for tool in offered(made, PROMPT).tools]
    assert names == ["echo", "fail", "refuse", "image", "noise"]
    calls = call("echo", "a"), call("echo", "b"), call("fail") + call("refuse"), call("image")
    wrong = '<tool_call>{"name": "echo", "arguments": {"text": 1}}</tool_call>'
    for _ in range(2):
        group, _ = await played(made, *calls, call("noise"), call("exit"), wrong)
        assert told(group) == [
            "a",
            "a b",
            "Error: ToolError: no such thing",
            "Error: ToolError: not like this",
            "Error: UnreadableError: its answer has an image (image/png), which cannot be read "
            "here: only text can",
            "quiet",
            "Error: there is no tool 'exit'; tools: echo, fail, refuse, image, noise",
            "Error: echo: argument 'text': expected type 'string', got 1",
        ]
        metrics = group.episodes[0].metrics
        assert (metrics["tool_raised"], metrics["tool_arguments"]) == (3, 1)
        assert group.verdicts[0].is_correct
    assert starts(tmp_path) == 3
    await until(lambda: not is_alive(tmp_path))


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("exit", "it ended with exit code 3"),
        ("flood", "it wrote a line of more than 32 KiB and was ended"),
        ("spam", "KiB that nobody asked for and was ended"),
    ],
)
async def test_a_server_that_ends_over_a_call_is_an_observation(
    tmp_path: Path, ended: None, name: str, why: str
) -> None:
    made = await begun(tmp_path, message_kb=32)
    group, _ = await played(made, call(name), call("echo", "a"))
    (episode,), (verdict,) = group.episodes, group.verdicts
    assert verdict.is_correct
    for one in told(group):
        assert one.startswith("Error: EndedError: the server of this tool has ended: it ")
        assert why in one
    assert episode.metrics["calls_server_ended"] == episode.metrics["tool_raised"] == 2
    await until(lambda: not is_alive(tmp_path))


async def test_a_server_that_is_killed_pays_nothing(tmp_path: Path, ended: None) -> None:
    made = await begun(tmp_path)
    group, policy = await played(made, call("killed"), call("killed"))
    (episode,), (verdict,) = group.episodes, group.verdicts
    assert verdict.kind == "infrastructure"
    assert "it was killed by signal 9" in verdict.reason
    assert "killed by" not in str(episode.messages)
    assert len(policy.seen) == 2  # it was tried again
    assert starts(tmp_path) == 3


async def test_a_server_that_hangs_is_gone_at_the_end(tmp_path: Path, ended: None) -> None:
    made = await begun(tmp_path)
    one = made.kind(**made.options)
    await one.reset(PROMPT)
    child = int(await one.call_tool("child", {}))
    assert runs(child)
    with pytest.raises(TimeoutError):  # as `episode.call_seconds` ends it
        await asyncio.wait_for(one.call_tool("hang", {}), 0.2)
    async with asyncio.timeout(SECONDS):
        await one.close()
    await until(lambda: not is_alive(tmp_path))
    await until(lambda: not runs(child))


def runs(number: int) -> bool:
    try:
        return bool(psutil.Process(number).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


async def until(holds: Any) -> None:
    async with asyncio.timeout(SECONDS):
        while not holds():
            await asyncio.sleep(0.01)


async def test_a_server_has_the_environment_that_it_is_given(
    tmp_path: Path, ended: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ITS_KEY", "OUR_SECRET"):
        monkeypatch.setenv(name, name.lower())
    asked = {"pass_environment": ["ITS_KEY"], "environment": {"PLACE": "here"}}
    made = await begun(tmp_path, **asked)
    one = made.kind(**made.options)
    try:
        await one.reset(PROMPT)
        variables = json.loads(await one.call_tool("variables", {}))
        assert Path(variables["HOME"]).is_dir()
    finally:
        await one.close()
    home = variables.pop("cwd")
    assert variables["ITS_KEY"] == "its_key"
    assert variables["PLACE"] == "here"
    assert variables["HOME"] == variables["TMPDIR"] == home
    known = {"PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "HOME", "TMPDIR", "ITS_KEY", "PLACE"}
    assert set(variables) <= known
    assert not Path(home).exists()


@pytest.mark.parametrize(("change", "line"), [
    ("changed", "the tool 'echo' is declared otherwise"), ("added", "the tool 'added' is new")
])  # fmt: skip
async def test_tools_that_change_after_the_start_are_refused_by_name(
    tmp_path: Path, ended: None, change: str, line: str
) -> None:
    made = await begun(tmp_path)
    (tmp_path / change).touch()
    with pytest.raises(ConfigError, match=f"changed its tools since the run began: {line}"):
        await played(made)
    await until(lambda: not is_alive(tmp_path))


async def test_a_stateless_server_serves_all_and_is_begun_again(
    tmp_path: Path, ended: None
) -> None:
    made = await begun(tmp_path, stateless=True)
    assert told((await played(made, call("echo", "a")))[0]) == ["a"]
    assert told((await played(made, call("echo", "b")))[0]) == ["a b"]
    assert starts(tmp_path) == 2
    group, _ = await played(made, call("exit"), call("echo", "c"))
    assert "exit code 3" in told(group)[0]
    assert told(group)[1] == "c"
    assert starts(tmp_path) == 4  # it was asked twice, and a third time for the echo
    await made.aclose()
    await until(lambda: not is_alive(tmp_path))


@pytest.mark.parametrize(
    ("command", "line"),
    [
        (["no-such-server"], "No such file"),
        ([sys.executable, "-S", "-c", "print('hello')"], "it ended with exit code 0"),
        ([sys.executable, "-S", "-c", "1/0"], "exit code 1: ZeroDivisionError"),
        ([sys.executable, "-S", "-c", "import time; time.sleep(600)"], "did not answer in 1 s"),
    ],
)
async def test_what_is_no_server_is_refused_at_the_start(
    command: list[str], line: str, ended: None
) -> None:
    seconds = 1.0 if "sleep" in command[-1] else SECONDS
    made: Any = load_environment(
        EnvConfig(spec="mcp", options={"command": command, "start_seconds": seconds})
    )
    with pytest.raises(ConfigError, match=r"env: the MCP server .*") as raised:
        await made.start()
    assert line in str(raised.value)


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({}, "give either command, a list .*, or url"),
        ({"command": "server.py"}, "give either command, a list .*, or url"),
        ({"command": ["x"], "url": "http://x"}, "give either command"),
        ({"url": "file:///x"}, "does not begin with http"),
        ({"url": "http://x", "headers": {"Authorization": "NOT_SET_HERE"}}, "NOT_SET_HERE"),
        ({"command": ["x"], "message_kb": 0}, "message_kb"),
        ({"command": ["x"], "start_seconds": 900.0}, "start_seconds has to be .* at most 240"),
        ({"command": ["x"], "stateles": True}, "stateles"),
    ],
)
def test_wrong_options_are_known_before_anything_starts(given: dict[str, Any], line: str) -> None:
    with pytest.raises(ConfigError, match=f"env: 'mcp' cannot be made with .*{line}"):
        load_environment(EnvConfig(spec="mcp", options=given))


async def test_a_tool_that_the_server_lacks_cannot_be_chosen(tmp_path: Path, ended: None) -> None:
    with pytest.raises(ConfigError, match="the MCP server has no tool 'eco'; it has echo, "):
        await begun(tmp_path, only=["eco"])


async def test_a_declaration_with_marks_of_turns_is_refused_by_name(
    tmp_path: Path, ended: None
) -> None:
    (tmp_path / "marked").touch()
    with pytest.raises(ConfigError, match="declares the tool 'huge' with marks of a chat template"):
        await begun(tmp_path)
    made = await begun(tmp_path, only=["echo"])
    assert len(made.tools) == 1


@contextmanager
def served(app: Any) -> Iterator[str]:
    """An app at a port of its own, in a thread."""
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + SECONDS
    while not server.started:
        assert time.monotonic() < deadline and thread.is_alive()
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/mcp"
    finally:
        server.should_exit = True
        thread.join(SECONDS)


async def test_a_server_over_http_of_the_package_itself(
    ended: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mcp.server.mcpserver import MCPServer

    monkeypatch.setenv("THE_KEY", "Bearer 1")
    server = MCPServer("numbers")

    @server.tool()
    def add(a: int, b: int) -> int:
        """Add."""
        return a + b

    @server.tool()
    def long(size: int) -> str:
        """Be long."""
        return "x" * size

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            assert (b"authorization", b"Bearer 1") in scope["headers"]
        await inner(scope, receive, send)

    inner = server.streamable_http_app()
    with served(app) as url:
        options = {"url": url, "headers": {"Authorization": "THE_KEY"}, "message_kb": 64}
        made: Any = load_environment(EnvConfig(spec="mcp", options=options))
        await made.start()
        sums = '<tool_call>{"name": "add", "arguments": {"a": 1, "b": 2}}</tool_call>'
        large = '<tool_call>{"name": "long", "arguments": {"size": 200000}}</tool_call>'
        group, _ = await played(made, sums, large, sums)
        first, second, third = told(group)
        assert (first, third) == ("3", "3")
        assert second.startswith("Error: ")
        assert group.verdicts[0].is_correct
    group, _ = await played(made, sums)
    assert group.verdicts[0].kind == "infrastructure"


class Forgetful:
    """A server with sessions, which answers 404 to those that it has forgotten."""

    def __init__(self) -> None:
        self.sessions: set[str] = set()
        self.begun = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        body = (await receive())["body"]
        asked = json.loads(body) if scope["method"] == "POST" else {}
        session = dict(scope["headers"]).get(b"mcp-session-id", b"").decode()
        status, headers = 200, [(b"content-type", b"application/json")]
        if asked.get("method") == "initialize":
            self.begun += 1
            session = str(self.begun)
            self.sessions.add(session)
            headers.append((b"mcp-session-id", session.encode()))
        if not asked or session not in self.sessions:
            status = (404 if session else 400) if asked else 405
        elif "id" not in asked:
            status = 202
        said = {"jsonrpc": "2.0", "id": asked.get("id"), "result": self._result(asked)}
        await send({"type": "http.response.start", "status": status, "headers": headers})
        sent = json.dumps(said).encode() if status == 200 else b""
        await send({"type": "http.response.body", "body": sent})

    def _result(self, asked: dict[str, Any]) -> dict[str, Any]:
        if asked.get("method") == "tools/list":
            return {"tools": [{"name": "echo", "inputSchema": {"type": "object"}}]}
        if asked.get("method") == "tools/call":
            return {"content": [{"type": "text", "text": f"from {self.begun}"}]}
        info = {"name": "test", "version": "1"}
        return {
            "protocolVersion": "2025-06-18",
            "capabilities": {"tools": {}},
            "serverInfo": info,
        }


async def test_a_stateless_server_over_http_that_forgot_its_session_is_begun_again(
    ended: None,
) -> None:
    app = Forgetful()
    with served(app) as url:
        options = {"url": url, "stateless": True}
        made: Any = load_environment(EnvConfig(spec="mcp", options=options))
        await made.start()
        echo = '<tool_call>{"name": "echo", "arguments": {}}</tool_call>'
        for begun, calls in ((2, [echo]), (3, [echo, echo])):  # which is tried again once
            group, _ = await played(made, *calls)
            assert told(group) == [f"from {begun}"]
            assert group.verdicts[0].is_correct
            app.sessions.clear()
        await made.aclose()


@pytest.mark.parametrize("wrong", ["redirect", "compressed", "long"])
async def test_a_server_over_http_that_leads_astray(ended: None, wrong: str) -> None:
    reached: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        reached.append(scope["path"])
        body, status = b"x" * (100_000 if wrong == "long" else 10), 200
        headers = [(b"content-type", b"application/json")]
        if wrong == "redirect":
            status, headers = 307, [(b"location", b"/elsewhere")]
        if wrong == "compressed":
            headers.append((b"content-encoding", b"gzip"))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    with served(app) as url:
        made: Any = load_environment(
            EnvConfig(spec="mcp", options={"url": url, "message_kb": 16, "start_seconds": SECONDS})
        )
        with pytest.raises(ConfigError, match=r"env: the MCP server 'http://127\.0"):
            await made.start()
    assert set(reached) == {"/mcp"}


def test_errors_are_told_apart() -> None:
    """What a policy may bring about is no failure of infrastructure."""
    for kind in (ToolError, EndedError, UnreadableError):
        assert not issubclass(kind, InfrastructureError)
