"""The checkpoints of a run as its settings ask for them: how many, and which are the best."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from rl.checkpoint import CheckpointStore
from rl.config import RunConfig
from rl.sinks import read_metrics


def store_of(config: RunConfig) -> CheckpointStore:
    """The checkpoints of a run directory."""
    train = config.train
    return CheckpointStore(
        config.run_dir,
        keep=train.keep_checkpoints,
        keep_best=train.keep_best,
        scores=partial(accuracies, config.run_dir, train.best_by),
    )


def accuracies(run_dir: Path, name: str) -> dict[int, float]:
    """The accuracy of an evaluation set by step, as far as a run has measured it."""
    found: dict[int, float] = {}
    for row in read_metrics(run_dir / "metrics.jsonl"):
        numbers = (row.get("evaluations") or {}).get(name)
        accuracy = numbers.get("accuracy") if isinstance(numbers, Mapping) else None
        if accuracy is not None:
            found[row["step"]] = accuracy
    return found
