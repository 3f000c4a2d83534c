"""Checkpoints: everything a run needs to go on, written whole or not at all.

A checkpoint is the folder `checkpoints/step_000020`: `state.json` (step, policy version, sampler
with its carried groups and data position), `config.yaml` and `learner/` (weights, optimizer,
scheduler and random state of every rank). It is written under a temporary name and renamed when
complete, so a folder with the final name can always be loaded.
"""

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rl.config import RunConfig
from rl.config_file import dump_config, load_config
from rl.errors import CheckpointError, ConfigError
from rl.storage import publish, writing

FORMAT = 1
FROZEN = (
    "seed",
    "model.path",
    "data.shuffle",
    "sampler.samples_per_prompt",
    "learner.ranks",
    "learner.zero_stage",
)
"""Settings that a resumed run may not change: its state would mean something else."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint on disk."""

    folder: Path
    step: int
    policy_version: int
    sampler: Mapping[str, Any]

    @property
    def learner(self) -> Path:
        """The learner's part."""
        return self.folder / "learner"


class CheckpointStore:
    """The checkpoints of a run directory.

    Args:
        run_dir: the run directory.
        keep: newest checkpoints to keep.
    """

    def __init__(self, run_dir: Path, *, keep: int) -> None:
        self._folder = run_dir / "checkpoints"
        self._keep = keep

    def steps(self) -> list[int]:
        """Steps at which a whole checkpoint was written, oldest first."""
        numbers = (path.name.removeprefix("step_") for path in self._folder.glob("step_*"))
        return sorted(int(number) for number in numbers if number.isdecimal())

    @contextmanager
    def write(
        self, config: RunConfig, *, step: int, policy_version: int, sampler: Mapping[str, Any]
    ) -> Iterator[Path]:
        """Write a checkpoint; the caller fills the yielded folder with the learner's part.

        The checkpoint appears when the block ends without an error; older ones then go.
        """
        final = self._path(step)
        temporary = final.with_name(f".{final.name}.tmp")
        state = {
            "format": FORMAT,
            "step": step,
            "policy_version": policy_version,
            "sampler": sampler,
        }
        with writing(final):
            self._sweep()
            learner = temporary / "learner"
            learner.mkdir(parents=True)
            (temporary / "state.json").write_text(json.dumps(state), encoding="utf-8")
            (temporary / "config.yaml").write_text(dump_config(config), encoding="utf-8")
        try:
            yield learner
            publish(temporary, final)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        for old in map(self._path, self.steps()[: -self._keep]):
            # First the name: a kill must not leave half a folder under it.
            with writing(old):
                old.rename(old.with_name(f".{old.name}.old"))
        self._sweep()

    def newest(self, config: RunConfig) -> Checkpoint | None:
        """The newest checkpoint, after checking that `config` can continue it."""
        steps = self.steps()
        if not steps:
            return None
        folder = self._path(steps[-1])
        try:
            checkpoint, saved = _read(folder)
        except (OSError, ValueError, KeyError, TypeError, ConfigError) as error:
            raise CheckpointError(
                f"{folder} is damaged ({error}): delete it to resume from the one before"
            ) from error
        _check_frozen(saved, config, folder)
        return checkpoint

    def _sweep(self) -> None:
        """Remove what a kill left half-written or half-deleted."""
        for path in self._folder.glob(".step_*"):
            shutil.rmtree(path, ignore_errors=True)

    def _path(self, step: int) -> Path:
        return self._folder / f"step_{step:06d}"


def _read(folder: Path) -> tuple[Checkpoint, RunConfig]:
    state = json.loads((folder / "state.json").read_text(encoding="utf-8"))
    if state["format"] != FORMAT:
        raise CheckpointError(
            f"{folder} has checkpoint format {state['format']}, this version reads {FORMAT}"
        )
    checkpoint = Checkpoint(folder, state["step"], state["policy_version"], state["sampler"])
    return checkpoint, load_config(folder / "config.yaml")


def _check_frozen(saved: RunConfig, current: RunConfig, folder: Path) -> None:
    changed = [
        f"{path} was {_value(saved, path)!r}, is {_value(current, path)!r}"
        for path in FROZEN
        if _value(saved, path) != _value(current, path)
    ]
    if changed:
        raise CheckpointError(
            f"{folder} belongs to a run with other settings: {'; '.join(changed)}; change them "
            "back, or start anew in another run_dir"
        )


def _value(config: RunConfig, path: str) -> Any:
    value: Any = config
    for part in path.split("."):
        value = getattr(value, part)
    return value
