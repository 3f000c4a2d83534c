"""Programs against one record's tests: references several times over, and what ought to fail.

Guarantee: what is said of a program was measured. A sandbox that measured nothing is raised as an
`UnavailableError`, and no record is dropped for it.
"""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sandbox import Judgement, Program, Status
from sandbox.errors import RequestError
from sandbox.transport import Transport
from sandbox.types import AnyTests, CallTests, Limits

_NOT_HERE: Final = re.compile(r"\b(?:SyntaxError|IndentationError|TabError|ModuleNotFoundError)\b")
"""A Python program of another version, or of libraries that the sandbox has not."""
_SURE: Final = frozenset((Status.WRONG_ANSWER, Status.RUNTIME_ERROR))


@dataclass(frozen=True, slots=True)
class Trial:
    """One record's tests in a sandbox."""

    box: Transport
    tests: AnyTests
    limits: Limits

    async def judge(self, program: Program, limits: Limits | None = None) -> Judgement:
        """What the tests say of a program.

        Raises:
            TestsError: The tests are at fault.
            RequestError: They do not exist for the program's language.
            UnavailableError: Nothing was measured.
        """
        return await self.box.judge(program, self.tests, limits=limits or self.limits)

    async def tried(self, number: int, program: Program, runs: int) -> "Tried":
        """Run a reference so many times."""
        try:
            done = await asyncio.gather(*(self.judge(program) for _ in range(runs)))
        except RequestError as error:
            return Tried(number, program, (), str(error))
        return Tried(number, program, done)

    def seconds_of_run(self, judgement: Judgement) -> float:
        """What the longest run took: calls share a process, other cases have one each."""
        spent = [case.wall_seconds for case in judgement.cases] or [0.0]
        return sum(spent) if isinstance(self.tests, CallTests) else max(spent)


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of a reference.

    Attributes:
        number: Its place among the references.
        program: The reference.
        runs: A judgement a run.
        unfit: Why the tests cannot take it at all; empty: they can.
    """

    number: int
    program: Program
    runs: Sequence[Judgement]
    unfit: str = ""

    @property
    def passes(self) -> bool:
        """Whether every run passed."""
        return bool(self.runs) and all(run.passed for run in self.runs)

    @property
    def flaky(self) -> bool:
        """Whether some runs passed, and others failed by more than their time."""
        failed = [run.status for run in self.runs if not run.passed]
        return 0 < len(failed) < len(self.runs) and set(failed) != {Status.TIME_LIMIT}

    @property
    def late(self) -> bool:
        """Whether runs failed, and by their time alone."""
        failed = [run.status for run in self.runs if not run.passed]
        return bool(failed) and set(failed) == {Status.TIME_LIMIT}

    @property
    def foreign(self) -> bool:
        """Whether it cannot be run here: another version, missing libraries, other tests."""
        return bool(self.unfit) or any(
            run.status is Status.COMPILE_ERROR or _NOT_HERE.search(run.reason) for run in self.runs
        )

    @property
    def contradicts(self) -> bool:
        """Whether it runs, and every run gave something else than the tests ask for."""
        return (
            not self.foreign and bool(self.runs) and all(run.status in _SURE for run in self.runs)
        )

    def told(self) -> str:
        """What came of it, in one line."""
        if self.unfit:
            return f"reference {self.number}: {self.unfit}"
        failed = next((run for run in self.runs if not run.passed), None)
        if failed is None:
            return f"reference {self.number} passes"
        count = sum(not run.passed for run in self.runs)
        log = (
            f": {failed.compile_log.strip().splitlines()[0]}" if failed.compile_log.strip() else ""
        )
        status = failed.status.replace("_", " ")
        return (
            f"reference {self.number} fails {count} of {len(self.runs)} runs: "
            f"{status}: {failed.reason}{log}"
        )[:400]
