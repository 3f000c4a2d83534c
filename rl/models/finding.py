"""What a person names as a model: a model's folder, a checkpoint, or a run with checkpoints.

Guarantee: each is told with what its run's evaluations said of it, as far as they are known.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rl.checkpoint import CheckpointStore
from rl.errors import CheckpointError, ModelError
from rl.models.files import ORIGIN
from rl.sinks import read_metrics


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model that can be read."""

    folder: Path
    step: int | None
    """Of its run; None where that is not known."""
    is_checkpoint: bool
    evaluations: Mapping[str, float]
    """Accuracy by evaluation set."""


def checkpoint_of(path: Path, *, step: int | None, best_by: str | None) -> Candidate:
    """The checkpoint that is meant.

    Args:
        path: a checkpoint's folder, or a run's.
        step: which one of a run; None: the newest.
        best_by: an evaluation set by which the best one is meant.

    Raises:
        CheckpointError: There is none.
    """
    if _is_checkpoint(path):
        if step is not None or best_by is not None:
            raise CheckpointError(f"{path} is one checkpoint: name its run to choose among several")
        return candidate(path)
    found = checkpoints_of(path)
    if not found:
        raise CheckpointError(f"{path} is neither a checkpoint nor a run that has one")
    if best_by is not None:
        measured = [one for one in found if best_by in one.evaluations]
        if not measured:
            raise CheckpointError(
                f"no checkpoint in {path} was evaluated on {best_by!r}: name a step instead"
            )
        return max(measured, key=lambda one: (one.evaluations[best_by], one.step or 0))
    if step is None:
        return found[-1]
    for one in found:
        if one.step == step:
            return one
    steps = ", ".join(str(one.step) for one in found if one.step is not None) or "no step"
    raise CheckpointError(f"{path} has no checkpoint of step {step}: there are those of {steps}")


def checkpoints_of(run_dir: Path) -> list[Candidate]:
    """The checkpoints of a run, oldest first."""
    store = CheckpointStore(run_dir, keep=1)
    return [candidate(store.path(step)) for step in store.steps()]


def candidates(paths: Sequence[Path], *, last: int) -> list[Candidate]:
    """The models that are meant, in this order; of a run its last ones, the oldest first.

    Args:
        paths: folders of models, checkpoints and runs.
        last: how many of a run: checkpoints, and models that it has exported on its way.

    Raises:
        ModelError: One is none of these, or a run has fewer.
    """
    found: list[Candidate] = []
    for path in paths:
        if _is_checkpoint(path) or (path / "config.json").is_file():
            found.append(candidate(path))
            continue
        exported = [candidate(one) for one in (path / "models").glob("step_*") if _has_step(one)]
        steps = {one.step: one for one in (*exported, *checkpoints_of(path))}
        own = [steps[step] for step in sorted(steps, key=lambda step: step or 0)]
        if not own:
            raise ModelError(f"{path} is no model, no checkpoint, and no run that has either")
        if len(own) < last:
            raise ModelError(
                f"{path} has {len(own)} checkpoints, fewer than the last {last}: give --last "
                f"{len(own)}, or train with train.keep_checkpoints={last}"
            )
        found += own[-last:]
    return found


def candidate(folder: Path) -> Candidate:
    """A model's folder, or a checkpoint's."""
    if _is_checkpoint(folder):
        step = int(folder.name.removeprefix("step_"))
        return Candidate(folder, step, True, _measured(folder.resolve().parents[1], step))
    try:
        origin = json.loads((folder / ORIGIN).read_text("utf-8"))
        known = {str(name): float(value) for name, value in origin["evaluations"].items()}
        return Candidate(folder, origin.get("step"), False, known)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return _exported(folder)


def _exported(folder: Path) -> Candidate:
    """A model that says nothing of itself: a run may have exported it."""
    if folder.parent.name == "models" and _has_step(folder):
        step = int(folder.name.removeprefix("step_"))
        return Candidate(folder, step, False, _measured(folder.resolve().parents[1], step))
    if folder.name == "model" and (rows := _rows(folder.resolve().parent)):
        step = rows[-1]["step"]
        return Candidate(folder, step, False, _measured(folder.resolve().parent, step))
    return Candidate(folder, None, False, {})


def _is_checkpoint(path: Path) -> bool:
    return (path / "state.json").is_file() and _has_step(path)


def _has_step(path: Path) -> bool:
    """Whether it is of one step; beside the model of a step there may be the mean up to it."""
    return path.name.removeprefix("step_").isdecimal()


def _measured(run_dir: Path, step: int) -> dict[str, float]:
    for row in _rows(run_dir):
        if row["step"] == step:
            sets = row.get("evaluations") or {}
            found = {name: numbers.get("accuracy") for name, numbers in sets.items()}
            return {name: value for name, value in found.items() if value is not None}
    return {}


def _rows(run_dir: Path) -> list[dict[str, Any]]:
    return read_metrics(run_dir / "metrics.jsonl")
