"""What becomes of a record by its tests: kept, or a reason, and what was seen.

Guarantees: references are run several times, and all of them must say the same. Nothing is decided
by a run that the sandbox did not measure.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from data.curate.code_trial import Trial, Tried
from data.curate.code_weakness import Strength, strength_of
from sandbox import Program
from sandbox.errors import TestsError
from sandbox.types import Language

NOTHING_RUNS: Final = "tests that do not run"
FOREIGN: Final = "no reference runs here"
FAILING: Final = "no reference passes"
DISAGREEING: Final = "references disagree"
FLAKY: Final = "flaky"
SLOW: Final = "slow"


@dataclass(frozen=True, slots=True)
class Rules:
    """How hard tests are tried.

    Attributes:
        runs: How often each reference is run.
        references: References of a record that are run, from the first.
        mutants: Mutants of a reference that are tried; 0: none.
        most_surviving: The share of mutants that may pass.
        slow_share: The share of its time limits that the fastest reference may take.
    """

    runs: int = 3
    references: int = 3
    mutants: int = 8
    most_surviving: float = 0.5
    slow_share: float = 0.5


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found.

    Attributes:
        reason: Why a record does not go on, in short; empty: it does.
        detail: What was seen.
        facts: Of a record that was tried: references that pass, mutants that ran, those that
            failed.
    """

    reason: str = ""
    detail: str = ""
    facts: Mapping[str, int] | None = None


async def examine(
    trial: Trial, language: Language, programs: Sequence[Program], rules: Rules
) -> Finding:
    """Try the tests on references and on what ought to fail.

    Args:
        trial: The tests.
        language: What a test script is in.
        programs: The references; none: only programs that solve nothing are tried.
        rules: How hard.

    Raises:
        UnavailableError: Nothing was measured.
    """
    try:
        tried = await asyncio.gather(
            *(
                trial.tried(number, program, rules.runs)
                for number, program in enumerate(programs[: rules.references])
            )
        )
    except TestsError as error:
        return Finding(NOTHING_RUNS, str(error))
    fault = _fault(trial, tried, rules) if tried else None
    if fault is not None:
        return fault
    passing = [one for one in tried if one.passes]
    first = passing[0] if passing else None
    strength = await strength_of(
        trial,
        language,
        first.program if first else None,
        trial.seconds_of_run(first.runs[0]) if first else 0.0,
        count=rules.mutants,
        most_surviving=rules.most_surviving,
    )
    if strength.reason:
        return Finding(strength.reason, strength.detail)
    return Finding(facts=_facts(len(passing), strength))


def _fault(trial: Trial, tried: Sequence[Tried], rules: Rules) -> Finding | None:
    """What is wrong by the references; None: nothing."""
    flaky = next((one for one in tried if one.flaky), None)
    if flaky is not None:
        return Finding(FLAKY, flaky.told())
    if all(one.foreign for one in tried):
        return Finding(FOREIGN, tried[0].told())
    passing = [one for one in tried if one.passes]
    if not passing:
        late = next((one for one in tried if one.late), None)
        if late is not None:
            return Finding(SLOW, late.told())
        return Finding(FAILING, "; ".join(one.told() for one in tried))
    against = next((one for one in tried if one.contradicts), None)
    if against is not None:
        return Finding(DISAGREEING, f"{passing[0].told()}, {against.told()}")
    return _slowness(trial, passing, rules)


def _slowness(trial: Trial, passing: Sequence[Tried], rules: Rules) -> Finding | None:
    """Whether the fastest reference, at its fastest, takes much of what programs may take."""
    runs = [run for one in passing for run in one.runs]
    longest = min(trial.seconds_of_run(run) for run in runs)
    total = min(sum(case.wall_seconds for case in run.cases) for run in runs)
    for seconds, allowed, what in (
        (longest, trial.limits.wall_seconds, "a run"),
        (total, trial.limits.total_seconds, "all cases"),
    ):
        if seconds > rules.slow_share * allowed:
            return Finding(SLOW, f"{what} took {seconds:.1f} s, and {allowed:g} s are allowed")
    return None


def _facts(references: int, strength: Strength) -> dict[str, int]:
    return {"references": references, "mutants": strength.mutants, "killed": strength.killed}
