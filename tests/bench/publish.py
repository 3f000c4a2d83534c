"""`python -m tests.bench.publish`: what a weight update with its canary takes on builtin:tiny.

Both homes of vLLM's core, one after the other, with nothing else going on; the peer is every weight
copied out and back in within one process, in the same run.
"""

import asyncio
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rl.cluster import connect
from rl.config import RunConfig
from rl.engines.fleet import Fleet
from rl.engines.making import maker
from rl.learn.group import LearnerGroup
from rl.weights.publisher import SyncStats, WeightPublisher

WARM_UP = 5
MEASURED = 40
CANARY = list(range(8, 72))


@dataclass(frozen=True, slots=True)
class Figures:
    """Updates of one kind, and the peer's seconds beside them."""

    name: str
    updates: Sequence[SyncStats]
    copies: Sequence[float]

    def line(self) -> str:
        """For people."""
        seconds = [stats.seconds for stats in self.updates]
        pauses = [stats.pause_seconds for stats in self.updates]
        ratio = statistics.median(seconds) / statistics.median(self.copies)
        gap = max(stats.canary_gap or 0.0 for stats in self.updates)
        return (
            f"{self.name:36} {min(seconds):.4f} {statistics.median(seconds):.4f} "
            f"{max(seconds):.4f} s, engine paused {statistics.median(pauses):.4f} s, "
            f"{ratio:.0f} times the copy's {statistics.median(self.copies) * 1000:.2f} ms, "
            f"largest gap {gap:.1e} nats"
        )


async def measure(model: Path, *, own_process: bool, canary: bool) -> Figures:
    """Publish again and again to one idle engine."""
    from tests.bench.peer import BarePeer

    config = RunConfig.model_validate(
        {
            "model": {"path": str(model), "attention": "sdpa"},
            "rollout": {
                "max_prompt_tokens": 80,
                "max_response_tokens": 16,
                "own_process": own_process,
            },
            "sync": {"canary": {"every": int(canary)}},
        }
    )
    with connect(config) as hardware:
        fleet = Fleet(config, make=maker(config, hardware))
        learner = LearnerGroup(config, hardware)
        await asyncio.gather(fleet.start(), learner.start())
        publisher = WeightPublisher(config, hardware, learner, fleet, CANARY)
        await publisher.connect(lambda: "ipc")
        peer = BarePeer(config, hardware)
        updates, copies = [], []
        for version in range(WARM_UP + MEASURED):
            updates.append(await publisher.send(version))
            copies.append(peer.copy_weights())
        await fleet.stop()
        learner.stop()
    name = f"{'own process' if own_process else 'in process'}, {'' if canary else 'no '}canary"
    return Figures(name, updates[WARM_UP:], copies[WARM_UP:])


def main() -> None:
    """Print a line for each kind of update."""
    with tempfile.TemporaryDirectory(prefix="plumb-bench-") as folder:
        subprocess.run([sys.executable, "-m", "tests.bench.model", folder], check=True, timeout=120)
        print(f"{MEASURED} updates each: min, median, max", flush=True)
        for own_process in (False, True):
            for canary in (True, False):
                work = measure(Path(folder), own_process=own_process, canary=canary)
                print(asyncio.run(work).line(), flush=True)


if __name__ == "__main__":
    main()
