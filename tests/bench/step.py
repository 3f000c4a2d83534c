"""The phases of one synchronous training step, on fixed work, next to bare peers.

Guarantees: the parts are those of a run (Ray, RolloutFleet, LearnerGroup, weight sync), composed as
`rl.run` composes them, without sampler and graders; the peers take turns with the measured steps,
so that both see the same machine, and run while learner and engine are idle; every process that
was started has ended when `measure` returns. Peak memory is watched until the last warm-up step:
later the peers would be counted too, and a look at every process costs time.
"""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
from rl.learner_group import LearnerGroup
from rl.old_groups import Generation
from rl.rollout import Sampling
from rl.rollout_fleet import RolloutFleet

from data.schema import Prompt
from rl.awaiting import await_all
from rl.cluster import connect, place, transport
from rl.config import RunConfig
from rl.errors import ConfigError
from rl.hardware import Hardware
from rl.learn.batching import TrainBatch

if TYPE_CHECKING:
    from tests.bench.peer import BarePeer

PROMPTS = 8
RESPONSES = 16
RESPONSE_LIMIT = 68
"""Random weights end a response at about one token in 104: cut here, the mean is about 50."""
NOMINAL_TOKENS = PROMPTS * RESPONSES * 50
WARM_UP = 2
MEASURED = 10


@dataclass(frozen=True, slots=True)
class Start:
    """Seconds since the benchmark's process started, the making of the model apart."""

    first_token: float
    """The engine has sampled: its warm-up is over."""
    ready: float
    """Learner and engine are connected and hold the same weights."""


@dataclass(frozen=True, slots=True)
class Timing:
    """One phase of one step."""

    seconds: float
    tokens: int
    """Response tokens that it worked on."""

    @property
    def nominal(self) -> float:
        """Seconds for `NOMINAL_TOKENS` at this rate."""
        return self.seconds * NOMINAL_TOKENS / self.tokens


@dataclass(frozen=True, slots=True)
class Step:
    """A measured step and its peers."""

    generate: Timing
    learn: Timing
    sync: float
    total: float
    unseeded: Timing
    """The same prompts, sampled again without seeds."""
    bare_learn: float
    plain_copy: float

    @property
    def nominal(self) -> float:
        """Seconds of the whole step for `NOMINAL_TOKENS`."""
        fixed = self.total - self.generate.seconds - self.learn.seconds
        return fixed + self.generate.nominal + self.learn.nominal


@dataclass(frozen=True, slots=True)
class Figures:
    """Everything that was measured."""

    hardware: Hardware
    load: float
    """Load average before the start."""
    load_after: float
    start: Start
    steps: Sequence[Step]
    peak_memory: int
    """Bytes of all processes together."""
    samples: int = PROMPTS * RESPONSES
    nominal_tokens: int = NOMINAL_TOKENS


def measure() -> Figures:
    """Start the parts, measure, and stop them."""
    if os.environ.get("RAY_ADDRESS"):
        raise ConfigError("the benchmark measures this machine alone: unset RAY_ADDRESS")
    return asyncio.run(_measure())


def _config(model: Path) -> RunConfig:
    return RunConfig.model_validate(
        {
            "model": {"path": str(model), "attention": "sdpa"},
            "sampler": {"prompts_per_step": PROMPTS, "samples_per_prompt": RESPONSES},
            "rollout": {
                "max_prompt_tokens": 64,
                "max_response_tokens": RESPONSE_LIMIT,
                "reproducible": True,
            },
            "learner": {
                "mini_batch_size": PROMPTS * RESPONSES,
                "micro_batch_tokens": 4096,
                "warmup_steps": 0,
            },
            "train": {"steps": WARM_UP + MEASURED},
        }
    )


async def _measure() -> Figures:
    imported = time.time() - psutil.Process().create_time()
    load = os.getloadavg()[0]
    memory = PeakMemory()
    async with AsyncExitStack() as stack:
        model = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="plumb-bench-")))
        # In another process: this one has to start as a run does, without torch.
        making = [sys.executable, "-m", "tests.bench.model", str(model)]
        await asyncio.to_thread(subprocess.run, making, check=True, timeout=120)
        config = _config(model)
        began = time.time() - imported
        with memory.watched():
            hardware = stack.enter_context(connect(config))
            _stop_on_sigterm()
            bench, start = await _start(stack, config, hardware, began)
            for number in range(1, WARM_UP + 1):
                batch = (await bench.step(number)).batch
        from tests.bench.peer import BarePeer

        peer = BarePeer(config, hardware)
        for _ in range(WARM_UP):
            peer.learn(batch)
            peer.copy_weights()
        numbers = range(WARM_UP + 1, WARM_UP + MEASURED + 1)
        steps = [await _beside_peers(bench, peer, number) for number in numbers]
    return Figures(hardware, load, os.getloadavg()[0], start, steps, memory.peak)


async def _start(
    stack: AsyncExitStack, config: RunConfig, hardware: Hardware, began: float
) -> tuple["Bench", Start]:
    """Start engine and learner side by side, and give both the same weights."""
    placement = place(config, hardware)
    fleet = RolloutFleet(config, hardware, gpus=placement.engine_gpus)
    stack.push_async_callback(fleet.stop)
    learner = LearnerGroup(config, hardware, gpus=placement.learner_gpus)
    stack.callback(learner.stop)

    async def first_token() -> float:
        await fleet.start()
        return time.time() - began

    sampled, _ = await asyncio.gather(first_token(), learner.start())
    await learner.connect(fleet.actors, transport(config, placement, hardware))
    await learner.sync(0)
    return Bench(config, fleet, learner), Start(sampled, time.time() - began)


def _stop_on_sigterm() -> None:
    """Let SIGTERM cancel the benchmark, so that every part is stopped; after Ray's own handler."""
    task = asyncio.current_task()
    if task is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)


@dataclass(frozen=True, slots=True)
class Ran:
    """What a step left: its batch, and the seconds of its phases."""

    batch: TrainBatch
    generate: Timing
    learn: Timing
    sync: float
    total: float


class Bench:
    """The running parts, and one step of them."""

    def __init__(self, config: RunConfig, fleet: RolloutFleet, learner: LearnerGroup) -> None:
        self._config = config
        self._fleet = fleet
        self._learner = learner
        texts = [f"What is {37 * i + 11} + {53 * i + 18}?" for i in range(PROMPTS)]
        self._prompts = [
            Prompt(id=str(i), messages=({"role": "user", "content": text},))
            for i, text in enumerate(texts)
        ]

    async def step(self, number: int) -> Ran:
        """Sample, learn and sync."""
        started = time.perf_counter()
        asked = enumerate(self._prompts, start=number * PROMPTS)
        generations = await asyncio.gather(*[self._fleet.generate(p, i) for i, p in asked])
        sampled = time.perf_counter()
        batch = _to_batch(generations)
        before = time.perf_counter()
        await self._learner.train(batch, number)
        learned = time.perf_counter()
        await self._learner.sync(number)
        ended = time.perf_counter()
        tokens = sum(map(len, batch.response_ids))
        return Ran(
            batch,
            generate=Timing(sampled - started, tokens),
            learn=Timing(learned - before, tokens),
            sync=ended - learned,
            total=ended - started,
        )

    async def generate_unseeded(self) -> Timing:
        """Sample the same prompts as `rollout.reproducible=false` does."""
        started = time.perf_counter()
        sampling = Sampling(RESPONSES, self._config.rollout.temperature)
        (engine,) = self._fleet.actors
        asked = [
            engine.generate.remote(prompt.messages, prompt.tools, sampling)
            for prompt in self._prompts
        ]
        deadline = self._config.rollout.deadline
        generations = await await_all(asked, deadline, "sampling without seeds")
        seconds = time.perf_counter() - started
        return Timing(seconds, sum(map(len, _to_batch(generations).response_ids)))


async def _beside_peers(bench: Bench, peer: "BarePeer", number: int) -> Step:
    ran = await bench.step(number)
    unseeded = await bench.generate_unseeded()
    return Step(
        generate=ran.generate,
        learn=ran.learn,
        sync=ran.sync,
        total=ran.total,
        unseeded=unseeded,
        bare_learn=peer.learn(ran.batch),
        plain_copy=peer.copy_weights(),
    )


def _to_batch(generations: Sequence[Generation]) -> TrainBatch:
    """A full batch; every other response is rewarded."""
    rows = [
        (i, generation.prompt_token_ids, completion)
        for i, generation in enumerate(generations)
        for completion in generation.completions
    ]
    return TrainBatch(
        prompt_ids=[prompt for _, prompt, _ in rows],
        response_ids=[completion.token_ids for _, _, completion in rows],
        rollout_logprobs=[completion.logprobs for _, _, completion in rows],
        rewards=[float(row % 2) for row in range(len(rows))],
        groups=[group for group, _, _ in rows],
        fresh=[True] * len(rows),
    )


class PeakMemory:
    """The most memory that this process and its descendants took together."""

    INTERVAL = 0.5

    def __init__(self) -> None:
        self.peak = 0

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Look every `INTERVAL` seconds inside the block."""
        done = threading.Event()

        def watch() -> None:
            while not done.wait(self.INTERVAL):
                self.peak = max(self.peak, _memory_now())

        thread = threading.Thread(target=watch, daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join(timeout=10)


def _memory_now() -> int:
    root = psutil.Process()
    return sum(map(_memory_of, [root, *root.children(recursive=True)]))


def _memory_of(process: psutil.Process) -> int:
    """Proportional set size, bytes, or the resident size where the kernel does not give it."""
    try:
        memory = process.memory_full_info()
    except psutil.NoSuchProcess:
        return 0
    return int(getattr(memory, "pss", memory.rss))
