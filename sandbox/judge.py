"""Judging a program by its tests.

Guarantees: expected values are compared here, on what came out of the sandbox; how a process ended
proves nothing. A program passes when every test says so; whatever it does instead of solving the
task is a failure, and whatever the sandbox does wrong is raised.
"""

from collections.abc import Sequence

from pydantic import TypeAdapter, ValidationError

from sandbox.calls import CallPlan, Claim, judge_calls
from sandbox.checks import judge_apart, judge_appended
from sandbox.checks_java import judge_java
from sandbox.checks_javascript import judge_javascript
from sandbox.compare import shown
from sandbox.errors import RequestError
from sandbox.execution import BuildFailedError
from sandbox.expected import SameValue
from sandbox.pool import Pool
from sandbox.split import split_check, split_script
from sandbox.stdio import judge_stdio
from sandbox.trust import trust_of
from sandbox.types import (
    AnyTests,
    CallTests,
    CaseResult,
    CheckTests,
    HarnessTests,
    Judgement,
    Limits,
    Program,
    Status,
    StdioTests,
    Tests,
    TestsLike,
    Trust,
)

_TESTS: TypeAdapter[AnyTests] = TypeAdapter(Tests)


def parse_tests(tests: TestsLike) -> AnyTests:
    """Tests in any form that a caller may give; raises RequestError for what is none."""
    try:
        if isinstance(tests, dict):
            return _TESTS.validate_python(tests)
        if isinstance(tests, Sequence):
            return StdioTests(cases=list(tests))
    except ValidationError as error:
        fault = error.errors()[0]
        place = ".".join(str(part) for part in fault["loc"])
        raise RequestError(f"tests{'.' if place else ''}{place}: {fault['msg']}") from error
    return tests


async def judge(
    pool: Pool, program: Program, tests: AnyTests, limits: Limits, *, stop_at_first_failure: bool
) -> Judgement:
    """What the tests say of the program.

    Raises:
        UnavailableError: Nothing was measured.
        TestsError: The tests are at fault.
        RequestError: These tests do not exist for this language.
    """
    total = len(tests.cases) if isinstance(tests, StdioTests | CallTests) else 1
    trust = trust_of(tests, program.language)
    try:
        if isinstance(tests, StdioTests):
            cases = await judge_stdio(pool, program, tests, limits, stop=stop_at_first_failure)
        elif isinstance(tests, CallTests):
            plan = plan_calls(tests)
            cases = await judge_calls(pool, program, plan, limits, stop=stop_at_first_failure)
        else:
            cases = [await _judge_script(pool, program, tests, limits)]
    except BuildFailedError as error:
        cases = [CaseResult(index=0, status=Status.COMPILE_ERROR, reason=error.cause)]
        return _judgement(cases, total, trust, error.log)
    return _judgement(cases, total, trust)


def plan_calls(tests: CallTests) -> CallPlan:
    """Calls with the values that they must return."""
    claims = [
        Claim(
            call.args,
            call.kwargs,
            SameValue(call.returns, tests.tolerance if call.tolerance is None else call.tolerance),
        )
        for call in tests.cases
    ]
    return CallPlan(tests.entry_point, claims)


async def _judge_script(
    pool: Pool, program: Program, tests: CheckTests | HarnessTests, limits: Limits
) -> CaseResult:
    if program.language != "python":
        if isinstance(tests, CheckTests):
            raise RequestError(
                f"tests of kind check are Python's, and the program is {program.language}; "
                "use calls or harness"
            )
        if program.language == "java":
            return await judge_java(pool, program, tests, limits)
        if program.language == "javascript":
            return await judge_javascript(pool, program, tests, limits)
        return await judge_appended(pool, program, tests, limits)
    if isinstance(tests, CheckTests):
        plan = split_check(tests.source, tests.entry_point)
    else:
        plan = split_script(tests.source)
    if plan is None:
        return await judge_apart(pool, program, tests, limits)
    cases = await judge_calls(pool, program, plan, limits, stop=True)
    failed = next((case for case in cases if case.status is not Status.PASSED), None)
    seconds = sum(case.wall_seconds for case in cases)
    if failed is None:
        return CaseResult(index=0, status=Status.PASSED, wall_seconds=seconds)
    reason = f"assertion {failed.index + 1}: {failed.reason}"
    return CaseResult(index=0, status=failed.status, reason=reason, wall_seconds=seconds)


def _judgement(
    cases: list[CaseResult], total: int, trust: Trust, compile_log: str = ""
) -> Judgement:
    missing = [
        CaseResult(index=number, status=Status.NOT_RUN) for number in range(len(cases), total)
    ]
    failed = next((case for case in cases if case.status is not Status.PASSED), None)
    count = sum(case.status is Status.PASSED for case in cases)
    reason = ""
    if failed is not None:
        where = f"case {failed.index + 1} of {total}: " if total > 1 else ""
        reason = f"{where}{shown(failed.reason, 300)}"
    return Judgement(
        passed=failed is None and count == total,
        status=Status.PASSED if failed is None else failed.status,
        reason=reason,
        passed_count=count,
        total=total,
        trust=trust,
        cases=[*cases, *missing],
        compile_log=compile_log,
    )
