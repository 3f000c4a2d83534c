"""Whether tests are too weak to learn from: what ought to fail, and passes.

Guarantees: programs that solve nothing must fail, each of them. Of the mutants of a reference some
may pass, for a change may leave a program right (by the literature one in ten to one in four does;
Madeyski et al., IEEE TSE 40(1), 2014): tests are weak where at least two pass, and more than half
of those that run at all. A mutant may take little longer than the reference; one that takes more
fails.
"""

import asyncio
from dataclasses import dataclass
from typing import Final

from data.curate.code_mutants import mutants
from data.curate.code_stubs import stubs
from data.curate.code_trial import Trial
from sandbox import Program, Status
from sandbox.errors import RequestError, TestsError
from sandbox.types import Language, Limits

MUTANTS: Final = "mutants of the reference pass"
_LEAST_SURVIVING: Final = 2
_SHOWN: Final = 3  # mutants that a detail names
_LONGER: Final = 4.0  # times what the reference took that a mutant may take
_MORE: Final = 1.0  # seconds beside them


@dataclass(frozen=True, slots=True)
class Strength:
    """What tests stand.

    Attributes:
        reason: Why they are too weak, in short; empty: they are not.
        detail: What passes.
        mutants: Mutants that could be run.
        killed: Those of them that failed.
    """

    reason: str = ""
    detail: str = ""
    mutants: int = 0
    killed: int = 0


async def strength_of(
    trial: Trial,
    language: Language,
    reference: Program | None,
    seconds: float,
    *,
    count: int,
    most_surviving: float,
) -> Strength:
    """Try what ought to fail.

    Args:
        trial: The tests.
        language: What a test script is in.
        reference: A solution that passes; None: there is none, and so no mutant.
        seconds: What its longest run took.
        count: Mutants that are tried.
        most_surviving: The share of mutants that may pass.

    Raises:
        UnavailableError: Nothing was measured.
    """
    for stub in stubs(trial.tests, language, reference):
        if await _passes(trial, stub.program, trial.limits):
            return Strength(stub.reason, stub.words)
    if reference is None or not count:
        return Strength()
    wall = min(trial.limits.wall_seconds, _LONGER * seconds + _MORE)
    limits = trial.limits.model_copy(update={"wall_seconds": wall})
    made = mutants(reference, trial.tests, count)
    changed = [reference.model_copy(update={"source": mutant.source}) for mutant in made]
    passed = await asyncio.gather(*(_passes(trial, program, limits) for program in changed))
    ran = sum(one is not None for one in passed)
    alive = [mutant.change for mutant, one in zip(made, passed, strict=True) if one]
    if len(alive) >= _LEAST_SURVIVING and len(alive) > most_surviving * ran:
        named = "; ".join(alive[:_SHOWN])
        return Strength(MUTANTS, f"{len(alive)} of {ran}: {named}", ran, ran - len(alive))
    return Strength(mutants=ran, killed=ran - len(alive))


async def _passes(trial: Trial, program: Program, limits: Limits) -> bool | None:
    """Whether a program passes; None: it is none that could be run."""
    try:
        judgement = await trial.judge(program, limits)
    except (TestsError, RequestError):
        return None
    return None if judgement.status is Status.COMPILE_ERROR else judgement.passed
