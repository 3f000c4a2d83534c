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
from pathlib import Path
from data.schema import Prompt
from rl.learn.batching import TrainBatch
from rl.cluster import connect
from rl.config import RunConfig
from rl.learner_group import LearnerGroup
from rl.rollout_fleet import RolloutFleet

async def main(model, transport, ranks, stage):
    config = RunConfig.model_validate({
        "model": {"path": model},
        "learner": {"ranks": ranks, "zero_stage": stage, "lr": 3e-3, "warmup_steps": 0,
                    "mini_batch_size": 32},
        "rollout": {"max_prompt_tokens": 16, "max_response_tokens": 16,
                    # Both homes of vLLM's core are tested, each with one of the transports.
                    "own_process": transport == "broadcast"},
        "sampler": {"prompts_per_step": 4, "samples_per_prompt": 8},
        "sync": {"transport": transport, "bucket_mb": 1, "verify": True},
    })
    rows = []
    with connect(config) as hardware:
        fleet = RolloutFleet(config, hardware, gpus=0)
        learner = LearnerGroup(config, hardware, gpus=0)
        await asyncio.gather(fleet.start(), learner.start())
        await learner.connect(fleet.actors, transport)
        # Workers give the sign of life that tells a late group from a hang, in either home.
        await asyncio.gather(*[actor._probe.remote(1.0) for actor in fleet.actors])
        for step in range(3):
            # The second generation comes from weights that were synced only in part: not at all.
            if step != 1:
                await learner.sync(step)
            prompts = [Prompt(id=str(i), messages=({"role": "user", "content": f"{i}+1"},))
                       for i in range(4)]
            groups = await asyncio.gather(
                *[fleet.generate(prompt, step * 4 + i) for i, prompt in enumerate(prompts)])
            batch = TrainBatch([], [], [], [], [], [])
            for i, group in enumerate(groups):
                for j, completion in enumerate(group.completions):
                    batch.prompt_ids.append(group.prompt_token_ids)
                    batch.response_ids.append(completion.token_ids)
                    batch.rollout_logprobs.append(completion.logprobs)
                    batch.rewards.append(float(j % 2))
                    batch.groups.append(i)
                    batch.fresh.append(True)
            metrics, _ = await learner.train(batch, step)
            rows.append([groups[0].policy_version, metrics["rollout_logprob_gap"]])
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
