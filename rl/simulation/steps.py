"""Steps of the loop in virtual time: the real dispatcher, over engines and a learner that wait."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from data.schema import Prompt
from rl.config.sampling import SamplerConfig
from rl.dispatch.build import make_dispatcher
from rl.dispatch.correctness import Correctness
from rl.groups import Group
from rl.simulation.engines import Fleet, Law
from rl.simulation.load import Load
from rl.simulation.virtual_time import run

WARM_UP = 8
"""First steps, which do not count."""


@dataclass(frozen=True, slots=True)
class Loop:
    """How the loop is set.

    Attributes:
        size: groups a batch.
        samples: answers a group.
        engines: that sample at the same time.
        max_lag: policy versions, as `sampler.max_lag`.
        ahead: as `sampler.ahead`.
        order: as `sampler.order`.
        steps: simulated, more than `WARM_UP`.
    """

    size: int
    samples: int
    engines: int
    max_lag: int = 0
    ahead: float | None = None
    order: Literal["ready", "dispatch"] = "ready"
    steps: int = 32


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


@dataclass(frozen=True, slots=True)
class Simulated:
    """Means a step, warm-up apart.

    Attributes:
        seconds: of a step.
        tokens: sampled.
        waited: seconds in which the learner waits for a batch.
        lag: of trained tokens, versions.
    """

    seconds: float
    tokens: float
    waited: float
    lag: float


def step(loop: Loop, load: Load, law: Law, learn: float, sync: float) -> Simulated:
    """What a step of a load, of engines and of a learner is like.

    Args:
        loop: how the loop is set.
        load: what each prompt's group turns out to be.
        law: of each of the engines.
        learn: seconds of learning a step.
        sync: seconds of a weight update, in which engines stand still.
    """

    async def measured() -> Simulated:
        log = Log()
        await dispatched(loop, load, Fleet(loop.engines, loop.samples, law), learn, log, sync)
        steps = loop.steps - WARM_UP
        return Simulated(
            seconds=(log.ends[-1] - log.ends[WARM_UP - 1]) / steps,
            tokens=(log.tokens[-1] - log.tokens[WARM_UP - 1]) / steps,
            waited=sum(log.waited[WARM_UP:]) / steps,
            lag=sum(log.lag_mean[WARM_UP:]) / steps,
        )

    return run(measured())


async def dispatched(
    loop: Loop, load: Load, fleet: Fleet, learn: float, log: Log, sync: float
) -> float:
    """Run the loop; returns the tokens of accepted groups that were sampled again."""
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
            prompts_per_step=loop.size,
            samples_per_prompt=loop.samples,
            max_lag=loop.max_lag,
            ahead=loop.ahead,
            order=loop.order,
        ),
        load,
        sample,
        Correctness(),
        version=lambda: fleet.version,
        free=fleet.free_groups,
        ended=ended,
    )
    fleet.on_free = dispatcher.pump
    for version in range(loop.steps):
        began = asyncio.get_running_loop().time()
        batch = await dispatcher.batch()
        log.batch(version, [(group.index, tokens.pop(group.index)) for group in batch.groups])
        await learned(fleet, learn, log, began, sync)
        dispatcher.pump()
    await dispatcher.aclose()
    if len(set(log.trained)) != len(log.trained):
        raise AssertionError("a group was trained twice")
    return lost


async def learned(fleet: Fleet, learn: float, log: Log, began: float, sync: float) -> None:
    """Learn and update the weights; the batch was waited for since `began`."""
    clock = asyncio.get_running_loop()
    log.waited.append(clock.time() - began)
    await asyncio.sleep(learn)
    await fleet.publish(sync)
    log.tokens.append(fleet.tokens)
    log.ends.append(clock.time())
