"""The client with real servers, each a process: killed, restarted, closed, silent, wrong."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from sandbox.backends.settings import BoxSettings
from sandbox.errors import DeadlineError, RequestError, TestsError, UnavailableError
from sandbox.sandbox import Sandbox
from sandbox.service.client import PATIENCE, HttpSandbox
from sandbox.types import Judgement, Limits, Program, Status, StdioTests, TestCase
from tests.ports import free_port
from tests.sandbox.conftest import at_work

ECHO = Program(source="import time; time.sleep(0.02); print(input())")


class ServerProcess:
    """`plumb sandbox serve` on a port."""

    def __init__(self, port: int, *options: str, token: str = "") -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self._command = [sys.executable, "-m", "launch.cli", "sandbox", "serve"]
        self._command += ["--backend", "bubblewrap", "--slots", "2", "--port", str(port), *options]
        self._token = token
        self.start()

    def start(self) -> None:
        env = {**os.environ, "PLUMB_SANDBOX_TOKEN": self._token}
        self.process = subprocess.Popen(
            self._command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env
        )

    def wait_ready(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def end(self, number: int = signal.SIGKILL) -> int:
        self.process.send_signal(number)
        return self.process.wait(60)


@pytest.fixture(scope="module")
def servers() -> Iterator[list[ServerProcess]]:
    both = [ServerProcess(free_port()) for _ in range(2)]
    for one in both:
        assert f"ready at {one.url} (bubblewrap, " in one.wait_ready()
    yield both
    for one in both:
        if one.process.poll() is None:
            one.end(signal.SIGTERM)


def bare(judgement: Judgement) -> str:
    """A judgement without what differs from time to time."""
    cases = [case.model_copy(update={"wall_seconds": 0}) for case in judgement.cases]
    return judgement.model_copy(update={"wall_seconds": 0, "cases": cases}).model_dump_json()


async def test_judgements_and_errors_are_those_of_the_sandbox_in_process(
    servers: list[ServerProcess],
) -> None:
    program = Program(source="def f(x): return x")
    infinite = {"kind": "calls", "entry_point": "f", "cases": []}
    for value in (float("inf"), 10**300, "é\u2028\x00", [[1.5], {"a": None}]):
        infinite["cases"].append({"args": [value], "returns": value})  # type: ignore[attr-defined]
    loops = Program(source="while True: pass")
    short, long = Limits(wall_seconds=0.5, cpu_seconds=30), Limits(wall_seconds=20)
    cases = [TestCase(stdin=text, stdout="a") for text in ("a", "a", "b", "a")]
    checker = Program(source="import sys; sys.exit(7)")
    async with (
        Sandbox.open([one.url for one in servers]) as remote,
        Sandbox.open("bubblewrap", settings=BoxSettings(slots=2)) as local,
    ):
        for box in (remote, local):
            with pytest.raises(TestsError, match="checker"):
                await box.judge(ECHO, StdioTests(cases=cases, checker=checker))
            with pytest.raises(RequestError, match="use calls or harness"):
                tests = {"kind": "check", "entry_point": "f", "source": ""}
                await box.judge(Program(source="", language="c"), tests)
            with pytest.raises(RequestError, match="tests"):
                await box.judge(program, {"kind": "none"})
        with pytest.raises(RequestError, match="surrogate"):
            half = {"args": ["\ud800"], "returns": 1}
            await remote.judge(program, {"kind": "calls", "entry_point": "f", "cases": [half]})
        for one, tests, stop, limits in (
            (program, infinite, True, long),
            (ECHO, cases, True, long),
            (ECHO, cases, False, long),
            (loops, cases, True, short),
        ):
            judgements = [
                await box.judge(one, tests, limits=limits, stop_at_first_failure=stop)  # type: ignore[arg-type]
                for box in (remote, local)
            ]
            assert bare(judgements[0]) == bare(judgements[1])
        ran = [await box.run(ECHO, stdin="é") for box in (remote, local)]
        assert ran[0].stdout == ran[1].stdout == "é\n"
        assert await remote.languages() == await local.languages()
        health = await remote.health()
        assert (health.status, health.boxes, health.slots) == ("ok", 2, 4)


async def test_a_killed_server_costs_no_judgement_and_is_used_again(
    servers: list[ServerProcess],
) -> None:
    async with HttpSandbox([one.url for one in servers], token=None, deadline=60) as box:
        done = 0

        async def one(number: int) -> bool:
            nonlocal done
            is_right = number % 3 != 0
            tests = [TestCase(stdin=str(number), stdout=str(number if is_right else -1))]
            judgement = await box.judge(ECHO, tests)
            done += 1
            return judgement.passed == is_right

        tasks = [asyncio.create_task(one(number)) for number in range(180)]
        await asyncio.sleep(0)
        loads = [server.load for server in box.servers]
        assert min(loads) > 0.3 * max(loads)
        while done < 30:
            await asyncio.sleep(0.005)
        servers[0].end()
        assert all(await asyncio.gather(*tasks))
        health = await box.health()
        assert health.status == "degraded"
        assert servers[0].url in health.fault
        servers[0].start()
        await asyncio.to_thread(servers[0].wait_ready)
        async with asyncio.timeout(60):
            while box.servers[0].health is None:
                await asyncio.sleep(0.05)
        again = [asyncio.create_task(one(number)) for number in range(20)]
        await asyncio.sleep(0)
        assert box.servers[0].load > 5
        assert all(await asyncio.gather(*again))


async def test_a_server_that_falls_silent_is_given_up(
    servers: list[ServerProcess], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sandbox.service.client_endpoint.CHECK_SECONDS", 0.5)
    monkeypatch.setattr("sandbox.service.client.HEALTH_SECONDS", 0.1)
    async with HttpSandbox([one.url for one in servers], token=None, deadline=60) as box:
        servers[0].process.send_signal(signal.SIGSTOP)
        try:
            tests = [TestCase(stdin="x", stdout="x")]
            judgements = await asyncio.gather(*(box.judge(ECHO, tests) for _ in range(20)))
        finally:
            servers[0].process.send_signal(signal.SIGCONT)
        assert all(one.passed for one in judgements)


async def test_sigterm_lets_what_was_accepted_finish() -> None:
    server = ServerProcess(free_port())
    await asyncio.to_thread(server.wait_ready)
    async with HttpSandbox([server.url], token=None, deadline=20, queue_seconds=0.5) as box:
        slow = asyncio.create_task(
            box.run(Program(source="import time; time.sleep(4); print('done')"))
        )
        await at_work(box, busy=1)
        server.process.send_signal(signal.SIGTERM)
        told = ""
        while "shutting down" not in told and not slow.done():
            try:  # until the signal has arrived
                await box.run(ECHO, stdin="x", deadline=0.5)
            except DeadlineError as error:
                told = str(error)
        # Where this process stood still, the program may have ended first.
        assert "shutting down" in told or slow.done()
        assert (await slow).stdout == "done\n"
    assert await asyncio.to_thread(server.process.wait, 60) == 0
    assert server.process.communicate()[1] == ""


async def test_a_second_signal_ends_the_grace() -> None:
    server = ServerProcess(free_port(), "--grace", "200")
    await asyncio.to_thread(server.wait_ready)
    # Without a deadline, and with a grace beyond it: nothing else ends the program in time.
    async with HttpSandbox([server.url], token=None, patience=2) as box:
        endless = Program(source="while True: pass")
        slow = asyncio.create_task(
            box.run(endless, limits=Limits(wall_seconds=200, cpu_seconds=200))
        )
        await at_work(box, busy=1)
        server.process.send_signal(signal.SIGINT)
        async with asyncio.timeout(60), httpx.AsyncClient(trust_env=False) as client:
            while (await client.get(f"{server.url}/v1/health")).status_code != 503:
                await asyncio.sleep(0.05)  # two that come together are one
        server.process.send_signal(signal.SIGINT)
        assert await asyncio.to_thread(server.process.wait, 90) == 0, "before the grace has passed"
        with pytest.raises(UnavailableError):
            await slow


async def test_a_wrong_token_and_a_missing_server_are_named() -> None:
    server = ServerProcess(free_port(), token="s3cret")
    assert "with a token" in await asyncio.to_thread(server.wait_ready)
    try:
        with pytest.raises(RequestError, match="token is missing or wrong"):
            await HttpSandbox([server.url], token="other", deadline=60).start()
        async with HttpSandbox([server.url], token="s3cret", queue_seconds=5) as box:
            assert (await box.run(ECHO, stdin="1")).status is Status.PASSED
            server.end()
            with pytest.raises(DeadlineError, match=f"{server.url}.*Error"):
                await box.run(ECHO, stdin="1", deadline=1)
            assert (await box.health()).status == "down"
    finally:
        server.process.kill()


async def test_no_server_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandbox.service.client.START_PATIENCE", 5.0)
    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(UnavailableError, match=f"{url}: ConnectError.*plumb sandbox serve"):
        await Sandbox.open(url).start()
    with pytest.raises(RequestError, match="no URL"):
        Sandbox.open(["ftp://x"])


async def test_the_only_server_may_be_gone_for_half_a_minute() -> None:
    """Here for 2 s, within a bound that allows for more than 30; what was asked waits."""
    assert PATIENCE >= 45

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        health = {"status": "ok", "backend": "x", "boxes": 1, "live": 1, "slots": 1}
        body = json.dumps({**health, "waiting": 0, "replaced": 0}).encode()
        if b"languages" in head:
            body = b'{"languages": {}}'
        if b"/v1/run" in head:
            body = b'{"status": "passed"}'
        size = str(len(body)).encode()
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: " + size)
        writer.write(b"\r\n\r\n" + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", port := free_port())
    async with HttpSandbox([f"http://127.0.0.1:{port}"], token=None) as box:
        assert (await box.run(ECHO)).status is Status.PASSED
        server.close()
        await server.wait_closed()
        asked = [asyncio.create_task(box.run(ECHO)) for _ in range(4)]
        await asyncio.sleep(2)
        assert not any(task.done() for task in asked)
        assert (await box.health()).status == "down"
        async with await asyncio.start_server(answer, "127.0.0.1", port):
            assert {(await task).status for task in asked} == {Status.PASSED}


async def test_busy_servers_are_asked_again_in_time() -> None:
    answers = [b"429 Too Many", b"503 Unavailable", b"500 Error"]
    kinds = ["busy", "shutting_down", "internal"]
    asked = 0

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        head = await reader.readuntil(b"\r\n\r\n")
        ok = b"200 OK"
        health = {"status": "ok", "backend": "x", "boxes": 1, "live": 1, "slots": 1}
        body = json.dumps({**health, "waiting": 0, "replaced": 0}).encode()
        if b"languages" in head:
            body = b'{"languages": {}}'
        if b"/v1/run" in head:
            if asked < len(answers):
                ok = answers[asked]
                error = {"kind": kinds[asked], "message": "later", "retry_after": 0.3}
                body = json.dumps({"error": error}).encode()
            else:
                body = b'{"status": "passed"}'
            asked += 1
        length = str(len(body)).encode()
        writer.write(b"HTTP/1.1 " + ok + b"\r\nConnection: close\r\nContent-Length: " + length)
        writer.write(b"\r\n\r\n" + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, HttpSandbox([url], token=None, deadline=60) as box:
        began = time.monotonic()
        assert (await box.run(ECHO)).status is Status.PASSED
        assert time.monotonic() - began > 0.6
        assert asked == 4


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--host", "0.0.0.0"], "PLUMB_SANDBOX_TOKEN or --token-file"),
        (["--token-file", "/nowhere"], "/nowhere cannot be read"),
        (["--token-file", os.devnull], "holds no token"),
        (["--port", "{taken}"], "choose another --port"),
    ],
)
def test_a_service_that_cannot_start_says_why_in_one_line(
    options: list[str], told: str, tmp_path: Path
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        options = [port if one == "{taken}" else one for one in options]
        server = ServerProcess(0, *options)
        out, errors = server.process.communicate(timeout=120)
    assert (server.process.returncode, out) == (1, "")
    assert told in errors
    assert errors.count("\n") == 1
