"""The face of the sandbox: one interface, in process, over HTTP, or over the nodes of Ray.

Guarantee: an answer was measured. What could not be measured is raised as an `UnavailableError`,
and tests that are at fault as a `TestsError`; neither is ever a wrong answer.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Self

from sandbox.backends.settings import BoxSettings
from sandbox.errors import RequestError
from sandbox.types import Health, Judgement, Limits, Program, RunResult, TestsLike

QUEUE = 1 << 20
QUEUE_SECONDS = 3600.0
DEFAULT_LIMITS = Limits()


class Sandbox(ABC):
    """Runs programs that nobody trusts; use it as `async with Sandbox.open() as box`."""

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
            return HttpSandbox(urls, token=token, deadline=deadline, queue_seconds=queue_seconds)
        settings = settings or BoxSettings()
        kind, _, count = where.partition(":")
        if kind == "ray" and (not count or count.isdecimal()):
            from sandbox.ray_sandbox import RaySandbox

            return RaySandbox(
                int(count or 1),
                settings=settings,
                deadline=deadline,
                queue=queue,
                queue_seconds=queue_seconds,
            )
        if where not in ("auto", "docker", "bubblewrap"):
            raise RequestError(
                f"there is no sandbox {where!r}; use auto, docker, bubblewrap, ray:N or a URL"
            )
        from sandbox.local import LocalSandbox

        return LocalSandbox(
            where,
            settings=settings,
            deadline=deadline,
            queue=queue,
            queue_seconds=queue_seconds,
        )

    @abstractmethod
    async def start(self) -> None:
        """Get ready; raises SandboxError if that is impossible."""

    @abstractmethod
    async def aclose(self) -> None:
        """End everything; harmless when it is done already."""

    @abstractmethod
    async def run(
        self,
        program: Program,
        *,
        stdin: str = "",
        limits: Limits = DEFAULT_LIMITS,
        deadline: float | None = None,
    ) -> RunResult:
        """Run a program once.

        Raises:
            UnavailableError: Nothing was measured.
            RequestError: The request cannot be served as it stands.
        """

    @abstractmethod
    async def judge(
        self,
        program: Program,
        tests: TestsLike,
        *,
        limits: Limits = DEFAULT_LIMITS,
        stop_at_first_failure: bool = True,
        deadline: float | None = None,
    ) -> Judgement:
        """Judge a program by tests: a list of `TestCase`, one of the kinds of tests, or a dict.

        Raises:
            UnavailableError: Nothing was measured.
            TestsError: The tests are at fault.
            RequestError: The request cannot be served as it stands.
        """

    @abstractmethod
    async def languages(self) -> dict[str, str]:
        """The languages that programs may be in, with their versions."""

    @abstractmethod
    async def health(self) -> Health:
        """How the sandbox is doing."""

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()
