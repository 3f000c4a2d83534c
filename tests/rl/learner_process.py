"""One learner rank without Ray: under each of some settings it trains and exports the policy.

Usage: python learner_process.py RANK RANKS MODEL FOLDER VARIANTS

VARIANTS is JSON: a list of [name, port, learner settings]. Each is a process of its own, forked
from this one, which has imported everything; it writes to FOLDER/name. Among its settings may be
`resume`, a checkpoint that it goes on from instead of making one.
"""

import json
import multiprocessing
import random
import sys
from collections.abc import Mapping
from pathlib import Path

from rl.config import RunConfig
from rl.hardware import detect
from rl.learn.batching import TrainBatch
from rl.learner import Learner


def make_batch(samples: int) -> TrainBatch:
    """Samples of uneven lengths, two of them alone in their mini-batch's last micro-batch."""
    draw = random.Random(7)
    responses = [
        [draw.randrange(7, 90) for _ in range(draw.randrange(1, 14))] for _ in range(samples)
    ]
    return TrainBatch(
        prompt_ids=[[4, 20 + i % 9, 21, 2, 5] for i in range(samples)],
        response_ids=responses,
        rollout_logprobs=[[-4.0] * len(response) for response in responses],
        rewards=[float(i % 3 == 0) for i in range(samples)],
        groups=[i // 4 for i in range(samples)],
        fresh=[True] * samples,
    )


def train(
    rank: int, ranks: int, model: str, folder: Path, port: int, settings: Mapping[str, object]
) -> None:
    """Train two steps, save, train a third, go back to what was saved and train the third again."""
    checkpoint = settings.get("resume")
    settings = {name: value for name, value in settings.items() if name != "resume"}
    config = RunConfig.model_validate(
        {
            "model": {"path": model},
            "learner": {
                "ranks": ranks,
                "lr": 1e-3,
                "warmup_steps": 0,
                "mini_batch_size": 12,
                "micro_batch_tokens": 60,
                "weight_decay": 0.0,
                **settings,
            },
        }
    )
    learner = Learner(config, detect(0), rank)
    learner.start("127.0.0.1", port)
    batch = make_batch(22)
    if checkpoint is not None:
        learner.load(Path(str(checkpoint)))
        learner.train(batch, 3)
        learner.export(folder / "resumed")
        return
    metrics = [learner.train(batch, step)[0] for step in (1, 2)]
    saved = folder / "checkpoint"
    saved.mkdir(parents=True, exist_ok=True)
    learner.save(saved)
    learner.export(folder / "before")
    metrics.append(learner.train(batch, 3)[0])
    learner.export(folder / "straight")
    learner.load(saved)
    learner.train(batch, 3)
    learner.export(folder / "resumed")
    if rank == 0:
        (folder / "metrics.json").write_text(json.dumps(metrics))


def main() -> None:
    rank, ranks = int(sys.argv[1]), int(sys.argv[2])
    model, folder = sys.argv[3], Path(sys.argv[4])
    fork = multiprocessing.get_context("fork")
    for name, port, settings in json.loads(sys.argv[5]):
        process = fork.Process(
            target=train, args=(rank, ranks, model, folder / name, port, settings), daemon=True
        )
        process.start()
        process.join()
        if process.exitcode != 0:
            sys.exit(f"{name}: exit code {process.exitcode}")


if __name__ == "__main__":
    main()
