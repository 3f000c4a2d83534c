"""Which of several generated programs and tests to believe: those that agree with each other.

After CodeT (Chen et al., arXiv 2207.10397, section 3): programs that pass the same tests are a
group, whose score is their number times that of the tests; the group with the highest score is
believed. Guarantee: a group counts only where enough different programs are in it.
"""

import asyncio
import math
from collections import Counter
from collections.abc import Sequence

from sandbox import Program, Status
from sandbox.errors import RequestError, TestsError
from sandbox.generated import GeneratedCall, GeneratedInput, GeneratedTest
from sandbox.transport import Transport
from sandbox.types import Call, CallTests, StdioTests, TestCase


async def agreeing(
    box: Transport,
    programs: Sequence[Program],
    tests: Sequence[GeneratedTest],
    entry_point: str | None,
    *,
    share: float,
) -> list[Program]:
    """The programs of the best group; none: too few agree on anything.

    Args:
        box: Runs them.
        programs: The candidates; equal ones count once.
        tests: What they are compared on.
        entry_point: The function that tests call; None: programs read standard input.
        share: Of the different programs, how many must be in the group; two at least.

    Raises:
        UnavailableError: Nothing was measured.
    """
    different = list({(one.language, one.source): one for one in programs}.values())
    if len(different) < 2:
        return []
    passed = await asyncio.gather(
        *(_passed(box, program, tests, entry_point) for program in different)
    )
    votes = Counter(one for one in passed if one)
    if not votes:
        return []
    # Of equal scores the group with more programs, then the first.
    best = max(votes, key=lambda one: (votes[one] * len(one), votes[one]))
    if votes[best] < max(2, math.ceil(share * len(different))):
        return []
    return [program for program, one in zip(different, passed, strict=True) if one == best]


async def _passed(
    box: Transport,
    program: Program,
    tests: Sequence[GeneratedTest],
    entry_point: str | None,
) -> frozenset[tuple[int, str]]:
    """What a program agrees to: tests by number, with the output where a test leaves it open."""
    stated = [(n, one) for n, one in enumerate(tests) if _is_stated(one)]
    found = await _passed_stated(box, program, stated, entry_point)
    for number, one in enumerate(tests):
        if isinstance(one, GeneratedInput) and one.stdout is None:
            result = await box.run(program, stdin=one.stdin)
            if result.status is Status.PASSED:
                found.add((number, " ".join(result.stdout.split())))
    return frozenset(found)


async def _passed_stated(
    box: Transport,
    program: Program,
    stated: Sequence[tuple[int, GeneratedTest]],
    entry_point: str | None,
) -> set[tuple[int, str]]:
    tests: StdioTests | CallTests
    if not stated:
        return set()
    if entry_point is None:
        cases = [
            TestCase(stdin=one.stdin, stdout=one.stdout or "")
            for _, one in stated
            if isinstance(one, GeneratedInput)
        ]
        tests = StdioTests(cases=cases)
    else:
        calls = [
            Call(args=one.args, kwargs=one.kwargs, returns=one.returns)
            for _, one in stated
            if isinstance(one, GeneratedCall)
        ]
        tests = CallTests(entry_point=entry_point, cases=calls)
    try:
        judgement = await box.judge(program, tests, stop_at_first_failure=False)
    except (TestsError, RequestError):
        return set()
    return {
        (number, "")
        for (number, _), case in zip(stated, judgement.cases, strict=True)
        if case.status is Status.PASSED
    }


def _is_stated(test: GeneratedTest) -> bool:
    return isinstance(test, GeneratedCall) or test.stdout is not None
