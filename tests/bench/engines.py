"""`python -m tests.bench.engines`: two vLLM engines on a CPU, beside the loop in virtual time.

The real loop samples groups of answers with two engines at max_lag 0 and at max_lag 2; then the
loop in virtual time is given what was measured: the engines' speed by load, both at work, the
lengths and outcomes of the same groups, and the seconds of a weight update. Learning is a wait in
both, as where the learner has hardware of its own: on the engines' cores it would slow them down,
which the simulation does not model. As nothing is learned, a group has the same answers in both
modes. Exits with 1 if the ratio of the two step times is not the simulated one within 30 %.
"""

import asyncio
import statistics
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from data.schema import Prompt
from rewards import Sample, Verdict
from rl.cluster import connect
from rl.config import RunConfig
from rl.dispatch.dispatcher import Dispatcher
from rl.groups import Group
from rl.simulation.engines import Law
from rl.simulation.load import MESSAGES
from rl.simulation.load import Load as Simulated
from rl.simulation.load import Work as Answers
from rl.simulation.steps import Loop, step
from rl.tokens import Sampling
from tests.bench.ending import told
from tests.bench.running import Bench
from tests.bench.step import make_model, stop_on_sigterm
from tests.bench.work import EveryOther, config_of

ENGINES = 2
PLACES = 16
"""Sequences that an engine decodes at once."""
GROUPS, SAMPLES = 4, 4
LIMIT = 200
"""Tokens of the longest answer; random weights end one at about a token in 104."""
ACCEPTANCE = 0.5
STEPS, WARM_UP = 10, 3
LOADS = (4, 8, 16)
MAX_LAG = 2
AGREEMENT = 0.3


class Half(EveryOther):
    """Accepts groups by a coin of their prompt: they are half right, the others all wrong."""

    async def grade(self, samples: Sequence[Sample]) -> list[Verdict]:
        """By the id, which is the prompt's number and the answer's place."""
        found = []
        for sample in samples:
            prompt, _, place = sample.id.rpartition("#")
            right = accepted(int(prompt)) and int(place) % 2
            found.append(Verdict.correct() if right else Verdict.incorrect())
        return found


def accepted(prompt: int) -> bool:
    """Whether a prompt's group can teach something."""
    return zlib.crc32(f"coin {prompt}".encode()) < ACCEPTANCE * 2**32


@dataclass(slots=True)
class Recorded(Simulated):
    """Groups that were sampled; those that no run has ended come from the others."""

    groups: dict[int, tuple[int, ...]] = field(default_factory=dict)
    """Lengths by index."""

    def next(self) -> Prompt:
        """The next prompt."""
        index = len(self.given)
        known = sorted(self.groups)
        lengths = self.groups.get(index) or self.groups[known[index % len(known)]]
        self.given.append(Answers(lengths, accepted(index)))
        return Prompt(f"{index}", MESSAGES)


def main() -> int:
    """Run the benchmark; returns the exit code."""
    return told(lambda: asyncio.run(_measure()))


async def _measure() -> int:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="plumb-engines-")))
        await asyncio.to_thread(make_model, folder / "model")
        config = _config(folder)
        hardware = stack.enter_context(connect(config))
        stop_on_sigterm()
        bench = await Bench.start(stack, config, hardware, Half())
        law = await _law(bench)
        lengths: dict[int, tuple[int, ...]] = {}
        learn = await _generating(bench, lengths)
        found = {}
        updates: list[float] = []
        for lag in (0, MAX_LAG):
            found[lag] = await _step(bench, lag, learn, lengths, updates)
    sync = statistics.median(updates)
    # In a thread: virtual time has an event loop of its own.
    simulated = {
        lag: await asyncio.to_thread(_simulated, lag, law, learn, sync, lengths) for lag in found
    }
    print(
        f"an engine of {ENGINES}, both at work: {law.alone:.0f} tokens/s alone, half at "
        f"{law.knee:.1f} sequences; learning waits {learn:.2f} s, an update takes {sync:.3f} s"
    )
    for lag, seconds in found.items():
        print(f"max_lag {lag}: a step takes {seconds:.2f} s, simulated {simulated[lag]:.2f} s")
    ratio, expected = found[MAX_LAG] / found[0], simulated[MAX_LAG] / simulated[0]
    apart = ratio / expected - 1
    print(f"asynchronous to synchronous: {ratio:.3f}, simulated {expected:.3f}: {apart:+.0%}")
    return 0 if abs(apart) <= AGREEMENT else 1


def _config(folder: Path) -> RunConfig:
    rollout = {"engines": ENGINES, "max_concurrency": PLACES, "max_response_tokens": LIMIT}
    config = config_of(folder / "model", folder / "run", **rollout)
    sampler = {
        "prompts_per_step": GROUPS,
        "samples_per_prompt": SAMPLES,
        "filter": "correctness",
    }
    return config.model_copy(update={"sampler": config.sampler.model_copy(update=sampler)})


async def _law(bench: Bench) -> Law:
    """Seconds a token of r sequences on each engine at once, as a line in r."""
    seconds = []
    for running in (LOADS[0], *LOADS):  # the first warms up
        began = time.perf_counter()
        made = await asyncio.gather(
            *(
                engine.sample(np.arange(5, 25, dtype=np.int32), _short(seed))
                for engine in bench.parts.fleet.live()
                for seed in range(running)
            )
        )
        spent = time.perf_counter() - began
        seconds.append(spent * running * ENGINES / sum(len(one.segment.ids) for one in made))
    slope, alone = np.polyfit(LOADS, seconds[1:], 1)
    slope, alone = max(float(slope), 1e-6), max(float(alone), 1e-4)
    return Law(1 / alone, alone / slope, PLACES)


def _short(seed: int) -> Sampling:
    """So short that few answers end by themselves."""
    return Sampling(1.0, 24, seed=seed)


async def _generating(bench: Bench, lengths: dict[int, tuple[int, ...]]) -> float:
    """Seconds of sampling a synchronous batch: what learning will wait, for a load of 1:1."""
    dispatcher = bench.dispatcher(max_lag=0, ended=_record(lengths))
    seconds = []
    for _ in range(WARM_UP):
        began = time.perf_counter()
        await dispatcher.batch()
        seconds.append(time.perf_counter() - began)
        await bench.parts.versions.publish(bench.parts.publisher)
    await dispatcher.aclose()
    return statistics.median(seconds)


async def _step(
    bench: Bench,
    max_lag: int,
    learn: float,
    lengths: dict[int, tuple[int, ...]],
    updates: list[float],
) -> float:
    """Mean seconds of a step."""
    dispatcher = bench.dispatcher(max_lag=max_lag, ended=_record(lengths))
    for _ in range(WARM_UP):
        await _one(bench, dispatcher, learn)
    began = time.perf_counter()
    updates += [await _one(bench, dispatcher, learn) for _ in range(STEPS)]
    seconds = (time.perf_counter() - began) / STEPS
    await dispatcher.aclose()
    return seconds


async def _one(bench: Bench, dispatcher: Dispatcher, learn: float) -> float:
    """One step; returns the seconds in which engines stood still."""
    await dispatcher.batch()
    await asyncio.sleep(learn)
    stats = await bench.parts.versions.publish(bench.parts.publisher)
    dispatcher.pump()
    return stats.pause_seconds


def _record(lengths: dict[int, tuple[int, ...]]) -> Callable[[Group, str], None]:
    def ended(group: Group, ending: str) -> None:
        lengths[group.index] = tuple(episode.sampled for episode in group.episodes)

    return ended


def _simulated(
    max_lag: int, law: Law, learn: float, sync: float, lengths: dict[int, tuple[int, ...]]
) -> float:
    loop = Loop(size=GROUPS, samples=SAMPLES, engines=ENGINES, max_lag=max_lag, steps=40)
    return step(loop, Recorded(SAMPLES, ACCEPTANCE, groups=lengths), law, learn, sync).seconds


if __name__ == "__main__":
    sys.exit(main())
