"""The sandbox in process: boxes on this machine.

Guarantees: every request ends within its deadline; `aclose` leaves no box behind.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sandbox.backends import Backend, BackendName, choose
from sandbox.backends.settings import BoxSettings
from sandbox.errors import DeadlineError, RequestError
from sandbox.execution import BuildFailedError, Role, Run, execute
from sandbox.judge import judge, parse_tests
from sandbox.languages import LANGUAGES
from sandbox.outcome import run_result
from sandbox.pool import Pool
from sandbox.programs import program_run
from sandbox.sandbox import DEFAULT_LIMITS, Sandbox
from sandbox.types import (
    Health,
    Judgement,
    Limits,
    Program,
    RunResult,
    Status,
    TestsLike,
)

PATIENCE = 30.0  # seconds that a request waits while no box can be had
VERSION_LIMITS = Limits(wall_seconds=20.0, memory_mb=256)


class LocalSandbox(Sandbox):
    """Boxes of one backend, started by `start`.

    Attributes:
        pool: The boxes, once it is started.
    """

    def __init__(
        self,
        backend: str,
        *,
        settings: BoxSettings,
        deadline: float,
        queue: int,
        patience: float = PATIENCE,
    ) -> None:
        self.settings = settings
        self._name = backend
        self._deadline = deadline
        self._queue = queue
        self._patience = patience
        self._pool: Pool | None = None
        self._languages: dict[str, str] | None = None

    @property
    def pool(self) -> Pool:
        """The boxes; raises RequestError while there are none."""
        if self._pool is None:
            raise RequestError("the sandbox is not open: use `async with Sandbox.open(...)`")
        return self._pool

    async def start(self) -> None:
        if self._pool is not None:
            raise RequestError("the sandbox is open already")
        name: BackendName = self._name  # type: ignore[assignment]
        backend: Backend = await choose(name, self.settings)
        pool = Pool(backend, boxes=self.settings.boxes, queue=self._queue, patience=self._patience)
        await pool.start()
        self._pool = pool

    async def aclose(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            await pool.close()

    async def run(
        self,
        program: Program,
        *,
        stdin: str = "",
        limits: Limits = DEFAULT_LIMITS,
        deadline: float | None = None,
    ) -> RunResult:
        async with self._within(deadline):
            try:
                answer = await execute(self.pool, program_run(program, stdin, limits))
            except BuildFailedError as error:
                return RunResult(
                    status=Status.COMPILE_ERROR, reason=error.cause, compile_log=error.log
                )
            return run_result(answer, limits)

    async def judge(
        self,
        program: Program,
        tests: TestsLike,
        *,
        limits: Limits = DEFAULT_LIMITS,
        stop_at_first_failure: bool = True,
        deadline: float | None = None,
    ) -> Judgement:
        parsed = parse_tests(tests)
        began = time.monotonic()
        async with self._within(deadline):
            judgement = await judge(
                self.pool, program, parsed, limits, stop_at_first_failure=stop_at_first_failure
            )
        return judgement.model_copy(update={"wall_seconds": round(time.monotonic() - began, 6)})

    async def languages(self) -> dict[str, str]:
        if self._languages is None:
            found = {}
            for name, spec in LANGUAGES.items():
                role = Role(["null", "out", "out"], argv=spec.version)
                answer = await execute(self.pool, Run([role], VERSION_LIMITS, spec))
                if answer["ended"][0]["code"] == 0:
                    found[name] = answer["out"].strip().splitlines()[0]
            self._languages = found
        return dict(self._languages)

    async def health(self) -> Health:
        pool = self._pool
        boxes = self.settings.boxes
        live = len(pool.live) if pool is not None else 0
        return Health(
            status="ok" if live == boxes else "degraded" if live else "down",
            backend=pool.backend.name if pool is not None else self._name,
            boxes=boxes,
            live=live,
            slots=pool.slots if pool is not None else 0,
            busy=sum(box.load for box in pool.live) if pool is not None else 0,
            waiting=pool.waiting if pool is not None else 0,
            replaced=pool.replaced if pool is not None else 0,
            fault=pool.fault if pool is not None else "it is not open",
        )

    @asynccontextmanager
    async def _within(self, deadline: float | None) -> AsyncIterator[None]:
        seconds = self._deadline if deadline is None else deadline
        try:
            async with asyncio.timeout(seconds):
                yield
        except TimeoutError as error:
            raise DeadlineError(
                f"no answer within the request's {seconds:g} s; allow more, or use more slots"
            ) from error
