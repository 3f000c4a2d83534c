"""Tests that a language model wrote: their format, and which of them are kept.

As in section 5.1 of the TeleChat2.5/T1 report a problem has up to ten, over normal, boundary,
exceptional and complex inputs. Guarantee: a test is kept only when every trusted solution of the
problem was run on it and agrees; every other is dropped with the reason. What the sandbox could not
measure is raised, never a reason to drop a test.
"""

import json
import re
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field, JsonValue, ValidationError

from sandbox.compare import shown
from sandbox.errors import TestsError
from sandbox.transport import DEFAULT_LIMITS, Transport
from sandbox.types import (
    Call,
    CallTests,
    CaseResult,
    Limits,
    Model,
    Program,
    Status,
    StdioTests,
    TestCase,
    Text,
)

MOST_TESTS = 10
Category = Literal["normal", "boundary", "exceptional", "complex"]


class GeneratedInput(Model):
    """A test of a program that reads standard input."""

    category: Category
    stdin: Text
    stdout: Text | None = None
    """What the model expects; none: what the trusted solutions agree on."""


class GeneratedCall(Model):
    """A test of a function."""

    category: Category
    args: list[JsonValue] = Field(default_factory=list)
    kwargs: dict[str, JsonValue] = Field(default_factory=dict)
    returns: JsonValue
    """What the model expects."""


GeneratedTest = GeneratedInput | GeneratedCall
UpToTen = Annotated[list[GeneratedTest], Field(min_length=1, max_length=MOST_TESTS)]


class Proposal(Model):
    """A problem with generated tests, and with what is trusted to decide."""

    id: str
    tests: UpToTen
    solutions: list[Program] = Field(min_length=1)
    """Solutions that are known to be right, or that agree with each other."""
    entry_point: str | None = None
    """The function that is called; none: the programs read standard input."""


class Problem(Proposal):
    """A row of `plumb sandbox tests`."""

    solutions: list[Program] = Field(min_length=2)
    """Independent solutions that are known to be right, such as those that humans had accepted."""


class Dropped(Model):
    """A test that is not kept."""

    index: int
    """Its place among the problem's tests."""
    category: Category
    reason: str


class Validated(Model):
    """What is left of a problem's tests."""

    id: str
    tests: StdioTests | CallTests | None
    """What was kept, ready to judge by; none: nothing was."""
    kept: dict[Category, int]
    """Kept tests by category."""
    dropped: list[Dropped]


def read_reply(reply: str) -> tuple[list[GeneratedTest], list[str]]:
    """The tests of a reply that are of the format, and what is wrong with each other one.

    A reply is a JSON array, alone or in the last fenced block.

    Raises:
        TestsError: There is no array of 1 to 10.
    """
    blocks = re.findall(r"```[^\n]*\n(.*?)```", reply, re.DOTALL)
    text = blocks[-1] if blocks else reply
    try:
        rows = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise TestsError(f"the reply holds no JSON array of tests: {error}") from error
    if not isinstance(rows, list) or not 1 <= len(rows) <= MOST_TESTS:
        raise TestsError(f"the reply must hold an array of 1 to {MOST_TESTS} tests")
    tests: list[GeneratedTest] = []
    faults: list[str] = []
    for number, row in enumerate(rows):
        kind = GeneratedInput if isinstance(row, dict) and "stdin" in row else GeneratedCall
        try:
            tests.append(kind.model_validate(row))
        except ValidationError as error:
            fault = error.errors()[0]
            place = ".".join(map(str, fault["loc"])) or "it"
            faults.append(f"test {number}: {place}: {fault['msg']}")
    return tests, faults


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is no JSON")


async def validate(
    box: Transport, problem: Proposal, *, limits: Limits = DEFAULT_LIMITS
) -> Validated:
    """Keep the tests on which all trusted solutions agree.

    Raises:
        TestsError: Tests of calls without an entry point, or the reverse.
        UnavailableError: The sandbox failed; nothing was decided.
    """
    expected = GeneratedInput if problem.entry_point is None else GeneratedCall
    if not all(isinstance(test, expected) for test in problem.tests):
        wanted = "stdin" if problem.entry_point is None else "args and returns"
        raise TestsError(f"problem {problem.id}: each of its tests must have {wanted}")
    reasons: dict[int, str] = {}
    inputs = {i: t for i, t in enumerate(problem.tests) if isinstance(t, GeneratedInput)}
    outputs = await _outputs(box, problem.solutions[0], inputs, limits, reasons)
    remaining = [i for i in range(len(problem.tests)) if i not in reasons]
    tests = _tests(problem, remaining, outputs)
    for number, solution in enumerate(problem.solutions):
        if not remaining or tests is None:
            break
        judgement = await box.judge(solution, tests, limits=limits, stop_at_first_failure=False)
        for index, case in zip(remaining, _cases(judgement.cases, len(remaining)), strict=True):
            if case.status is not Status.PASSED and index not in reasons:
                reasons[index] = f"solution {number}: {case.status}: {shown(case.reason, 200)}"
    kept = [index for index in remaining if index not in reasons]
    counts: dict[Category, int] = {}
    for index in kept:
        category = problem.tests[index].category
        counts[category] = counts.get(category, 0) + 1
    return Validated(
        id=problem.id,
        tests=_tests(problem, kept, outputs),
        kept=counts,
        dropped=[
            Dropped(index=index, category=problem.tests[index].category, reason=reason)
            for index, reason in sorted(reasons.items())
        ],
    )


async def _outputs(
    box: Transport,
    solution: Program,
    inputs: dict[int, GeneratedInput],
    limits: Limits,
    reasons: dict[int, str],
) -> dict[int, str]:
    """The expected output of each input, by the model, else by the first solution."""
    outputs = {}
    for index, test in inputs.items():
        if test.stdout is not None:
            outputs[index] = test.stdout
            continue
        result = await box.run(solution, stdin=test.stdin, limits=limits)
        if result.status is Status.PASSED:
            outputs[index] = result.stdout
        else:
            reasons[index] = f"solution 0: {result.status}: {shown(result.reason, 200)}"
    return outputs


def _tests(
    problem: Proposal, indexes: Sequence[int], outputs: dict[int, str]
) -> StdioTests | CallTests | None:
    chosen = [(index, problem.tests[index]) for index in indexes]
    calls = [
        Call(args=test.args, kwargs=test.kwargs, returns=test.returns)
        for _, test in chosen
        if isinstance(test, GeneratedCall)
    ]
    cases = [
        TestCase(stdin=test.stdin, stdout=outputs[index])
        for index, test in chosen
        if isinstance(test, GeneratedInput)
    ]
    if calls and problem.entry_point is not None:
        return CallTests(entry_point=problem.entry_point, cases=calls)
    return StdioTests(cases=cases) if cases else None


def _cases(cases: Sequence[CaseResult], count: int) -> list[CaseResult]:
    """A result for each test: a program that does not compile fails all of them alike."""
    return [
        case if case.status is not Status.NOT_RUN else cases[0].model_copy(update={"index": index})
        for index, case in enumerate(cases[:count])
    ]
