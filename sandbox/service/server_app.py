"""The sandbox over HTTP: routes, and errors as JSON.

Guarantees: an answer is the one that the sandbox gave in process. Whatever is none has the body
`{"error": {"kind", "message"}}` and shows nothing of the service's inside. A batch's item fails for
itself alone. What the door guarantees (`server_gate`) holds for every route.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final

from fastapi import Body, FastAPI, Request, Response, Security
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic_core import from_json
from starlette.exceptions import HTTPException

from sandbox.errors import RequestError, SandboxError
from sandbox.faults import Fault, FaultBody, fault_of
from sandbox.service.models import (
    BATCH_EXAMPLES,
    JUDGE_EXAMPLES,
    RUN_EXAMPLES,
    BatchRequest,
    BatchResponse,
    BatchResult,
    JudgeItem,
    JudgeRequest,
    LanguagesResponse,
    RunItem,
    RunRequest,
    ServiceOptions,
    validation_fault,
)
from sandbox.service.server_door import Door
from sandbox.service.server_gate import HTTP_FAULTS, Gate, fault_response
from sandbox.service.server_metrics import ServiceMetrics
from sandbox.transport import Transport
from sandbox.types import Health, Judgement, RunResult

AT_A_TIME: Final = 32  # items of one batch
ERROR_CODES: Final = (400, 401, 408, 413, 422, 429, 500, 503, 504)

log = logging.getLogger(__name__)


def create_app(box: Transport, options: ServiceOptions) -> FastAPI:
    """The application; `box` is started, and outlives it.

    `app.state.door` is the `Door`, for whoever shuts the service down.
    """
    metrics = ServiceMetrics()
    door = Door(options)
    app = FastAPI(
        title="Plumb sandbox",
        summary="Runs and judges programs that nobody has read.",
        version="1",
        redoc_url=None,
        dependencies=[Security(HTTPBearer(auto_error=False))] if options.token else [],
        responses={code: {"model": FaultBody} for code in ERROR_CODES},
    )
    app.state.door = door
    app.router.route_class = _StrictRoute
    app.add_middleware(Gate, door=door, options=options, metrics=metrics)
    _add_error_handlers(app)
    _add_work_routes(app, _Work(box, options, metrics))
    _add_state_routes(app, box, door, metrics)
    return app


class _Work:
    """Runs and judgements, within deadlines, counted."""

    def __init__(self, box: Transport, options: ServiceOptions, metrics: ServiceMetrics) -> None:
        self._box = box
        self._options = options
        self._metrics = metrics

    async def run(self, request: RunRequest, deadline: float | None = None) -> RunResult:
        self._check(request.limits.wall_seconds)
        result = await self._box.run(
            request.program,
            stdin=request.stdin,
            limits=request.limits,
            deadline=self._seconds(request.deadline or deadline),
        )
        self._metrics.note_run(result.status, request.program.language)
        return result

    async def judge(self, request: JudgeRequest, deadline: float | None = None) -> Judgement:
        self._check(request.limits.total_seconds + request.limits.wall_seconds)
        judgement = await self._box.judge(
            request.program,
            request.tests,
            limits=request.limits,
            stop_at_first_failure=request.stop_at_first_failure,
            deadline=self._seconds(request.deadline or deadline),
        )
        self._metrics.note_judgement(judgement.status, request.program.language)
        return judgement

    async def batch(self, request: BatchRequest) -> BatchResponse:
        room = asyncio.Semaphore(AT_A_TIME)

        async def one(item: RunItem | JudgeItem | Fault) -> BatchResult:
            async with room:
                return await self._item(item, request.deadline)

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(item)) for item in request.items]
        return BatchResponse(results=[task.result() for task in tasks])

    async def _item(self, item: RunItem | JudgeItem | Fault, deadline: float | None) -> BatchResult:
        try:
            if isinstance(item, Fault):
                return BatchResult(error=item)
            if isinstance(item, RunItem):
                return BatchResult(run=await self.run(item, deadline))
            return BatchResult(judgement=await self.judge(item, deadline))
        except SandboxError as error:
            return BatchResult(error=fault_of(error))
        except Exception:
            log.exception("an item of a batch failed")
            return BatchResult(error=_internal())

    def _seconds(self, asked: float | None) -> float | None:
        seconds = asked or self._options.deadline
        return None if seconds is None else min(seconds, self._options.max_deadline)

    def _check(self, seconds: float) -> None:
        """Refuse what its own limits let work for longer than this service allows."""
        most = self._options.max_deadline
        if seconds > most:
            raise RequestError(
                f"its limits let it work for {seconds:g} s, and this service allows {most:g} s; "
                "lower wall_seconds or total_seconds, or raise --max-deadline"
            )


def _add_work_routes(app: FastAPI, work: _Work) -> None:
    @app.post("/v1/run")
    async def run(
        request: Annotated[RunRequest, Body(openapi_examples=RUN_EXAMPLES)],
    ) -> RunResult:
        """Run a program once."""
        return await work.run(request)

    @app.post("/v1/judge")
    async def judge(
        request: Annotated[JudgeRequest, Body(openapi_examples=JUDGE_EXAMPLES)],
    ) -> Judgement:
        """Judge a program by tests of one of four kinds."""
        return await work.judge(request)

    @app.post("/v1/batch")
    async def batch(
        request: Annotated[BatchRequest, Body(openapi_examples=BATCH_EXAMPLES)],
    ) -> BatchResponse:
        """Run and judge many programs; results in order, each for itself."""
        return await work.batch(request)


def _add_state_routes(app: FastAPI, box: Transport, door: Door, metrics: ServiceMetrics) -> None:
    @app.get("/v1/languages")
    async def languages() -> LanguagesResponse:
        """The languages that programs may be in."""
        return LanguagesResponse(languages=await box.languages())

    @app.get("/v1/health", responses={503: {"model": Health}})
    async def health(response: Response) -> Health:
        """How the service is doing; 503 while it cannot serve. Needs no token."""
        state = await box.health()
        if door.is_closing:
            state = state.model_copy(update={"status": "down", "fault": "it is shutting down"})
        if state.status == "down":
            response.status_code = 503
        return state

    @app.get("/v1/metrics", response_class=Response)
    async def metrics_text() -> Response:
        """Prometheus metrics."""
        text = metrics.text(await box.health(), door.held)
        return Response(text, media_type=CONTENT_TYPE_LATEST)


def _add_error_handlers(app: FastAPI) -> None:
    def say(request: Request, fault: Fault, headers: Any = None) -> JSONResponse:
        request.state.outcome = fault.kind
        return fault_response(fault, headers)

    @app.exception_handler(SandboxError)
    async def on_sandbox(request: Request, error: SandboxError) -> JSONResponse:
        return say(request, fault_of(error))

    @app.exception_handler(RequestValidationError)
    async def on_validation(request: Request, error: RequestValidationError) -> JSONResponse:
        return say(request, validation_fault(list(error.errors())))

    @app.exception_handler(HTTPException)
    async def on_http(request: Request, error: HTTPException) -> JSONResponse:
        kind = HTTP_FAULTS.get(error.status_code, "request")
        fault = Fault(kind=kind, message=f"{request.method} {request.url.path}: {error.detail}")
        return say(request, fault, error.headers)

    @app.exception_handler(Exception)
    async def on_defect(request: Request, error: Exception) -> JSONResponse:
        return say(request, _internal())  # the server logs the traceback


def _internal() -> Fault:
    return Fault(kind="internal", message="the service failed at this; its log says why")


class _StrictRequest(Request):
    """Reads JSON with a parser that limits its depth and the length of its numbers."""

    async def json(self) -> Any:
        try:
            return from_json(await self.body())
        except ValueError as error:
            raise json.JSONDecodeError(str(error), "", 0) from error


class _StrictRoute(APIRoute):
    def get_route_handler(self) -> Callable[[Request], Awaitable[Response]]:  # type: ignore[override]
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            return await handler(_StrictRequest(request.scope, request.receive))

        return handle
