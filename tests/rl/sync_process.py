"""A learner, two engines and updates, in one of which an engine is killed.

Usage: python sync_process.py MODEL ipc|broadcast RANKS ZERO_STAGE KIND LORA; prints JSON. KIND is
what is killed: `actor`, the second engine itself, or `core`, the process of its core beside it.
LORA is `none`, `merge` or `adapter`: whether adapters are trained, and what of them travels.
"""

import asyncio
import json
import os
import signal
import sys
from typing import Any

import numpy as np
import psutil

from data.schema import Prompt
from rewards import Verdict
from rl.cluster import connect
from rl.config import RunConfig
from rl.engines.fleet import Fleet
from rl.engines.handle import EngineHandle
from rl.engines.making import maker
from rl.groups import Group
from rl.learn.group import LearnerGroup
from rl.learn.shares import cut
from rl.tokens import Episode, Sampling, Segment, Trajectory
from rl.versions import Versions
from rl.weights.canary import gap
from rl.weights.publisher import WeightPublisher
from tests.rl.sharding import shard_everything

PROMPT = np.array([4, 20, 21, 22, 2, 5], np.int32)
CANARY = list(range(8, 72))


def config_of(
    model: str, transport: str, ranks: int, stage: int, kind: str, lora: str
) -> RunConfig:
    adapters = {} if lora == "none" else {"lora": {"rank": 6, "sync": lora}}
    rate = 3e-3 if lora == "none" else 3e-2
    return RunConfig.model_validate(
        {
            "model": {"path": model},
            "learner": {"ranks": ranks, "zero_stage": stage, "lr": rate, "warmup_steps": 0,
                        "mini_batch_size": 32} | adapters,
            "rollout": {"engines": 2, "max_prompt_tokens": 80, "max_response_tokens": 16,
                        "own_process": kind == "core"},
            "sampler": {"prompts_per_step": 4, "samples_per_prompt": 4},
            "sync": {"transport": transport, "bucket_mb": 1, "verify": True, "deadline": 240.0},
        }
    )  # fmt: skip


def process_of(kind: str) -> Any:
    def find(_: Any) -> int:
        if kind == "actor":
            return os.getpid()
        children = psutil.Process().children(recursive=True)
        return max(children, key=lambda child: child.memory_info().rss).pid

    return find


class Run:
    """The parts of a run, and what is looked at."""

    def __init__(
        self, config: RunConfig, fleet: Fleet, learner: LearnerGroup, hardware: Any
    ) -> None:
        self.config = config
        self.fleet = fleet
        self.learner = learner
        self.publisher = WeightPublisher(config, hardware, learner, fleet, CANARY)
        self.versions = Versions(0)
        self.step = 0

    async def gaps(self) -> list[float]:
        """Of each engine in service to the learner, nats a token."""
        ranks = [rank.call.remote("canary", CANARY) for rank in self.learner.actors]
        own = (await asyncio.gather(*ranks))[0]
        theirs = await asyncio.gather(*(e.canary(CANARY) for e in self.fleet.live()))
        return [gap(found, own) for found in theirs]

    async def learn(self) -> float:
        """A training step on answers of the engines; the gap of their logprobs to the learner."""
        how = [Sampling(temperature=1.0, max_tokens=16, seed=i) for i in range(16)]
        turns = await asyncio.gather(
            *(self.fleet.sample(PROMPT, one, session=str(i // 4)) for i, one in enumerate(how))
        )
        episodes = [
            Episode((Trajectory((Segment(PROMPT), turn.segment)),), (), turn.stop) for turn in turns
        ]
        groups = [
            Group(
                index=self.step * 4 + i,
                prompt=Prompt(id=str(i), messages=({"role": "user", "content": "3+4"},)),
                start=self.versions.current,
                episodes=tuple(episodes[4 * i : 4 * i + 4]),
                verdicts=(Verdict.correct(), Verdict.incorrect()) * 2,
            )
            for i in range(4)
        ]
        shares = cut(
            groups,
            ranks=self.config.learner.ranks,
            mini_batch_size=32,
            micro_batch_tokens=4096,
            seed=str(self.step),
        )
        self.step += 1
        metrics, _ = await self.learner.train(shares, self.step, self.versions.current)
        return float(metrics["rollout_logprob_gap"])


async def kill_in_an_update(engine: EngineHandle, kind: str) -> None:
    """Freeze the engine once it is paused: it is killed in the midst of the update."""
    process = await engine.actor.__ray_call__.remote(process_of(kind))
    pause = engine.pause

    async def pause_and_die() -> None:
        await pause()
        os.kill(process, signal.SIGSTOP)
        asyncio.get_running_loop().call_later(1.0, os.kill, process, signal.SIGKILL)

    engine.pause = pause_and_die  # type: ignore[method-assign]


async def main(model: str, transport: Any, ranks: int, stage: int, kind: str, lora: str) -> None:
    config = config_of(model, transport, ranks, stage, kind, lora)
    said: list[str] = []
    with connect(config) as hardware:
        fleet = Fleet(config, make=maker(config, hardware), say=said.append)
        learner = LearnerGroup(config, hardware)
        if stage == 3:
            await asyncio.gather(*(a.__ray_call__.remote(shard_everything) for a in learner.actors))
        await asyncio.gather(fleet.start(), learner.start())
        run = Run(config, fleet, learner, hardware)
        fleet.attach = run.publisher.attach
        await run.publisher.connect(lambda: transport)
        started = await run.versions.start(run.publisher)
        row: dict[str, Any] = {"start": started.canary_gap, "learnt": [await run.learn()]}
        row["unsynced"] = await run.gaps()
        await kill_in_an_update(fleet.live()[1], kind)
        broken = await run.versions.publish(run.publisher)
        row["lost"], row["survivor"] = broken.lost, broken.canary_gap
        row["seconds"] = broken.seconds
        while len(fleet.live()) < 2:
            await asyncio.sleep(0.1)
        row["restarted"] = await run.gaps()
        row["learnt"].append(await run.learn())
        last = await run.versions.publish(run.publisher)
        row["last"], row["lost again"] = last.canary_gap, last.lost
        row["learnt"].append(await run.learn())
        row["versions"] = [engine.version for engine in fleet.live()]
        row["said"] = said
        await fleet.stop()
        learner.stop()
    print("ROW", json.dumps(row))


if __name__ == "__main__":
    first, *rest = sys.argv[1:]
    asyncio.run(main(first, rest[0], int(rest[1]), int(rest[2]), *rest[3:]))
