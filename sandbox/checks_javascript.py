"""JavaScript tests: in a process of their own, which reaches the program across a boundary."""

import json
import secrets
from dataclasses import replace
from typing import Any, Final

from sandbox.checks import CHECKER_FDS, PROGRAM_FDS, apart_outcome
from sandbox.drivers import javascript
from sandbox.drivers.files import command
from sandbox.execution import Role, Run, execute
from sandbox.harness.javascript import read_javascript
from sandbox.languages import LANGUAGES
from sandbox.pool import Pool
from sandbox.types import CaseResult, HarnessTests, Limits, Program

_SPEC: Final = LANGUAGES["javascript"]
TWO_RUNTIMES: Final = replace(
    _SPEC, extra_mb=2 * _SPEC.extra_mb, extra_processes=2 * _SPEC.extra_processes
)


async def judge_javascript(
    pool: Pool, program: Program, tests: HarnessTests, limits: Limits
) -> CaseResult:
    """Run a JavaScript test in a node of its own.

    Raises:
        TestsError: The test does not compile, claims nothing, or needs what is not there.
        UnavailableError: Nothing was measured.
    """
    read_javascript(tests.source)
    # Only the process that read it can write an outcome, whatever objects the test hands over.
    nonce = secrets.token_hex(16)
    argv = command("javascript")
    roles = [
        Role(PROGRAM_FDS, javascript.served(program.source), argv=argv),
        Role(CHECKER_FDS, javascript.checker(), argv=argv),
    ]
    test = json.dumps({"nonce": nonce, "source": javascript.test_script(tests.source)})
    answer = await execute(pool, Run(roles, limits, TWO_RUNTIMES, [test]))
    status, reason = apart_outcome(answer | {"result": _signed(answer["result"], nonce)}, limits)
    return CaseResult(index=0, status=status, reason=reason, wall_seconds=answer["wall_seconds"])


def _signed(text: str, nonce: str) -> str:
    """The first line of `text` that holds the nonce; nothing where there is none."""
    for line in text.splitlines():
        try:
            said: Any = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(said, dict) and said.get("nonce") == nonce:
            return line
    return ""
