"""Clients that send little, slowly or without end: the service stays open for everybody else."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator

import httpx
import pytest

from sandbox.service import server_door, server_protocol
from sandbox.service.server_protocol import HEAD_BYTES
from tests.sandbox.test_sandbox_service import SOURCE, FakeSandbox, serving, until

REQUEST = {"program": SOURCE}
BODY = json.dumps(REQUEST).encode()
HALF = [
    b"",
    b"GET",
    b"POST /v1/run HTTP/1.1\r\nHost: x\r\nX-Many: ",
    b"GET /v1/health HTTP/1.1\r\nHost: x\r\n",
    b"\r\n\r\n\r\n",
    b"GET /v1/health HTTP/1.1\r\nHost: x\r\n\r\nGET /v1/he",
]


@contextlib.asynccontextmanager
async def connected(
    client: httpx.AsyncClient, sent: bytes = b""
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A raw connection to the service, with something sent on it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", client.base_url.port)
    try:
        writer.write(sent)
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


def half_body(length: int = len(BODY), token: str = "") -> bytes:
    """A head, and one byte of its body."""
    lines = [
        "POST /v1/run HTTP/1.1",
        "Host: x",
        f"Content-Length: {length}",
        "Content-Type: application/json",
        *([f"Authorization: Bearer {token}"] if token else []),
    ]
    return "\r\n".join([*lines, "", "{"]).encode()


async def rest(reader: asyncio.StreamReader) -> bytes:
    """What comes until the service closes the connection."""
    async with asyncio.timeout(60):
        with contextlib.suppress(ConnectionResetError):
            return await reader.read()
    return b""


@pytest.mark.parametrize("kind", ["one line", "many lines", "the target", "a trailer"])
async def test_endless_headers_are_refused_while_they_come(kind: str) -> None:
    begin, line = {
        "one line": (b"GET /v1/health HTTP/1.1\r\nX: ", b"a" * 4096),
        "many lines": (b"GET /v1/health HTTP/1.1\r\n", b"X-Y: z\r\n" * 512),
        "the target": (b"GET /", b"a" * 4096),
        "a trailer": (
            b"GET /v1/health HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
            b"X-Y: z\r\n" * 512,
        ),
    }[kind]
    async with serving(FakeSandbox(), token="s3cret") as (client, _):
        async with connected(client, begin) as (reader, writer):
            sent = 0
            with contextlib.suppress(OSError):
                while not writer.transport.is_closing() and sent < 48 << 20:
                    writer.write(line)
                    await writer.drain()
                    sent += len(line)
                    await asyncio.sleep(0)
            assert sent < 16 << 20, "it was all read"
            said = await rest(reader)
        if said and kind != "a trailer":
            assert b"431" in said.splitlines()[0] and b"larger than 32 KiB" in said
        assert (await client.get("/v1/health")).status_code == 200


async def test_an_ordinary_head_may_be_as_large_as_promised() -> None:
    async with serving(FakeSandbox()) as (client, _):
        headers = {"X-Large": "a" * (HEAD_BYTES - 1000)}
        assert (await client.get("/v1/health", headers=headers)).status_code == 200


@pytest.mark.parametrize("sent", HALF)
async def test_half_a_head_is_given_up(sent: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_protocol, "HEAD_SECONDS", 0.3)
    async with serving(FakeSandbox(), token="s3cret") as (client, _):
        async with connected(client, sent) as (reader, writer):
            trickle = asyncio.create_task(_trickle(writer))
            said = await rest(reader)
            trickle.cancel()
        if sent.startswith(b"P"):
            assert b" 408 " in said and b'"timeout"' in said


async def _trickle(writer: asyncio.StreamWriter) -> None:
    """A byte now and then, which is not to buy time."""
    with contextlib.suppress(OSError):
        while True:
            await asyncio.sleep(0.1)
            writer.write(b"a")


async def test_the_rest_of_a_refused_body_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(server_protocol, "HEAD_SECONDS", 0.3)
    async with (
        serving(FakeSandbox(), token="s3cret") as (client, _),
        connected(client, half_body(10_000)) as (reader, writer),
    ):
        assert b" 401 " in await reader.readline()
        trickle = asyncio.create_task(_trickle(writer))
        await rest(reader)
        trickle.cancel()


async def test_of_many_half_heads_the_oldest_give_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_protocol, "MOST_DEBTORS", 8)
    async with contextlib.AsyncExitStack() as stack:
        client, _ = await stack.enter_async_context(serving(FakeSandbox()))
        opened = [
            await stack.enter_async_context(connected(client, b"GET /v1/hea")) for _ in range(20)
        ]
        for reader, _ in opened[:10]:
            await rest(reader)
        assert (await client.get("/v1/health")).status_code == 200
        assert not opened[-1][0].at_eof()


async def test_of_many_idle_connections_the_oldest_give_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A client that asks once on each of many would take all of a process's descriptors."""
    monkeypatch.setattr(server_protocol, "MOST_IDLE", 8)
    whole = b"GET /v1/health HTTP/1.1\r\nhost: a\r\n\r\n"
    async with contextlib.AsyncExitStack() as stack:
        client, _ = await stack.enter_async_context(serving(FakeSandbox()))
        opened = []
        for _ in range(20):
            opened.append(await stack.enter_async_context(connected(client, whole)))
            assert b" 200 " in await opened[-1][0].readline()
        for reader, _ in opened[:10]:
            await rest(reader)
        opened[-1][1].write(whole)
        async with asyncio.timeout(60):
            assert b" 200 " in (await opened[-1][0].readuntil(b" 200 OK"))


async def test_half_sent_bodies_take_no_place_and_give_way() -> None:
    box = FakeSandbox()
    async with contextlib.AsyncExitStack() as stack:
        client, app = await stack.enter_async_context(serving(box, queue=2, receiving=4))
        door = app.state.door
        halves = [
            await stack.enter_async_context(connected(client, half_body())) for _ in range(64)
        ]
        assert door.held == 0
        async with asyncio.timeout(60):
            while (answer := await client.post("/v1/run", json=REQUEST)).status_code == 429:
                assert "bodies are being received" in answer.text
                await asyncio.sleep(0.1)
        assert answer.status_code == 200, answer.text
        assert len(door._receiving) <= 4
        await until(lambda: door.held == 0)
        told = [await reader.readline() for reader, _ in halves[:1]]
        assert b" 408 " in told[0] or b" 429 " in told[0]


async def test_half_sent_bodies_give_their_memory_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_door, "SLOW_SECONDS", 0.1)
    large = json.dumps({"program": {"source": "#" * 60_000}}).encode()
    async with contextlib.AsyncExitStack() as stack:
        options = {"max_body_bytes": 100_000, "held_bodies": 2}
        client, app = await stack.enter_async_context(serving(FakeSandbox(), **options))
        for _ in range(2):
            sent = half_body(100_000) + b" " * 90_000
            await stack.enter_async_context(connected(client, sent))
        async with asyncio.timeout(60):
            while app.state.door._bytes <= 150_000:
                await asyncio.sleep(0.02)
        await asyncio.sleep(0.2)  # they are slow by now
        headers = {"Content-Type": "application/json"}
        answer = await client.post("/v1/run", content=large, headers=headers)
        assert answer.status_code == 200, answer.text
    assert app.state.door._bytes == 0
