"""The sandbox in process: boxes on this machine.

Guarantees: every run ends within its limits, which count from its start; a request waits for slots
at most `queue_seconds`, and works in them at most its deadline, if it has one. `aclose` leaves no
box behind.
"""

import time

from sandbox.allowance import Allowance
from sandbox.backends import Backend, BackendName, choose
from sandbox.backends.settings import BoxSettings
from sandbox.errors import RequestError
from sandbox.execution import BuildFailedError, Role, Run, execute
from sandbox.judge import judge, parse_tests
from sandbox.languages import LANGUAGES
from sandbox.outcome import run_result
from sandbox.pool import BoxPool
from sandbox.programs import program_run
from sandbox.transport import DEFAULT_LIMITS, QUEUE, QUEUE_SECONDS, Transport
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


class LocalSandbox(Transport):
    """Boxes of one backend, started by `start`.

    Args:
        backend: auto, docker or bubblewrap.
        settings: Size and kind of the boxes.
        deadline: Seconds of work for a request that brings none; None: as its limits let it.
        queue: Runs that may wait for a slot.
        queue_seconds: Seconds that a request may wait for its slots.
        patience: Seconds that a run waits while no box can be had.

    Attributes:
        pool: The boxes, once it is started.
    """

    def __init__(
        self,
        backend: str,
        *,
        settings: BoxSettings,
        deadline: float | None = None,
        queue: int = QUEUE,
        queue_seconds: float = QUEUE_SECONDS,
        patience: float = PATIENCE,
    ) -> None:
        self.settings = settings
        self._name = backend
        self._deadline = deadline
        self._queue = queue
        self._queue_seconds = queue_seconds
        self._patience = patience
        self._pool: BoxPool | None = None
        self._languages: dict[str, str] | None = None

    @property
    def pool(self) -> BoxPool:
        """The boxes; raises RequestError while there are none."""
        if self._pool is None:
            raise RequestError("the sandbox is not open: use `async with Sandbox.open(...)`")
        return self._pool

    async def start(self) -> None:
        if self._pool is not None:
            raise RequestError("the sandbox is open already")
        name: BackendName = self._name  # type: ignore[assignment]
        backend: Backend = await choose(name, self.settings)
        pool = BoxPool(
            backend, boxes=self.settings.boxes, queue=self._queue, patience=self._patience
        )
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
        allowance = self._allow(deadline)
        async with allowance.spend():
            try:
                answer = await execute(allowance, program_run(program, stdin, limits))
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
        allowance = self._allow(deadline)
        async with allowance.spend():
            judgement = await judge(
                allowance, program, parsed, limits, stop_at_first_failure=stop_at_first_failure
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

    def _allow(self, deadline: float | None) -> Allowance:
        seconds = self._deadline if deadline is None else deadline
        return Allowance(self.pool, deadline=seconds, queue_seconds=self._queue_seconds)
