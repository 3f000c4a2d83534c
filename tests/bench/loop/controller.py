"""What dispatch itself costs: seconds a sample of a very large step, and memory over many steps."""

import asyncio
import gc
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import psutil

from data.schema import Prompt
from rewards import Verdict
from rl.config.sampling import SamplerConfig
from rl.dispatch.build import make_dispatcher
from rl.dispatch.correctness import Correctness
from rl.groups import Group
from rl.simulation.load import RIGHT, WRONG, Load
from rl.simulation.virtual_time import run
from rl.tokens import Episode, Segment, Span, Trajectory

SAMPLES = 16
MIXED, EQUAL = (RIGHT, WRONG) * (SAMPLES // 2), (WRONG,) * SAMPLES


@dataclass(frozen=True, slots=True)
class Cost:
    """Of dispatch alone: ledger, pacing, admission, tasks; sampling and grading take no time."""

    samples_a_step: int
    max_lag: int
    microseconds: float
    """CPU time a sample that was dispatched."""


class Names:
    """A prompt source that costs nothing."""

    fingerprint, total = "names", None

    def __init__(self) -> None:
        self.given = 0
        self._prompt = Prompt("p", ({"role": "user", "content": "?"},))

    def next(self) -> Prompt:
        self.given += 1
        return self._prompt

    def state_dict(self) -> dict[str, object]:
        return {"given": self.given}

    def load_state_dict(self, state: object) -> None:
        raise AssertionError("nothing is resumed here")


async def cost(groups: int, max_lag: int, steps: int) -> Cost:
    """Two groups of five are accepted; the first step does not count."""
    names, version = Names(), 0

    async def sample(index: int, prompt: Prompt, at: int) -> Group:
        await asyncio.sleep(0)
        verdicts: tuple[Verdict, ...] = MIXED if index % 5 < 2 else EQUAL
        return Group(index, prompt, at, (), verdicts)

    dispatcher = make_dispatcher(
        SamplerConfig(prompts_per_step=groups, samples_per_prompt=SAMPLES, max_lag=max_lag),
        names,
        sample,
        Correctness(),
        version=lambda: version,
        free=lambda: 1e9,
    )
    began, given = 0.0, 0
    gc.collect()
    for step in range(steps + 1):
        if step == 1:
            began, given = time.process_time(), names.given
        await dispatcher.batch()
        dispatcher.state()
        version += 1
        dispatcher.pump()
    spent = time.process_time() - began
    await dispatcher.aclose()
    microseconds = 1e6 * spent / (names.given - given) / SAMPLES
    return Cost(groups * SAMPLES, max_lag, microseconds)


def resident() -> float:
    """Memory of this process, MiB."""
    return psutil.Process().memory_info().rss / 2**20


def memory(steps: int, every: int) -> Iterator[tuple[int, float]]:
    """(step, resident MiB) of a long run whose groups hold real tokens, 0.5 MB a step."""
    found: list[tuple[int, float]] = []
    run(_long_run(steps, every, found))
    yield from found


async def _long_run(steps: int, every: int, found: list[tuple[int, float]]) -> None:
    load = Load(SAMPLES, 0.4)
    version = 0

    def answer(at: int) -> Episode:
        ids, logprobs = np.zeros(500, np.int32), np.zeros(500, np.float32)
        segment = Segment(ids, logprobs, (Span(500, at),))
        return Episode((Trajectory((segment,)),), (), "stop")

    async def sample(index: int, prompt: Prompt, at: int) -> Group:
        work = load.given[index]
        await asyncio.sleep(work.lengths[0] / 5000)
        load.given[index] = work
        episodes = tuple(answer(at) for _ in range(SAMPLES))
        return Group(index, prompt, at, episodes, MIXED if work.accepted else EQUAL)

    dispatcher = make_dispatcher(
        SamplerConfig(prompts_per_step=8, samples_per_prompt=SAMPLES, max_lag=4, ahead=2.0),
        load,
        sample,
        Correctness(),
        version=lambda: version,
        free=lambda: 1e9,
    )
    for step in range(1, steps + 1):
        await dispatcher.batch()
        dispatcher.state()
        await asyncio.sleep(1)
        version += 1
        dispatcher.pump()
        if step % every == 0:
            gc.collect()
            found.append((step, resident()))
    await dispatcher.aclose()
