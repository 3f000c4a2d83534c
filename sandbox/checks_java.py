"""Java tests: in a virtual machine of their own, beside the program's.

Guarantee: the program's machine never holds the test, what it expects or the proof of its end; the
test's holds no class of the program.
"""

import secrets
from dataclasses import replace
from typing import Final

from sandbox.checks import judge_appended
from sandbox.drivers.java import TEST_HEAP_MB, Apart, apart
from sandbox.errors import TestsError
from sandbox.execution import Role, Run, execute
from sandbox.languages import LANGUAGES
from sandbox.outcome import status_of
from sandbox.pool import Pool
from sandbox.types import CaseResult, HarnessTests, Limits, Program, Status

PROGRAM_FDS: Final = ("null", "null", "null", "read:requests", "write:replies")
TEST_FDS: Final = ("null", "out", "err", "result", "write:requests", "read:replies", "input:0")
ENDED: Final = "the program ended before the test did"
_JAVA: Final = LANGUAGES["java"]
_TWO: Final = replace(
    _JAVA,
    extra_mb=2 * _JAVA.extra_mb + TEST_HEAP_MB,
    extra_processes=2 * _JAVA.extra_processes,
)


async def judge_java(
    pool: Pool, program: Program, tests: HarnessTests, limits: Limits
) -> CaseResult:
    """Run a test that drives the program from another machine, where its source allows that.

    Raises:
        BuildFailedError: The program does not compile, or has not what the test uses.
        TestsError: The test has nothing to run, or its assumptions hold for no program.
        UnavailableError: Nothing was measured.
    """
    parts = apart(program.source, tests.source)
    if parts is None:
        return await judge_appended(pool, program, tests, limits)
    return await _judge_apart(pool, parts, limits)


async def _judge_apart(pool: Pool, parts: Apart, limits: Limits) -> CaseResult:
    nonce = secrets.token_hex(16)
    roles = [
        Role(PROGRAM_FDS, parts.program, argv=parts.program_argv),
        Role(TEST_FDS, parts.test, argv=parts.test_argv),
    ]
    answer = await execute(pool, Run(roles, limits, _TWO, [nonce]))
    proof, _, unusable = str(answer["result"]).strip().partition(" ")
    if proof == nonce and unusable:
        raise TestsError(unusable)
    if proof == nonce:
        status, reason = Status.PASSED, ""
    else:
        status, reason = status_of(answer, limits, role=1)
        if status is Status.PASSED:
            status, reason = Status.RUNTIME_ERROR, "the test did not come to its end"
        elif reason.endswith(f": {ENDED}"):
            reason = ENDED
        elif "AssertionError" in reason or "AssertionFailedError" in reason:
            status = Status.WRONG_ANSWER
    return CaseResult(index=0, status=status, reason=reason, wall_seconds=answer["wall_seconds"])
