"""Runs one scheme in virtual time, and what is measured of it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from rl.simulation.engines import LAW, Fleet
from rl.simulation.load import Load
from rl.simulation.steps import WARM_UP, Log, Loop, dispatched, learned
from rl.simulation.virtual_time import run
from tests.bench.loop.synchronous import Done, Filling, OneForOne, WavesWithCarry, WholeBatches

SYNC = 3.0
"""Seconds of a weight update."""
FILLINGS: dict[str, Callable[[Callable[[], Awaitable[Done]], int], Filling]] = {
    "synchronous before": WavesWithCarry,
    "OpenRLHF, one for one": OneForOne,
    "verl, whole batches": WholeBatches,
}


@dataclass(frozen=True, slots=True)
class Case:
    """What is simulated.

    Attributes:
        scheme: a name of `FILLINGS`, or any other name with `max_lag`.
        max_lag: policy versions; None: a filling.
        acceptance: share of groups that are accepted.
        ratio: seconds of generating at full speed to seconds of learning.
        deaths: engines that die, one every 600 seconds.
    """

    scheme: str
    acceptance: float
    ratio: float
    max_lag: int | None = None
    ahead: float | None = None
    order: Literal["ready", "dispatch"] = "ready"
    steps: int = 32
    size: int = 128
    samples: int = 16
    engines: int = 16
    seed: int = 0
    spread: float = 0.75
    deaths: int = 0

    @property
    def loop(self) -> Loop:
        """How the loop is set; not for fillings."""
        return Loop(
            self.size,
            self.samples,
            self.engines,
            self.max_lag or 0,
            self.ahead,
            self.order,
            self.steps,
        )


@dataclass(frozen=True, slots=True)
class Figures:
    """What came of a case; times in virtual seconds, shares of 1."""

    case: Case
    step: float
    bound: float
    """All engines full all the time, or the learner never idle: the slower of the two."""
    lost: float
    """Tokens of accepted groups and of dead engines that were never trained, of all sampled."""
    lag_mean: float
    lag_max: int
    engines_idle: float
    learner_idle: float
    """The share of the time in which the learner waits for a batch."""
    bias: float
    """Mean length of trained groups over that of all accepted ones in their range, less 1."""


def simulate(case: Case) -> Figures:
    """Run a case."""
    return run(_simulate(case))


async def _simulate(case: Case) -> Figures:
    load = Load(case.samples, case.acceptance, case.seed, case.spread)
    fleet = Fleet(case.engines, case.samples)
    tokens = case.size * case.samples * load.mean_tokens() / case.acceptance
    generate = tokens / (case.engines * LAW.full)
    learn = generate / case.ratio
    log = Log()
    loop = asyncio.get_running_loop()
    for k in range(case.deaths):
        loop.call_at(600.0 * (k + 1), fleet.engines[k % case.engines].die)
    if case.max_lag is None:
        lost = await _synchronous(case, load, fleet, learn, log)
    else:
        lost = await dispatched(case.loop, load, fleet, learn, log, SYNC)
    steps, span = case.steps - WARM_UP, log.ends[-1] - log.ends[WARM_UP - 1]
    sampled = log.tokens[-1] - log.tokens[WARM_UP - 1]
    return Figures(
        case=case,
        step=span / steps,
        bound=max(generate, learn),
        lost=(lost + fleet.lost) / log.tokens[-1],
        lag_mean=sum(log.lag_mean[WARM_UP:]) / steps,
        lag_max=max(log.lag_max),
        engines_idle=1 - sampled / (span * case.engines * LAW.full),
        learner_idle=sum(log.waited[WARM_UP:]) / span,
        bias=_bias(load, log.trained),
    )


async def _synchronous(case: Case, load: Load, fleet: Fleet, learn: float, log: Log) -> float:
    async def sample() -> Done:
        index = int(load.next().id)
        work, version = load.given[index], fleet.version
        return Done(index, work.accepted, await fleet.sample(work.lengths), version)

    filling = FILLINGS[case.scheme](sample, case.size)
    for version in range(case.steps):
        began = asyncio.get_running_loop().time()
        batch = await filling.batch(version)
        log.batch(version, [(one.index, one.tokens) for one in batch])
        await learned(fleet, learn, log, began, SYNC)
    return filling.lost


def _bias(load: Load, trained: Sequence[int]) -> float:
    everything = [w.tokens for w in load.given[: max(trained) + 1] if w.accepted]
    mean = sum(load.given[index].tokens for index in trained) / len(trained)
    return mean / (sum(everything) / len(everything)) - 1
