"""After a sync vLLM and the learner hold the same policy, with tied embeddings, on both transports.

The learner's own logprobs of what vLLM sampled are the measure: `rollout_logprob_gap` is their mean
absolute difference on samples of the current policy version.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from rl.weights.layout import bucket_bytes, plan_buckets

REPOSITORY = Path(__file__).parents[2]

RUN = """
import asyncio, json, sys
import numpy as np
from data.schema import Prompt
from rewards import Verdict
from rl.cluster import connect
from rl.config import RunConfig
from rl.engines.fleet import Fleet
from rl.groups import Group
from rl.learn.group import LearnerGroup
from rl.learn.shares import cut
from rl.tokens import Episode, Sampling, Segment, Trajectory
from rl.weights.publisher import WeightPublisher

CANARY = list(range(3, 15))

async def sampled(fleet, step, number):
    prompt = Segment(np.array([4, 5, 6 + number], np.int32))
    how = Sampling(1.0, 16, seed=step * 4 + number)
    turns = await asyncio.gather(*[fleet.sample(prompt.ids, how, session="a") for _ in range(8)])
    episodes = tuple(
        Episode((Trajectory((prompt, turn.segment)),), (), turn.stop, turn.text) for turn in turns)
    verdicts = tuple(Verdict.correct(float(i % 2)) for i in range(8))
    start = min(episode.start for episode in episodes)
    return Group(step * 4 + number, Prompt(str(number), ()), start, episodes, verdicts)

async def main(model, transport, ranks, stage):
    config = RunConfig.model_validate({
        "model": {"path": model},
        "learner": {"ranks": ranks, "zero_stage": stage, "lr": 3e-3, "warmup_steps": 0,
                    "mini_batch_size": 32},
        "rollout": {"max_prompt_tokens": 16, "max_response_tokens": 16,
                    # Both homes of vLLM's core are tested, each with one of the transports.
                    "own_process": transport == "broadcast"},
        "sampler": {"prompts_per_step": 4, "samples_per_prompt": 8},
        "sync": {"transport": transport, "bucket_mb": 1, "verify": True,
                 "canary": {"every": 0, "stop": 100.0}},
    })
    rows = []
    with connect(config) as hardware:
        fleet = Fleet(config, hardware, gpus=0)
        learner = LearnerGroup(config, hardware, gpus=0)
        await asyncio.gather(fleet.start(), learner.start())
        publisher = WeightPublisher(config, hardware, learner, fleet, CANARY)
        await publisher.connect(transport)
        for step in range(3):
            # The second generation comes from weights that are one update old.
            if step != 1:
                await publisher.send(step)
            groups = await asyncio.gather(*[sampled(fleet, step, i) for i in range(4)])
            shares = cut(groups, ranks=ranks, mini_batch_size=32, micro_batch_tokens=16384,
                         seed=str(step))
            # As if it were fresh: the gap is measured where the lag is 0.
            metrics, _ = await learner.train(shares, step + 1, groups[0].start)
            rows.append([groups[0].start, metrics["rollout_logprob_gap"]])
        await fleet.stop()
        learner.stop()
    print("ROWS", json.dumps(rows))

asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("transport", "ranks", "stage"), [("ipc", 1, 1), ("broadcast", 2, 3)], ids=["ipc", "broadcast"]
)
def test_engine_and_learner_agree_after_a_sync(
    tmp_path: Path, transport: str, ranks: int, stage: int
) -> None:
    from rl.tiny import make_model, make_tokenizer, save

    tokenizer = make_tokenizer()
    model = make_model(tokenizer, seed=5)
    assert model.config.tie_word_embeddings
    save(model, tokenizer, tmp_path / "model")
    environment = {k: v for k, v in os.environ.items() if k != "RAY_ADDRESS"}
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(tmp_path / "model"), transport, str(ranks), str(stage)],
        env=environment | {"PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    line = next(line for line in done.stdout.splitlines() if line.startswith("ROWS "))
    (first, start), (unsynced, stale), (last, synced) = json.loads(line.removeprefix("ROWS "))
    assert (first, unsynced, last) == (0, 0, 2)
    assert start < 1e-5
    assert stale > 1e-3, "without a sync the two policies must be seen to differ"
    assert synced < 1e-5


def test_buckets_hold_every_parameter_once_and_stay_within_their_size() -> None:
    shapes = [(f"p{i}", torch.Size([i % 7 + 1, 33])) for i in range(40)]
    shapes.append(("large", torch.Size([4000])))
    buckets = plan_buckets(shapes, torch.float32, 4096)
    assert [entry.name for bucket in buckets for entry in bucket] == [name for name, _ in shapes]
    for bucket in buckets:
        assert bucket_bytes(bucket) <= 4096 or len(bucket) == 1
        data = torch.zeros(bucket_bytes(bucket), dtype=torch.uint8)
        for i, entry in enumerate(bucket):
            entry.view(data).fill_(i + 1)
        for i, entry in enumerate(bucket):
            assert bool((entry.view(data) == i + 1).all())
