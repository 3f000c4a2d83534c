"""Runs one scheme in virtual time, and what is measured of it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from data.schema import Prompt
from rl.config.sampling import SamplerConfig
from rl.dispatch.build import make_dispatcher
from rl.dispatch.correctness import Correctness
from rl.groups import Group
from tests.bench.loop.engines import LAW, Fleet, Law
from tests.bench.loop.synchronous import Done, Filling, OneForOne, WavesWithCarry, WholeBatches
from tests.bench.loop.work import Load
from tests.virtual_time import run

SYNC = 3.0
"""Seconds of a weight update."""
WARM_UP = 8
"""First steps, which do not count."""
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
    order: str = "ready"
    steps: int = 32
    size: int = 128
    samples: int = 16
    engines: int = 16
    seed: int = 0
    spread: float = 0.75
    deaths: int = 0


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


@dataclass(slots=True)
class Log:
    """One entry a step."""

    ends: list[float] = field(default_factory=list)
    tokens: list[float] = field(default_factory=list)
    waited: list[float] = field(default_factory=list)
    lag_mean: list[float] = field(default_factory=list)
    lag_max: list[int] = field(default_factory=list)
    trained: list[int] = field(default_factory=list)

    def batch(self, version: int, groups: Sequence[tuple[int, dict[int, float]]]) -> None:
        """A batch of (index, tokens by version) is trained by `version`."""
        lags = [(version - v, n) for _, tokens in groups for v, n in tokens.items() if n >= 1]
        self.lag_mean.append(sum(lag * n for lag, n in lags) / sum(n for _, n in lags))
        self.lag_max.append(max(lag for lag, _ in lags))
        self.trained += [index for index, _ in groups]


def simulate(case: Case) -> Figures:
    """Run a case."""
    return run(_simulate(case))


def step_seconds(case: Case, load: Load, law: Law, learn: float, sync: float) -> float:
    """Mean seconds of a step, warm-up apart, of a load, engines and a learner that were measured.

    Args:
        case: how the loop is set; its acceptance, ratio, deaths and seed are not looked at.
        load: what each prompt's group turns out to be.
        law: of each of the `case.engines` engines.
        learn: seconds of learning a step.
        sync: seconds of a weight update, in which engines stand still.
    """

    async def measured() -> float:
        log = Log()
        await _dispatched(case, load, Fleet(case.engines, case.samples, law), learn, log, sync)
        return (log.ends[-1] - log.ends[WARM_UP - 1]) / (case.steps - WARM_UP)

    return run(measured())


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
        lost = await _dispatched(case, load, fleet, learn, log)
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
        await _learn(fleet, learn, log, began)
    return filling.lost


async def _dispatched(
    case: Case, load: Load, fleet: Fleet, learn: float, log: Log, sync: float = SYNC
) -> float:
    tokens: dict[int, dict[int, float]] = {}
    lost = 0.0

    async def sample(index: int, prompt: Prompt, version: int) -> Group:
        work = load.given[int(prompt.id)]
        made = tokens[index] = await fleet.sample(work.lengths)
        start = min(v for v, n in made.items() if n >= 1)
        return Group(index, prompt, start, (), work.verdicts)

    def ended(group: Group, ending: str) -> None:
        nonlocal lost
        if ending != "accepted":
            gone = tokens.pop(group.index)
            lost += sum(gone.values()) if ending == "returned" else 0.0

    dispatcher = make_dispatcher(
        SamplerConfig(
            prompts_per_step=case.size,
            samples_per_prompt=case.samples,
            max_lag=case.max_lag or 0,
            ahead=case.ahead,
            order="dispatch" if case.order == "dispatch" else "ready",
        ),
        load,
        sample,
        Correctness(),
        version=lambda: fleet.version,
        free=fleet.free_groups,
        ended=ended,
    )
    fleet.on_free = dispatcher.pump
    for version in range(case.steps):
        began = asyncio.get_running_loop().time()
        batch = await dispatcher.batch()
        log.batch(version, [(group.index, tokens.pop(group.index)) for group in batch.groups])
        await _learn(fleet, learn, log, began, sync)
        dispatcher.pump()
    await dispatcher.aclose()
    if len(set(log.trained)) != len(log.trained):
        raise AssertionError("a group was trained twice")
    return lost


async def _learn(fleet: Fleet, learn: float, log: Log, began: float, sync: float = SYNC) -> None:
    loop = asyncio.get_running_loop()
    log.waited.append(loop.time() - began)
    await asyncio.sleep(learn)
    await fleet.publish(sync)
    log.tokens.append(fleet.tokens)
    log.ends.append(loop.time())


def _bias(load: Load, trained: Sequence[int]) -> float:
    everything = [w.tokens for w in load.given[: max(trained) + 1] if w.accepted]
    mean = sum(load.given[index].tokens for index in trained) / len(trained)
    return mean / (sum(everything) / len(everything)) - 1
