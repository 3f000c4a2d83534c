"""Tests that are scripts: in a process of their own, or appended to the program."""

import json
import secrets
from dataclasses import asdict
from typing import Any, Final

from sandbox.drivers import harness_build
from sandbox.errors import TestsError
from sandbox.execution import Role, Run, execute
from sandbox.harness import FILE, read_test
from sandbox.languages import LANGUAGES
from sandbox.outcome import status_of
from sandbox.pool import Pool
from sandbox.programs import program_build
from sandbox.types import CaseResult, CheckTests, HarnessTests, Limits, Program, Status

# The program answers requests; the checker makes them and writes what came of the test.
PROGRAM_FDS: Final = ("null", "out", "err", "read:requests", "write:replies")
CHECKER_FDS: Final = (
    "null",
    "null",
    "null",
    "result",
    "write:requests",
    "read:replies",
    "input:0",
)
APPENDED_FDS: Final = ("null", "out", "err", "result", "input:0")


async def judge_apart(
    pool: Pool, program: Program, tests: CheckTests | HarnessTests, limits: Limits
) -> CaseResult:
    """Run a Python test in a process that reaches the program across a process boundary.

    Raises:
        TestsError: The test does not compile, has nothing to run, or does what cannot cross the
            boundary.
        UnavailableError: Nothing was measured.
    """
    reading = read_test(tests)
    entry_point = tests.entry_point if isinstance(tests, CheckTests) else None
    check = {"kind": "check", "entry_point": entry_point, "pytest": reading.wants_pytest}
    serve = {"kind": "serve", "needs": list(reading.needs)}
    roles = [
        Role(PROGRAM_FDS, program_build(program), python=serve),
        Role(CHECKER_FDS, python=check),
    ]
    test = {"source": tests.source, "file": FILE} | asdict(reading)
    run = Run(roles, limits, LANGUAGES["python"], [json.dumps(test)])
    answer = await execute(pool, run)
    status, reason = apart_outcome(answer, limits)
    return CaseResult(index=0, status=status, reason=reason, wall_seconds=answer["wall_seconds"])


def apart_outcome(answer: dict[str, Any], limits: Limits) -> tuple[Status, str]:
    """How a test went, by the line that its process wrote, or by how the run ended without one.

    Raises:
        TestsError: The test is at fault.
    """
    try:
        said = json.loads(str(answer["result"]))
        outcome, reason = said["outcome"], str(said["reason"])
    except (ValueError, TypeError, KeyError):
        status, reason = status_of(answer, limits)
        if status is Status.PASSED:
            return Status.RUNTIME_ERROR, "the test did not come to its end"
        return status, reason
    if outcome == "unusable":
        raise TestsError(reason)
    if outcome == "passed":
        return Status.PASSED, ""
    if answer["out_of_memory"]:
        return Status.MEMORY_LIMIT, f"used more than {limits.memory_mb} MiB"
    return (Status.WRONG_ANSWER if "AssertionError" in reason else Status.RUNTIME_ERROR), reason


async def judge_appended(
    pool: Pool, program: Program, tests: HarnessTests, limits: Limits
) -> CaseResult:
    """Run a test as part of the program; it passes when it comes to its end.

    Raises:
        BuildFailedError: Program and test do not compile together.
        UnavailableError: Nothing was measured.
    """
    # It is nowhere in what the program is built of: a process reads it before the program starts.
    nonce = secrets.token_hex(16)
    build, argv = harness_build(program.language, program.source, tests.source)
    role = Role(APPENDED_FDS, build, argv=argv)
    run = Run([role], limits, LANGUAGES[program.language], [nonce])
    answer = await execute(pool, run)
    status, reason = status_of(answer, limits)
    if status is Status.PASSED and answer["result"].strip() != nonce:
        status, reason = Status.RUNTIME_ERROR, "the program ended before the test did"
    return CaseResult(index=0, status=status, reason=reason, wall_seconds=answer["wall_seconds"])
