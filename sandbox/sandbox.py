"""The face of the sandbox: one class, whether programs run here, over HTTP, or on nodes of Ray."""

from collections.abc import Sequence

from sandbox.backends.settings import BoxSettings
from sandbox.errors import RequestError
from sandbox.transport import DEFAULT_LIMITS, QUEUE, QUEUE_SECONDS, Transport
from sandbox.types import Health, Judgement, Limits, Program, RunResult, TestsLike


class Sandbox(Transport):
    """Runs programs that nobody trusts; use it as `async with Sandbox.open() as box`.

    Attributes:
        transport: How its programs are run.
    """

    def __init__(self, transport: Transport) -> None:
        self.transport = transport

    @staticmethod
    def open(
        where: str | Sequence[str] = "auto",
        *,
        settings: BoxSettings | None = None,
        token: str | None = None,
        deadline: float | None = None,
        queue: int = QUEUE,
        queue_seconds: float = QUEUE_SECONDS,
    ) -> "Sandbox":
        """A sandbox, not yet started.

        Args:
            where: "docker", "bubblewrap", or "auto" for the first of them that works here; the URL
                of a service, or several; "ray" or "ray:N" for N actors on a Ray cluster.
            settings: Size and kind of the boxes (not for URLs).
            token: The service's bearer token.
            deadline: Seconds of work in slots for a request that brings none; None: as long as the
                limits of its runs let it. Waiting for a slot is not part of it.
            queue: Runs that may wait for a slot (not for URLs).
            queue_seconds: Seconds that a request may wait for its slots, beside its deadline.

        Raises:
            RequestError: `where` is none of these.
        """
        if not isinstance(where, str) or where.startswith(("http://", "https://")):
            from sandbox.service.client import HttpSandbox

            urls = [where] if isinstance(where, str) else list(where)
            return Sandbox(
                HttpSandbox(urls, token=token, deadline=deadline, queue_seconds=queue_seconds)
            )
        settings = settings or BoxSettings()
        kind, _, count = where.partition(":")
        if kind == "ray" and (not count or count.isdecimal()):
            from sandbox.ray_sandbox import RaySandbox

            return Sandbox(
                RaySandbox(
                    int(count or 1),
                    settings=settings,
                    deadline=deadline,
                    queue=queue,
                    queue_seconds=queue_seconds,
                )
            )
        if where not in ("auto", "docker", "bubblewrap"):
            raise RequestError(
                f"there is no sandbox {where!r}; use auto, docker, bubblewrap, ray:N or a URL"
            )
        from sandbox.local import LocalSandbox

        return Sandbox(
            LocalSandbox(
                where,
                settings=settings,
                deadline=deadline,
                queue=queue,
                queue_seconds=queue_seconds,
            )
        )

    async def start(self) -> None:
        await self.transport.start()

    async def aclose(self) -> None:
        await self.transport.aclose()

    async def run(
        self,
        program: Program,
        *,
        stdin: str = "",
        limits: Limits = DEFAULT_LIMITS,
        deadline: float | None = None,
    ) -> RunResult:
        return await self.transport.run(program, stdin=stdin, limits=limits, deadline=deadline)

    async def judge(
        self,
        program: Program,
        tests: TestsLike,
        *,
        limits: Limits = DEFAULT_LIMITS,
        stop_at_first_failure: bool = True,
        deadline: float | None = None,
    ) -> Judgement:
        return await self.transport.judge(
            program,
            tests,
            limits=limits,
            stop_at_first_failure=stop_at_first_failure,
            deadline=deadline,
        )

    async def languages(self) -> dict[str, str]:
        return await self.transport.languages()

    async def health(self) -> Health:
        return await self.transport.health()
