"""What several runs of a reference say, told by a sandbox whose answers are written beforehand."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from data.curate.code_examination import DISAGREEING, FAILING, FLAKY, SLOW, Rules, examine
from data.curate.code_trial import Trial
from sandbox import CaseResult, Judgement, Limits, Program, Status, Trust, UnavailableError
from sandbox.judge import parse_tests
from sandbox.sandbox import Sandbox

TESTS = parse_tests(
    {"kind": "stdio", "cases": [{"stdin": "1", "stdout": "2"}, {"stdin": "2", "stdout": "5"}]}
)
PASSED, WRONG, LATE = Status.PASSED, Status.WRONG_ANSWER, Status.TIME_LIMIT


class Scripted(Sandbox):
    """Answers each reference from its list, and fails every other program."""

    def __init__(self, answers: dict[str, list[Any]]) -> None:
        self.answers = {source: list(given) for source, given in answers.items()}

    async def judge(self, program: Program, tests: Any, **_: Any) -> Judgement:
        given = self.answers.get(program.source)
        said = given.pop(0) if given else WRONG
        if isinstance(said, Exception):
            raise said
        status, seconds = said if isinstance(said, tuple) else (said, 0.01)
        cases = [CaseResult(index=n, status=status, wall_seconds=seconds) for n in range(2)]
        return Judgement(
            passed=status is PASSED,
            status=status,
            passed_count=0,
            total=2,
            trust=Trust.OUTSIDE,
            cases=cases,
        )


def reason(**answers: Sequence[Any]) -> str:
    """What is said of references with these answers."""
    box = Scripted({source: list(given) for source, given in answers.items()})
    trial = Trial(box, TESTS, Limits(wall_seconds=10, total_seconds=100))
    programs = [Program(source=source) for source in answers]
    found = asyncio.run(examine(trial, "python", programs, Rules(runs=3, mutants=0)))
    assert bool(found.reason) == bool(found.detail)
    return found.reason


@pytest.mark.parametrize(
    ("said", "answers"),
    [
        ("", {"a": [PASSED] * 3}),
        ("", {"a": [PASSED] * 3, "b": [LATE] * 3}),
        ("", {"a": [(PASSED, 9.0), (PASSED, 9.0), (PASSED, 1.0)]}),
        ("", {"a": [(PASSED, 9.0)] * 3, "b": [(PASSED, 1.0)] * 3}),
        (FLAKY, {"a": [PASSED, WRONG, PASSED]}),
        (FLAKY, {"a": [PASSED] * 3, "b": [PASSED, PASSED, Status.RUNTIME_ERROR]}),
        (FLAKY, {"a": [LATE, WRONG, PASSED]}),
        (SLOW, {"a": [PASSED, LATE, PASSED]}),
        (SLOW, {"a": [LATE] * 3, "b": [WRONG] * 3}),
        (SLOW, {"a": [(PASSED, 5.1)] * 3}),
        (FAILING, {"a": [WRONG] * 3, "b": [Status.MEMORY_LIMIT] * 3}),
        (DISAGREEING, {"a": [PASSED] * 3, "b": [WRONG] * 3}),
        (DISAGREEING, {"a": [WRONG] * 3, "b": [PASSED] * 3}),
    ],
)
def test_runs_that_differ_are_told_from_runs_that_fail(
    said: str, answers: dict[str, list[Any]]
) -> None:
    assert reason(**answers) == said


def test_what_was_not_measured_decides_nothing() -> None:
    for answers in ([UnavailableError("away")] * 3, [PASSED, UnavailableError("away"), WRONG]):
        with pytest.raises(UnavailableError, match="away"):
            reason(a=answers)
