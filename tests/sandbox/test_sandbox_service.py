"""The service over real HTTP: who comes in, what is refused and how, and that nothing leaks."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import uvicorn

from sandbox.backends.settings import BoxSettings
from sandbox.errors import BusyError, DeadlineError, SandboxError, TestsError, UnavailableError
from sandbox.local import LocalSandbox
from sandbox.service.models import ServiceOptions
from sandbox.service.server_app import create_app
from sandbox.service.server_protocol import connection_options
from sandbox.transport import Transport
from sandbox.types import Health, Judgement, Program, RunResult, Status, TestsLike, Trust

SOURCE = {"source": "print(1)"}
STDIO = {"kind": "stdio", "cases": [{"stdin": "", "stdout": "1"}]}


class FakeSandbox(Transport):
    """Does what the program's source says: an error's name, or `wait`."""

    ERRORS = (UnavailableError("no box"), DeadlineError("late"), TestsError("bad tests"))

    def __init__(self) -> None:
        self.release = asyncio.Event()
        self.begun = 0
        self.cancelled = 0
        self.deadlines: list[float | None] = []

    async def start(self) -> None: ...

    async def aclose(self) -> None: ...

    async def run(self, program: Program, **options: Any) -> RunResult:
        self.deadlines.append(options["deadline"])
        self.begun += 1
        try:
            if program.source == "wait":
                async with asyncio.timeout(options["deadline"]):
                    await self.release.wait()
        except TimeoutError as error:
            raise DeadlineError("too late") from error
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if program.source == "defect":
            raise ZeroDivisionError("secret")
        if program.source == "BusyError":
            raise BusyError("full", 2.5)
        errors: dict[str, SandboxError] = {type(one).__name__: one for one in self.ERRORS}
        if program.source in errors:
            raise errors[program.source]
        return RunResult(status=Status.PASSED, stdout=options["stdin"])

    async def judge(self, program: Program, tests: TestsLike, **options: Any) -> Judgement:
        ran = await self.run(program, stdin="", **options)
        return Judgement(
            passed=True, status=ran.status, passed_count=1, total=1, trust=Trust.OUTSIDE
        )

    async def languages(self) -> dict[str, str]:
        return {"python": "Python 3"}

    async def health(self) -> Health:
        up = 0 if self.release.is_set() else 1
        status = "ok" if up else "down"
        return Health(
            status=status, backend="fake", boxes=1, live=up, slots=1, waiting=0, replaced=0
        )


@asynccontextmanager
async def serving(box: Transport, **options: Any) -> AsyncIterator[tuple[httpx.AsyncClient, Any]]:
    """A client of a service on a free port, and its application."""
    app = create_app(box, ServiceOptions(**options))
    server = uvicorn.Server(
        uvicorn.Config(app, port=0, lifespan="off", log_level="critical", **connection_options())
    )
    task = asyncio.create_task(server._serve())
    await until(lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=120) as client:
            yield client, app
    finally:
        server.should_exit = server.force_exit = True
        await task


async def until(happened: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not happened():
            await asyncio.sleep(0.01)


def fault(response: httpx.Response, status: int, kind: str) -> dict[str, Any]:
    """The fault in a response that must be one."""
    assert response.status_code == status, response.text
    error: dict[str, Any] = response.json()["error"]
    assert error["kind"] == kind
    assert "\n" not in error["message"] and "Traceback" not in response.text
    return error


async def waiting(client: httpx.AsyncClient, **more: Any) -> httpx.Response:
    """A request that is worked on until the sandbox is released."""
    return await client.post("/v1/run", json={"program": {"source": "wait"}, **more})


async def test_the_token_is_asked_for_everywhere_but_at_health() -> None:
    async with serving(FakeSandbox(), token="s3cret") as (client, _):
        good = {"Authorization": "Bearer s3cret"}
        for method, path in (
            ("POST", "/v1/run"),
            ("GET", "/v1/languages"),
            ("GET", "/v1/metrics"),
            ("GET", "/nothing"),
        ):
            for headers in ({}, {"Authorization": "Bearer s3cre"}, {"Authorization": "s3cret"}):
                refused = await client.request(method, path, headers=headers, content=b"{")
                fault(refused, 401, "unauthorized")
                assert refused.headers["www-authenticate"] == "Bearer"
        assert (await client.get("/v1/health")).status_code == 200
        assert (await client.get("/v1/metrics", headers=good)).status_code == 200
        ran = await client.post("/v1/run", headers=good, json={"program": SOURCE, "stdin": "é"})
        assert ran.json()["stdout"] == "é"


@pytest.mark.parametrize("is_chunked", [True, False])
@pytest.mark.parametrize("size", [100_001, 5_000_000])
async def test_a_body_that_is_too_large_is_refused(is_chunked: bool, size: int) -> None:
    async with serving(FakeSandbox(), max_body_bytes=100_000) as (client, app):

        async def chunks() -> AsyncIterator[bytes]:
            for at in range(0, size, 50_000):
                yield b" " * min(50_000, size - at)

        content: Any = chunks() if is_chunked else b" " * size
        fault(await client.post("/v1/run", content=content), 413, "too_large")
        assert app.state.door._bytes == app.state.door.held == 0
        assert (await client.post("/v1/run", json={"program": SOURCE})).status_code == 200


async def test_an_endless_body_is_refused_while_it_still_comes() -> None:
    async with serving(FakeSandbox(), max_body_bytes=100_000) as (client, app):
        reader, writer = await asyncio.open_connection("127.0.0.1", client.base_url.port)
        writer.write(b"POST /v1/run HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        answer = asyncio.create_task(reader.readline())
        async with asyncio.timeout(60):
            while not answer.done():
                writer.write(b"3e8\r\n" + b" " * 1000 + b"\r\n")
                await writer.drain()
                await asyncio.sleep(0)
        assert b" 413 " in await answer
        assert app.state.door._bytes == app.state.door.held == 0
        writer.close()


async def test_a_body_that_does_not_arrive_is_given_up() -> None:
    async with serving(FakeSandbox(), body_seconds=0.2) as (client, _):

        async def trickle() -> AsyncIterator[bytes]:
            yield b"{"
            await asyncio.sleep(2)
            yield b"}"

        fault(await client.post("/v1/run", content=trickle()), 408, "timeout")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "required"),
        (b"{", "no JSON"),
        (b"\xff", "no JSON"),
        (b"[" * 200_000, "recursion limit"),
        (b'{"program":' * 100_000, "recursion limit"),
        (b"9" * 50_000, "out of range"),
        (b"[]", "JSON object"),
        (b'{"program": {"source": 1}}', "program.source"),
        (b'{"program": {"source": ""}, "more": 1}', "more"),
        (b'{"program": {"source": "", "language": "perl"}}', "program.language"),
        (b'{"program": {"source": ""}, "limits": {"wall_seconds": NaN}}', "wall_seconds"),
        (b'{"program": {"source": ""}, "deadline": -1}', "deadline"),
        (b'{"program": {"source": "' + b"x" * 1_100_000 + b'"}}', "program.source"),
    ],
)
async def test_what_is_no_request_is_told_so(content: bytes, told: str) -> None:
    async with serving(FakeSandbox()) as (client, _):
        headers = {"Content-Type": "application/json"}
        response = await client.post("/v1/run", content=content, headers=headers)
        error = fault(response, 422, "validation")
        assert told in error["message"]
        assert len(error["message"]) < 600


async def test_deep_values_of_a_call_are_no_defect() -> None:
    async with serving(FakeSandbox()) as (client, _):
        for depth in (50, 150, 190, 250, 5000):
            value = "[" * depth + "]" * depth
            tests = '{"kind": "calls", "entry_point": "f", "cases": [{"returns": ' + value + "}]}"
            response = await client.post(
                "/v1/judge",
                content='{"program": {"source": ""}, "tests": ' + tests + "}",
                headers={"Content-Type": "application/json"},
            )
            assert response.status_code in ((200,) if depth < 100 else (200, 422)), depth


async def test_errors_have_one_shape_and_the_status_of_their_kind() -> None:
    async with serving(FakeSandbox()) as (client, _):

        async def run(source: str) -> httpx.Response:
            return await client.post("/v1/run", json={"program": {"source": source}})

        fault(await client.get("/v1/nothing"), 404, "not_found")
        wrong_method = await client.get("/v1/run")
        fault(wrong_method, 405, "method_not_allowed")
        assert wrong_method.headers["allow"] == "POST"
        fault(await run("TestsError"), 422, "tests")
        fault(await run("DeadlineError"), 504, "deadline")
        assert (await run("UnavailableError")).headers["retry-after"] == "1"
        fault(await run("UnavailableError"), 503, "unavailable")
        busy = await run("BusyError")
        assert fault(busy, 429, "busy")["retry_after"] == 2.5
        assert busy.headers["retry-after"] == "3"
        assert "secret" not in (await run("defect")).text
        fault(await run("defect"), 500, "internal")
        metrics = (await client.get("/v1/metrics")).text
        for outcome in ("tests", "deadline", "unavailable", "busy", "internal"):
            assert f'requests_total{{outcome="{outcome}",route="/v1/run"}}' in metrics


async def test_a_full_queue_answers_429() -> None:
    box = FakeSandbox()
    async with serving(box, queue=2) as (client, _):
        held = [asyncio.create_task(waiting(client)) for _ in range(2)]
        await until(lambda: box.begun == 2)
        refused = await client.post("/v1/run", json={"program": SOURCE})
        fault(refused, 429, "busy")
        assert int(refused.headers["retry-after"]) >= 1
        assert "requests_held 2.0" in (await client.get("/v1/metrics")).text
        box.release.set()
        assert [(await one).status_code for one in held] == [200, 200]


async def test_the_clients_deadline_counts_and_is_capped() -> None:
    box = FakeSandbox()
    async with serving(box, deadline=40, max_deadline=50) as (client, _):
        fault(await waiting(client, deadline=0.1), 504, "deadline")
        for more in ({}, {"deadline": 1e9}, {"deadline": 7}):
            await client.post("/v1/run", json={"program": SOURCE, **more})
        assert box.deadlines == [0.1, 40, 50, 7]


async def test_a_client_that_leaves_takes_its_work_along() -> None:
    box = FakeSandbox()
    async with serving(box) as (client, app):
        request = asyncio.create_task(waiting(client))
        await until(lambda: box.begun == 1)
        request.cancel()
        await until(lambda: box.cancelled == 1 and app.state.door.held == 0)
        assert 'outcome="disconnected"' in (await client.get("/v1/metrics")).text


async def test_while_it_closes_new_requests_are_sent_away_and_old_ones_finish() -> None:
    box = FakeSandbox()
    async with serving(box) as (client, app):
        old = asyncio.create_task(waiting(client))
        await until(lambda: box.begun == 1)
        closing = asyncio.create_task(app.state.door.drain(120, asyncio.Event()))
        await asyncio.sleep(0)
        new = await client.post("/v1/run", json={"program": SOURCE})
        fault(new, 503, "shutting_down")
        assert "retry-after" in new.headers
        assert (await client.get("/v1/health")).status_code == 503
        box.release.set()
        assert (await old).status_code == 200
        assert await closing == 0


@pytest.mark.parametrize("is_hurried", [True, False])
async def test_when_the_grace_ends_the_rest_is_told(is_hurried: bool) -> None:
    box = FakeSandbox()
    async with serving(box) as (client, app):
        old = asyncio.create_task(waiting(client))
        await until(lambda: box.begun == 1)
        hurry = asyncio.Event()
        if is_hurried:
            hurry.set()
        assert await app.state.door.drain(120 if is_hurried else 0.1, hurry) == 1
        fault(await old, 503, "shutting_down")
        assert box.cancelled == 1


async def test_a_batch_answers_in_order_and_a_bad_item_fails_alone() -> None:
    async with serving(FakeSandbox()) as (client, _):
        items = [
            {"op": "run", "program": SOURCE, "stdin": "first"},
            {"op": "run", "program": {"source": 7}},
            {"op": "sing"},
            7,
            {"op": "judge", "program": SOURCE, "tests": STDIO},
            {"op": "run", "program": {"source": "defect"}},
            {"op": "run", "program": {"source": "wait"}, "deadline": 0.1},
            {"op": "judge", "program": {"source": "TestsError"}, "tests": STDIO},
            {"op": "run", "program": SOURCE, "stdin": "last"},
        ]
        response = await client.post("/v1/batch", json={"items": items})
        assert response.status_code == 200
        results = response.json()["results"]
        kinds = [one["error"]["kind"] if one["error"] else None for one in results]
        assert kinds == [
            *(None, "validation", "validation", "validation", None),
            *("internal", "deadline", "tests", None),
        ]
        assert [results[at]["run"]["stdout"] for at in (0, -1)] == ["first", "last"]
        assert results[1]["error"]["field"].endswith("program.source")
        assert results[4]["judgement"]["passed"]
        fault(await client.post("/v1/batch", json={"items": []}), 422, "validation")
        many = {"items": [items[0]] * 257}
        fault(await client.post("/v1/batch", json=many), 422, "validation")


async def test_a_batchs_deadline_is_for_all_of_it() -> None:
    async with serving(FakeSandbox()) as (client, _):
        items = [{"op": "run", "program": {"source": "wait"}}] * 100
        response = await client.post("/v1/batch", json={"items": items, "deadline": 0.3})
        kinds = [one["error"]["kind"] for one in response.json()["results"]]
        assert kinds == ["deadline"] * 100
        assert response.elapsed.total_seconds() < 29  # one after the other would take 30


async def test_the_openapi_examples_are_served_as_they_stand() -> None:
    box = LocalSandbox("bubblewrap", settings=BoxSettings(slots=2), deadline=60, queue=64)
    async with box, serving(box) as (client, _):
        schema = (await client.get("/openapi.json")).json()
        tried = 0
        for path in ("/v1/run", "/v1/judge", "/v1/batch"):
            body = schema["paths"][path]["post"]["requestBody"]["content"]["application/json"]
            for name, example in body["examples"].items():
                response = await client.post(path, json=example["value"])
                assert response.status_code == 200, (name, response.text)
                answer = response.json()
                for one in answer.get("results", [answer]):
                    done = one.get("run") or one.get("judgement") or one
                    assert done["status"] == "passed", (name, answer)
                tried += 1
        assert tried == 6
        metrics = (await client.get("/v1/metrics")).text
        assert 'judgements_total{language="python",status="passed"} 5.0' in metrics
        assert "plumb_sandbox_slots_busy 0.0" in metrics
        assert "python" in (await client.get("/v1/languages")).json()["languages"]


async def test_a_client_that_leaves_frees_its_slot_in_the_box() -> None:
    box = LocalSandbox("bubblewrap", settings=BoxSettings(slots=1), deadline=60, queue=64)
    async with box, serving(box) as (client, _):
        endless = {"program": {"source": "while True: pass"}, "limits": {"wall_seconds": 60}}
        request = asyncio.create_task(client.post("/v1/run", json=endless))
        while not (await box.health()).busy:
            await asyncio.sleep(0.02)
        request.cancel()
        async with asyncio.timeout(60):
            ran = await client.post("/v1/run", json={"program": SOURCE})
        assert ran.json()["stdout"] == "1\n"


async def test_many_requests_at_once_get_their_own_answers() -> None:
    async with serving(FakeSandbox()) as (client, _):

        async def one(number: int) -> bool:
            content = json.dumps({"program": SOURCE, "stdin": str(number)})
            response = await client.post(
                "/v1/run", content=content, headers={"Content-Type": "application/json"}
            )
            return bool(response.json()["stdout"] == str(number))

        requests: list[Awaitable[bool]] = [one(number) for number in range(300)]
        assert all(await asyncio.gather(*requests))
