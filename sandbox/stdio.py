"""Tests by standard input and output: one run a case."""

import asyncio
from collections.abc import Awaitable, Callable

from sandbox.errors import TestsError
from sandbox.execution import BuildFailedError, Run, build, execute
from sandbox.languages import LANGUAGES
from sandbox.outcome import status_of
from sandbox.pool import Pool
from sandbox.programs import program_build, program_role, program_run
from sandbox.reader import UnreadableError
from sandbox.reading import Output
from sandbox.types import CaseResult, Limits, Program, Status, StdioTests, TestCase

ACCEPT, REJECT = (0,), (1, 2)  # exit codes of a checker; 2 is testlib's "presentation error"
AHEAD = 2  # cases run at a time while the first failure would end the rest


async def judge_stdio(
    pool: Pool, program: Program, tests: StdioTests, limits: Limits, *, stop: bool
) -> list[CaseResult]:
    """A result for each case, up to the first failure if `stop`.

    Raises:
        BuildFailedError: The program does not compile.
        TestsError: The checker does not compile, or fails.
        UnavailableError: Nothing was measured.
    """
    if len(tests.cases) > 1:
        await build(pool, program_build(program))

    async def judge_case(index: int) -> CaseResult:
        case = tests.cases[index]
        answer = await execute(pool, program_run(program, case.stdin, limits))
        status, reason = status_of(answer, limits)
        if status is Status.PASSED:
            fault = await _fault(pool, answer["out"], case, tests)
            if fault is not None:
                status, reason = Status.WRONG_ANSWER, fault
        return CaseResult(
            index=index, status=status, reason=reason, wall_seconds=answer["wall_seconds"]
        )

    width = min(AHEAD, pool.slots) if stop else pool.slots
    return await in_order(
        len(tests.cases), judge_case, stop=stop, width=max(1, width), seconds=limits.total_seconds
    )


def overdue(index: int, seconds: float) -> CaseResult:
    """The result of a case that was not begun, because those before it took too long."""
    reason = f"all cases together took longer than {seconds:g} s"
    return CaseResult(index=index, status=Status.TIME_LIMIT, reason=reason)


async def in_order(
    count: int,
    work: Callable[[int], Awaitable[CaseResult]],
    *,
    stop: bool,
    width: int,
    seconds: float,
) -> list[CaseResult]:
    """Do `count` cases, `width` at a time; if `stop`, up to the first that fails.

    A program that is slow on purpose must not turn its verdict into a missed deadline: once its
    runs have taken `seconds`, the rest fails.
    """
    results: list[CaseResult] = []
    tasks: list[asyncio.Future[CaseResult]] = []
    try:
        while len(results) < count:
            while len(tasks) < min(count, len(results) + width):
                tasks.append(asyncio.ensure_future(work(len(tasks))))
            results.append(await tasks[len(results)])
            if sum(one.wall_seconds for one in results) > seconds:
                results += [overdue(index, seconds) for index in range(len(results), count)]
            if stop and results[-1].status is not Status.PASSED:
                break
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return results


async def _fault(pool: Pool, got: str, case: TestCase, tests: StdioTests) -> str | None:
    """What is wrong with an output; None: nothing."""
    if tests.checker is None:
        job = Output(got, case.stdout, tests.compare, tests.tolerance)
        try:
            fault: str | None = await pool.reader.read(job)
        except UnreadableError as error:
            return f"the output cannot be compared: {error}"
        return fault
    accepted, reason = await _ask_checker(pool, tests.checker, got, case)
    if accepted is None:
        # An output may be made to break the checker; on the reference it comes to a verdict.
        good, _ = await _ask_checker(pool, tests.checker, case.stdout, case)
        if good is None:
            raise TestsError(reason)
        return "the checker cannot read the output"
    return None if accepted else reason


async def _ask_checker(
    pool: Pool, checker: Program, output: str, case: TestCase
) -> tuple[bool | None, str]:
    """Whether a checker accepts an output, None if it failed; and one line for if it does not."""
    files = tuple(f"/proc/self/fd/{number}" for number in (3, 4, 5))
    fds = ["null", "out", "err", "input:0", "input:1", "input:2"]
    role = program_role(checker, fds, files)
    limits = Limits()
    inputs = [case.stdin, output, case.stdout]
    try:
        answer = await execute(pool, Run([role], limits, LANGUAGES[checker.language], inputs))
    except BuildFailedError as error:
        raise TestsError(f"the checker {error.cause}: {error.log[:300]}") from error
    code = answer["ended"][0]["code"]
    if answer["stopped"] is None and code in (*ACCEPT, *REJECT):
        return code in ACCEPT, "the checker rejects the output"
    status, reason = status_of(answer, limits)
    return None, f"the checker failed ({status}): {reason}"
