"""Learners of 1, 2 and 4 gloo ranks at every ZeRO stage save, and load what others have saved.

Usage: python reshape_process.py MODEL FOLDER DTYPE

One process imports everything and forks the ranks. Each layout trains two steps, saves while it
trains a third, and writes down the state after that one. Then layouts load: see `PAIRS`. FOLDER/
results.json says, for each pair, how far the loaded state and the step after it are off.
"""

import json
import os
import sys
from collections.abc import Callable, Sequence
from datetime import timedelta
from itertools import product
from pathlib import Path
from threading import Thread
from typing import Any

import torch
import torch.distributed as dist
from deepspeed.runtime.zero.config import ZeroStageEnum  # noqa: F401  # imported before the forks
from transformers import AutoModelForCausalLM

from rl.checkpoint_reading import read_manifest
from rl.config import LearnerConfig
from rl.hardware import Hardware
from rl.learn.openrlhf_parts import DeepspeedStrategy  # noqa: F401
from rl.learn.saving import TAG, LearnerState
from rl.learn.shards import Layout, Shards
from rl.learn.strategy import make_strategy
from rl.manifest import Manifest, manifest_to_json
from tests.rl.ranks import fork_ranks

RANKS = (1, 2, 4)
STAGES = (0, 1, 2, 3)
LAYOUTS = [(ranks, stage) for ranks in RANKS for stage in STAGES]
_WORLDS = list(product(RANKS, RANKS))
PAIRS = [
    # Every pair of stages, and every pair of numbers of ranks; those alike by DeepSpeed itself.
    *(
        ((before, one), (after, other))
        for place, (one, other) in enumerate(product(STAGES, STAGES))
        for before, after in [_WORLDS[(place * 4) % len(_WORLDS)]]
    ),
    *(((2, stage), (2, stage)) for stage in STAGES),
]
"""Who loads what whom has saved: ranks and stage of each."""
ROWS, LENGTH = 4, 12


class Learner:
    """One rank of a learner, with a state like that of a run's."""

    def __init__(self, model: str, dtype: str, rank: int, ranks: int, stage: int) -> None:
        self.ranks, self.rank = ranks, rank
        hardware = Hardware(device="cpu", cores=1)
        config = LearnerConfig(ranks=ranks, zero_stage=stage)
        strategy: Any = make_strategy(hardware, config, dtype=dtype, seed=1, world_size=ranks)
        usual: Callable[..., dict[str, Any]] = strategy.get_ds_train_config

        def sharded(*arguments: Any, **named: Any) -> dict[str, Any]:
            settings = usual(*arguments, **named)
            # Else so small a model is whole on every rank.
            settings["zero_optimization"]["stage3_param_persistence_threshold"] = 0
            return settings

        strategy.get_ds_train_config = sharded
        kind = torch.bfloat16 if dtype == "bf16" else torch.float32
        network = AutoModelForCausalLM.from_pretrained(model, dtype=kind)
        adam = {"lr": 1e-2, "betas": (0.9, 0.95), "eps": 1e-8, "weight_decay": 0.1}
        settings = {
            "optim": "adam",
            "adam": adam,
            "lr_scheduler": "constant_with_warmup",
            "lr_warmup_ratio": 0.35,
            "max_norm": 1.0,
            "scheduler_steps": 10,
        }
        self.engine, _, self.scheduler = strategy.prepare((network, settings))
        layout = Layout(ranks, stage, dtype)
        self.state = LearnerState(self.engine, rank=rank, layout=layout)

    def train(self, step: int) -> None:
        """One step on the same rows, whoever takes which."""
        draw = torch.Generator().manual_seed(step)
        rows = torch.randint(8, 80, (ROWS, LENGTH), generator=draw)
        mine = rows[self.rank :: self.ranks]
        logits = self.engine(input_ids=mine).logits[:, :-1].float()
        logprobs = logits.log_softmax(-1).gather(-1, mine[:, 1:, None])
        # Gradients are averaged over the ranks.
        self.engine.backward(-logprobs.sum() * self.ranks / (ROWS * (LENGTH - 1)))
        self.engine.step()

    def save(self, folder: Path, beside: Callable[[], None] = lambda: None) -> Manifest:
        """Save while something else goes on; every rank knows all files."""
        self.state.snapshot(copy=True)
        parts: list[Any] = [None] * self.ranks
        folder.mkdir(parents=True, exist_ok=True)
        written: list[Manifest] = []
        thread = Thread(target=lambda: written.append(self.state.write(folder)))
        thread.start()
        beside()
        thread.join()
        dist.all_gather_object(parts, written[0])
        return {name: one for part in parts for name, one in part.items()}


def place_of(folder: Path, layout: Sequence[int]) -> Path:
    return folder / "{}x{}".format(*layout) / "checkpoints" / "step_000002"


def save(learner: Learner, folder: Path) -> None:
    """Train two steps, save, and train a third meanwhile; then write down what came of it."""
    for step in (1, 2):
        learner.train(step)
    manifest = learner.save(folder / "learner", beside=lambda: learner.train(3))
    learner.save(folder / "after")
    if learner.rank == 0:
        files = {f"learner/{name}": one for name, one in manifest.items()}
        said = {"files": manifest_to_json(files)}
        (folder / "manifest.json").write_text(json.dumps(said))
        (folder / "lr.json").write_text(json.dumps(learner.scheduler.get_last_lr()))


def load(learner: Learner, source: Path, scratch: Path) -> dict[str, Any]:
    """Load what another has saved; how far the state is off, and the one after another step."""
    manifest = {name.removeprefix("learner/"): one for name, one in read_manifest(source).items()}
    learner.state.load(source / "learner", manifest)
    learner.save(scratch / "loaded")
    learner.train(3)
    learner.save(scratch / "after")
    if learner.rank:
        return {}
    return {
        "loaded": compare(scratch / "loaded", source / "learner"),
        "after": compare(scratch / "after", source / "after"),
        "lr": learner.scheduler.get_last_lr() == json.loads((source / "lr.json").read_text()),
        "left": [path.name for path in source.parent.iterdir() if path.name.startswith(".")],
    }


def compare(folder: Path, other: Path) -> dict[str, Any]:
    """The largest differences of two states."""
    one, two = Shards(folder / TAG), Shards(other / TAG)
    assert one.shapes == two.shapes
    found: dict[str, Any] = {}
    for key in ("fp32", "exp_avg", "exp_avg_sq"):
        pairs = [(one.tensor(name, key), two.tensor(name, key)) for name in one.shapes]
        found[key] = max(float((left - right).abs().max()) for left, right in pairs)
        found[f"{key} mean"] = max(float((left - right).abs().mean()) for left, right in pairs)
    found["steps"] = all(one.step(name) == two.step(name) for name in one.shapes)
    found["size"] = sum(one.tensor(name).numel() for name in one.shapes)
    return found


def work(
    rank: int, ranks: int, port: int, model: str, folder: Path, dtype: str, phase: str
) -> None:
    torch.set_num_threads(1)
    address = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "LOCAL_RANK": "0"}
    os.environ |= address | {"RANK": str(rank), "WORLD_SIZE": str(ranks)}
    dist.init_process_group("gloo", timeout=timedelta(seconds=200), rank=rank, world_size=ranks)
    results = []
    for stage in STAGES:
        pairs = [pair for pair in PAIRS if pair[1] == (ranks, stage)]
        if phase == "load" and not pairs:
            continue
        learner = Learner(model, dtype, rank, ranks, stage)
        if phase == "save":
            save(learner, place_of(folder, (ranks, stage)))
            continue
        for number, (before, _) in enumerate(pairs):
            scratch = folder / f"scratch-{ranks}x{stage}-{number}"
            found = load(learner, place_of(folder, before), scratch)
            results.append({"from": before, "by": (ranks, stage)} | found)
    if rank == 0 and phase == "load":
        (folder / f"results-{ranks}.json").write_text(json.dumps(results))
    dist.barrier()
    os._exit(0)  # DeepSpeed's groups end with the process


def main() -> None:
    model, folder, dtype = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
    for phase in ("save", "load"):
        for ranks in RANKS:
            fork_ranks(f"{phase} with {ranks}", ranks, work, model, folder, dtype, phase)
    results = [
        one for ranks in RANKS for one in json.loads((folder / f"results-{ranks}.json").read_text())
    ]
    (folder / "results.json").write_text(json.dumps(results))


if __name__ == "__main__":
    main()
