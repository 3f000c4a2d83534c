"""Learner ranks without Ray: under each of some settings they train and export the policy.

Usage: python learner_process.py MODEL FOLDER VARIANTS

VARIANTS is JSON: a list of [name, learner settings], among them `ranks`, each a process; they write
to FOLDER/name. Among the settings may be `resume`, a checkpoint that they go on from instead of
making one; `model`, another than MODEL; `dtype`, the model's; and `whole_logits`, by which the
reference of the chunked head learns instead of it.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rl.config import RunConfig
from rl.hardware import detect
from rl.learn.rank import LearnerRank
from rl.learn.shares import Share, cut
from tests.rl.learner_groups import VERSION, make_groups
from tests.rl.ranks import fork_ranks
from tests.rl.sharding import shard_everything


def share_of(config: RunConfig, rank: int, step: int) -> Share:
    """This rank's part of a batch of episodes with several rows, turns and versions."""
    groups = make_groups(7, [4] * 6, turns=2, vocabulary=(7, 90))
    learner = config.learner
    shares = cut(
        groups,
        ranks=learner.data_ranks,
        mini_batch_size=learner.mini_batch_size,
        micro_batch_tokens=learner.micro_batch_tokens * learner.sequence_parallel,
        seed=f"{config.seed}/{step}",
        packed=learner.packing,
        mask_truncated=learner.mask_truncated,
    )
    return shares[rank // learner.sequence_parallel]


def compute_whole_logits() -> None:
    """Train by OpenRLHF's own Actor, the reference."""
    from rl.learn import loading
    from tests.rl.whole_logits import WholeLogits

    stand_ins = {"fit_head": lambda *_: None, "isolate": lambda _: None, "PolicyActor": WholeLogits}
    vars(loading).update(stand_ins)


def train(
    rank: int, ranks: int, port: int, model: str, folder: Path, settings: Mapping[str, object]
) -> None:
    """Train two steps, save, train a third, go back to what was saved and train the third again."""
    checkpoint, model = settings.get("resume"), str(settings.get("model", model))
    if settings.get("whole_logits"):
        compute_whole_logits()
    dtype = settings.get("dtype", "auto")
    shard_everything()
    ours = ("resume", "model", "dtype", "whole_logits")
    settings = {name: value for name, value in settings.items() if name not in ours}
    config = RunConfig.model_validate(
        {
            "model": {"path": model, "dtype": dtype},
            "train": {"steps": 4},
            "rollout": {"temperature": 0.7},
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
    learner = LearnerRank(config, detect(0), rank)
    learner.start("127.0.0.1", port)

    def train_step(step: int) -> tuple[dict[str, Any], dict[tuple[int, int], float]]:
        return learner.train(share_of(config, rank, step), step, VERSION)

    if checkpoint is not None:
        learner.load(Path(str(checkpoint)), {})
        train_step(3)
        learner.export(folder / "resumed")
        return
    canary = [learner.canary(range(7, 20)).tolist()]
    steps = [train_step(step) for step in (1, 2)]
    saved = folder / "checkpoint"
    saved.mkdir(parents=True, exist_ok=True)
    learner.snapshot(copy=True)
    files = learner.write(saved)
    learner.export(folder / "before")
    steps.append(train_step(3))
    canary.append(learner.canary(range(7, 20)).tolist())
    learner.export(folder / "straight")
    learner.load(saved, files)
    # What has left its device and come back is what it was.
    moved = [learner.memory("leave", part) for part in ("optimizer", "weights")]
    came_back = learner.memory("come_back")
    train_step(3)
    learner.export(folder / "resumed")
    (folder / f"moved_{rank}.json").write_text(json.dumps([*moved, came_back]))
    if rank == 0:
        metrics = [row for row, _ in steps]
        (folder / "metrics.json").write_text(json.dumps(metrics))
        (folder / "canary.json").write_text(json.dumps(canary))
    first = [[[*member, value] for member, value in found.items()] for _, found in steps]
    (folder / f"first_{rank}.json").write_text(json.dumps(first))


def main() -> None:
    model, folder = sys.argv[1], Path(sys.argv[2])
    for name, settings in json.loads(sys.argv[3]):
        fork_ranks(name, settings.pop("ranks"), train, model, folder / name, settings)


if __name__ == "__main__":
    main()
