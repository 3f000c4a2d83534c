"""The phases of a training step on fixed work, next to bare peers; synchronous and asynchronous.

Guarantees: the parts are those of a run, started by `rl.parts`, without graders; the peers take
turns with the measured steps, so that both see the same machine, and run while learner and engine
are idle; synchronous and asynchronous steps take turns in blocks over the same prompts; every
process that was started has ended when `measure` returns. Peak memory is watched until the last
warm-up step: later the peers would be counted too, and a look at every process costs time.
"""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from rl.cluster import connect
from rl.dispatch.dispatcher import Dispatcher
from rl.errors import ConfigError
from rl.hardware import Hardware, calm_threads
from tests.bench.memory import PeakMemory
from tests.bench.running import Bench, Ran, Timing
from tests.bench.work import config_of

if TYPE_CHECKING:
    from tests.bench.peer import BarePeer

WARM_UP = 2
MEASURED = 10
BLOCKS = 3
"""Blocks of synchronous and as many of asynchronous steps, taking turns."""
MAX_LAG = 2
PUBLISHES = 10


@dataclass(frozen=True, slots=True)
class Start:
    """Seconds since the benchmark's process started, the making of the model apart."""

    ready: float
    """Learner and engine are connected and hold the same weights."""
    first_token: float
    """The first token of an answer that is trained on, one request by itself."""


@dataclass(frozen=True, slots=True)
class Step:
    """A measured step and its peers."""

    ran: Ran
    unseeded: Timing
    """The same prompts, sampled again without seeds."""
    bare_learn: float
    plain_copy: float


@dataclass(frozen=True, slots=True)
class Figures:
    """Everything that was measured."""

    hardware: Hardware
    load: float
    """Load average before the start."""
    load_after: float
    start: Start
    steps: Sequence[Step]
    synchronous: Sequence[Timing]
    """One entry a block: whole steps, tokens trained on."""
    asynchronous: Sequence[Timing]
    publish_apart: Sequence[float]
    """Seconds of updates with canary where the engine's core has a process of its own."""
    peak_memory: int
    """Bytes of all processes together."""


def measure(pairs: int = 1) -> Figures:
    """Start so many engines and as many learner ranks, measure, and stop them."""
    if os.environ.get("RAY_ADDRESS"):
        raise ConfigError("the benchmark measures this machine alone: unset RAY_ADDRESS")
    os.environ |= calm_threads()  # for the peer, as for the learner that it is compared with
    return asyncio.run(_measure(pairs))


def make_model(folder: Path) -> None:
    """Write the benchmark's model, in another process: this one has to stay without torch."""
    making = [sys.executable, "-m", "tests.bench.model", str(folder)]
    subprocess.run(making, check=True, timeout=600)


async def _measure(pairs: int) -> Figures:
    imported = time.time() - psutil.Process().create_time()
    load = os.getloadavg()[0]
    memory = PeakMemory()
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="plumb-bench-")))
        await asyncio.to_thread(make_model, folder / "model")
        config = config_of(folder / "model", folder / "run", ranks=pairs, engines=pairs)
        began = time.time() - imported
        with memory.watched():
            hardware = stack.enter_context(connect(config))
            stop_on_sigterm()
            parts_stack = await stack.enter_async_context(AsyncExitStack())
            bench = await Bench.start(parts_stack, config, hardware)
            ready = time.time() - began
            await bench.first_token()
            start = Start(ready, time.time() - began)
            dispatcher = bench.dispatcher(max_lag=0)
            for _ in range(WARM_UP):
                ran = await bench.step(dispatcher)
        from tests.bench.peer import BarePeer

        peer = BarePeer(config, hardware)
        for _ in range(WARM_UP):
            peer.learn(ran.shares)
            peer.copy_weights()
        steps = [await _beside_peers(bench, dispatcher, peer) for _ in range(MEASURED)]
        await dispatcher.aclose()
        blocks = [(await bench.block(0), await bench.block(MAX_LAG)) for _ in range(BLOCKS)]
        await parts_stack.aclose()
        apart = await _publish_apart(folder, hardware)
    return Figures(
        hardware=hardware,
        load=load,
        load_after=os.getloadavg()[0],
        start=start,
        steps=steps,
        synchronous=[block for block, _ in blocks],
        asynchronous=[block for _, block in blocks],
        publish_apart=apart,
        peak_memory=memory.peak,
    )


async def _publish_apart(folder: Path, hardware: Hardware) -> list[float]:
    """Weight updates of an engine whose core has a process of its own, one apart from the other."""
    config = config_of(folder / "model", folder / "run", own_process=True)
    seconds = []
    async with AsyncExitStack() as stack:
        bench = await Bench.start(stack, config, hardware)
        for _ in range(WARM_UP + PUBLISHES):
            await asyncio.sleep(0.1)
            stats = await bench.parts.versions.publish(bench.parts.publisher)
            seconds.append(stats.seconds)
    return seconds[WARM_UP:]


def stop_on_sigterm() -> None:
    """Let SIGTERM cancel the benchmark, so that every part is stopped; after Ray's own handler."""
    task = asyncio.current_task()
    if task is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)


async def _beside_peers(bench: Bench, dispatcher: Dispatcher, peer: "BarePeer") -> Step:
    ran = await bench.step(dispatcher)
    unseeded = await bench.generate_unseeded()
    return Step(
        ran=ran,
        unseeded=unseeded,
        bare_learn=peer.learn(ran.shares),
        plain_copy=peer.copy_weights(),
    )
