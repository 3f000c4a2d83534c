"""Tests by calls: arguments go in, returned values come out and are compared here.

All calls of a program share a process, one after the other. A process that ends early is blamed on
the call that it was at; the calls after it get a new one.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sandbox.agent.plain import encode
from sandbox.drivers import calls_build
from sandbox.errors import RequestError
from sandbox.execution import Role, Run, execute
from sandbox.languages import LANGUAGES
from sandbox.outcome import status_of
from sandbox.pool import Pool
from sandbox.programs import program_build
from sandbox.reader import UnreadableError
from sandbox.reading import UNREADABLE, Returned
from sandbox.stdio import overdue
from sandbox.types import CaseResult, Limits, Program, Status

FDS: Final = ("null", "out", "err", "result", "input:0")
MOST_PROCESSES: Final = 16  # that one program may lose before the rest of its calls fail too


@dataclass(frozen=True, slots=True)
class Claim:
    """One call, and whether a value that it returned is right."""

    args: Sequence[Any]
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    holds: Callable[[Any], bool] = bool


@dataclass(frozen=True, slots=True)
class CallPlan:
    """The calls of one entry point, in order."""

    entry_point: str
    claims: Sequence[Claim]


async def judge_calls(
    pool: Pool, program: Program, plan: CallPlan, limits: Limits, *, stop: bool
) -> list[CaseResult]:
    """A result for each call, up to the first failure if `stop`.

    Raises:
        BuildFailedError: The program does not compile.
        RequestError: The arguments cannot be handed to this language.
        UnavailableError: Nothing was measured.
    """
    results: list[CaseResult] = []
    lost = 0
    spent = 0.0
    while len(results) < len(plan.claims):
        if spent > limits.total_seconds:
            late = range(len(results), len(plan.claims))
            return [*results, *(overdue(index, limits.total_seconds) for index in late)]
        rest = plan.claims[len(results) :]
        answer = await execute(pool, _run(program, plan.entry_point, rest, limits))
        spent += answer["wall_seconds"]
        share = answer["wall_seconds"] / len(rest)
        verdicts = await _read(pool, program.language, rest, answer["result"], stop=stop)
        for status, reason, whole in verdicts:
            if whole:
                return [*results, *_same(len(results), len(rest), status, reason, stop)]
            results.append(_result(len(results), status, reason, share))
            if stop and status is not Status.PASSED:
                return results
        if len(verdicts) < len(rest):
            lost += 1
            status, reason = status_of(answer, limits)
            if status is Status.PASSED:
                status, reason = Status.RUNTIME_ERROR, "the program ended before the call returned"
            if lost == MOST_PROCESSES:
                left = len(plan.claims) - len(results)
                return [*results, *_same(len(results), left, status, reason, stop)]
            results.append(_result(len(results), status, reason, share))
            if stop:
                return results
    return results


def _run(program: Program, entry_point: str, claims: Sequence[Claim], limits: Limits) -> Run:
    spec = LANGUAGES[program.language]
    if program.language == "python":
        calls = [{"args": encode(list(c.args)), "kwargs": encode(dict(c.kwargs))} for c in claims]
        mode = {"kind": "calls", "entry_point": entry_point}
        role = Role(FDS, program_build(program), python=mode)
        return Run([role], limits, spec, [json.dumps(calls)])
    if any(claim.kwargs for claim in claims):
        raise RequestError(f"{program.language} has no keyword arguments; give args alone")
    build, argv = calls_build(program.language, program.source, entry_point)
    text = json.dumps([{"args": list(claim.args)} for claim in claims])
    return Run([Role(FDS, build, argv=argv)], limits, spec, [text])


async def _read(
    pool: Pool, language: str, claims: Sequence[Claim], text: str, *, stop: bool
) -> Sequence[tuple[Status, str, bool]]:
    """How each call went by the line about it; and whether the line is about all calls."""
    try:
        job = Returned(language, [claim.holds for claim in claims], text, stop)
        read = await pool.reader.read(job)
    except UnreadableError as error:
        return [(Status.WRONG_ANSWER, f"{UNREADABLE}: {error}", True)]
    return [(Status(status), reason, whole) for status, reason, whole in read]


def _result(index: int, status: Status, reason: str, seconds: float) -> CaseResult:
    return CaseResult(index=index, status=status, reason=reason, wall_seconds=seconds)


def _same(first: int, count: int, status: Status, reason: str, stop: bool) -> list[CaseResult]:
    last = first + (1 if stop else count)
    return [_result(index, status, reason, 0.0) for index in range(first, last)]
