"""What every way to a sandbox offers: boxes in this process, services over HTTP, nodes of Ray.

Guarantee: an answer was measured. What could not be measured is raised as an `UnavailableError`,
and tests that are at fault as a `TestsError`; neither is ever a wrong answer.
"""

from abc import abstractmethod
from typing import Final, Protocol, Self

from sandbox.types import Health, Judgement, Limits, Program, RunResult, TestsLike

QUEUE: Final = 1 << 20
QUEUE_SECONDS: Final = 3600.0
DEFAULT_LIMITS: Final = Limits()


class Transport(Protocol):
    """Runs programs that nobody trusts, somewhere; use it as `async with`."""

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
