"""An OpenAI-compatible endpoint in this process whose replies a test writes."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

from tests.ports import free_port

FACTORS = ("usefulness", "adherence_to_instructions", "integrity", "accuracy")
Body = dict[str, Any]
Answer = str | tuple[int, Mapping[str, str]] | Mapping[str, Any] | list[Any]


def grades(*values: int) -> str:
    """The JSON of a vote; one value stands for all factors."""
    several = values * len(FACTORS) if len(values) == 1 else values
    pairs = zip(FACTORS, several, strict=True)
    return "{" + ", ".join(f'"{name}": {value}' for name, value in pairs) + "}"


class FakeJudge:
    """`answer` takes a request's body and gives the reply's text, or (status, headers), or fields
    of the choice (`content`, `reasoning_content`, `tool_calls`, `finish_reason`), or `error` with a
    `status`, or a list with a text or fields for each of several choices.

    Attributes:
        url: The base URL; the same after `stop` and `start`.
        bodies: Requests for completions, in order.
        models: What it says that it serves: root by id.
        model_status: The status of the list of models.
        embed: The vector of a text, where embeddings are asked for after `answer`.
    """

    def __init__(self, answer: Callable[[Body], Answer]) -> None:
        self.answer = answer
        self.bodies: list[Body] = []
        self.models = {"tiny": "/models/tiny"}
        self.model_status = 200
        self.keys: list[str | None] = []
        self.embed: Callable[[str], list[float]] | None = None
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/v1"
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Serve, in a thread."""
        config = uvicorn.Config(
            self._app(),
            host="127.0.0.1",
            port=self.port,
            log_level="critical",
            lifespan="off",
            timeout_graceful_shutdown=1,
        )
        self._server = server = uvicorn.Server(config)
        self._thread = threading.Thread(target=server.run, daemon=True)
        self._thread.start()
        until = time.monotonic() + 60
        while not server.started:
            assert time.monotonic() < until and self._thread.is_alive()
            time.sleep(0.01)

    def stop(self) -> None:
        """End it; connections are refused from now on."""
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join(60)
            self._server = self._thread = None

    def shown(self, number: int = -1) -> str:
        """The user message of a request."""
        return str(self.bodies[number]["messages"][1]["content"])

    def _app(self) -> FastAPI:
        app = FastAPI()

        @app.get("/v1/models")
        def models() -> JSONResponse:
            if self.model_status != 200:
                return _error(self.model_status, {})
            data = [
                {"id": name, "object": "model", "created": 0, "owned_by": "t", "root": root}
                for name, root in self.models.items()
            ]
            return JSONResponse({"object": "list", "data": data})

        @app.post("/v1/chat/completions")
        async def complete(request: Request) -> JSONResponse:
            body = await request.json()
            self.bodies.append(body)
            self.keys.append(request.headers.get("authorization"))
            answer = await run_in_threadpool(self.answer, body)
            if isinstance(answer, tuple):
                return _error(*answer)
            if isinstance(answer, Mapping) and "error" in answer:
                return JSONResponse({"error": answer["error"]}, answer.get("status", 200))
            several = answer if isinstance(answer, list) else [answer]
            choices = [_choice(index, one) for index, one in enumerate(several)]
            usage = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
            return JSONResponse(
                {
                    "id": "1",
                    "object": "chat.completion",
                    "created": 0,
                    "model": body["model"],
                    "choices": choices,
                    "usage": usage,
                }
            )

        @app.post("/v1/embeddings")
        async def embeddings(request: Request) -> JSONResponse:
            body = await request.json()
            self.bodies.append(body)
            answer = await run_in_threadpool(self.answer, body)
            if isinstance(answer, tuple):
                return _error(*answer)
            assert self.embed is not None
            data = [
                {"object": "embedding", "index": index, "embedding": self.embed(text)}
                for index, text in enumerate(body["input"])
            ]
            return JSONResponse({"object": "list", "data": data, "model": body["model"]})

        return app


def _choice(index: int, answer: str | Mapping[str, Any]) -> dict[str, Any]:
    fields = {"content": answer} if isinstance(answer, str) else dict(answer)
    said = ("content", "reasoning_content", "tool_calls")
    texts = {key: fields[key] for key in said if key in fields}
    return {
        "index": index,
        "message": {"role": "assistant", "content": None, **texts},
        "finish_reason": fields.get("finish_reason", "stop"),
    }


def _error(status: int, headers: Mapping[str, str]) -> JSONResponse:
    body = {"error": {"message": f"this is error {status}", "type": "t", "code": status}}
    return JSONResponse(body, status, dict(headers))


@contextmanager
def fake_judge(answer: Callable[[Body], Answer]) -> Iterator[FakeJudge]:
    """A running fake."""
    judge = FakeJudge(answer)
    judge.start()
    try:
        yield judge
    finally:
        judge.stop()
