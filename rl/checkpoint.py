"""Checkpoints: everything a run needs to go on, written whole or not at all.

A checkpoint is the folder `checkpoints/step_000020`: `state.json` (step, the dispatcher's state
with the data position, and the settings that these depend on), `ready.npz` (groups that wait for
their batch), `config.yaml` for people, `learner/` (weights, optimizer, scheduler and random state
of every rank) and `files.json` (the size of each of the learner's files). It is written under a
temporary name and renamed when complete, so a folder with the final name can always be loaded; one
that has lost a file since is refused. Settings that another version of the code has or lacks are in
nobody's way.
"""

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import yaml

from rl.config import RunConfig
from rl.config_file import dump_config
from rl.dispatch.state import DispatchState
from rl.errors import CheckpointError
from rl.groups import load_groups, prompt_from_state, save_groups
from rl.storage import publish, writing

FORMAT = 2
FROZEN = (
    "seed",
    "model.path",
    "data.shuffle",
    "data.order",
    "sampler.samples_per_prompt",
    "learner.zero_stage",
    "learner.ranks",
)
"""Settings that a resumed run may not change: its state would mean something else. The number of
ranks may change at ZeRO stage 0, where every rank holds the whole state."""
MISSING = object()
BROKEN = (
    *(OSError, ValueError, KeyError, TypeError, StopIteration),
    *(EOFError, BadZipFile, yaml.YAMLError),
)
"""What reading a damaged file raises."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint on disk."""

    folder: Path
    step: int
    """Steps trained, which is the policy's version."""
    dispatch: DispatchState
    """Prompts in flight, groups that wait, and the position in the data."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """The frozen settings that it was written with, by path."""

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
    def write(self, config: RunConfig, step: int, dispatch: DispatchState) -> Iterator[Path]:
        """Write a checkpoint; the caller fills the yielded folder with the learner's part.

        The checkpoint appears when the block ends without an error; older ones then go.
        """
        final = self._path(step)
        temporary = final.with_name(f".{final.name}.tmp")
        state = {
            "format": FORMAT,
            "step": step,
            "dispatch": dispatch.to_json(),
            "settings": {path: _value(config, path) for path in FROZEN},
        }
        with writing(final):
            self._sweep()
            learner = temporary / "learner"
            learner.mkdir(parents=True)
            (temporary / "state.json").write_text(json.dumps(state), encoding="utf-8")
            save_groups(temporary / "ready.npz", dispatch.ready)
            (temporary / "config.yaml").write_text(dump_config(config), encoding="utf-8")
        try:
            yield learner
            with writing(final):
                sizes = json.dumps(_sizes(learner))
                (temporary / "files.json").write_text(sizes, encoding="utf-8")
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
            checkpoint = _read(folder)
            _check_files(checkpoint)
        except BROKEN as error:
            raise _damaged(folder, str(error)) from error
        _check_frozen(checkpoint.settings, config, folder)
        return checkpoint

    def _sweep(self) -> None:
        """Remove what a kill left half-written or half-deleted."""
        for path in self._folder.glob(".step_*"):
            shutil.rmtree(path, ignore_errors=True)

    def _path(self, step: int) -> Path:
        return self._folder / f"step_{step:06d}"


def _damaged(folder: Path, reason: str) -> CheckpointError:
    return CheckpointError(
        f"{folder} is damaged ({' '.join(reason.split())}): delete it to resume from the one before"
    )


def _read(folder: Path) -> Checkpoint:
    state = json.loads((folder / "state.json").read_text(encoding="utf-8"))
    if state["format"] not in (1, FORMAT):
        raise CheckpointError(
            f"{folder} has checkpoint format {state['format']}, this version reads up to {FORMAT}"
        )
    settings = state.get("settings")
    if settings is None:  # as it was written before settings stood there
        settings = _settings_of(folder / "config.yaml")
    if state["format"] == 1:
        dispatch = _dispatch_of(state["sampler"], state["step"])
    else:
        ready = load_groups(folder / "ready.npz")
        dispatch = DispatchState.from_json(state["dispatch"], ready)
    return Checkpoint(folder, state["step"], dispatch, dict(settings))


def _dispatch_of(sampler: Mapping[str, Any], step: int) -> DispatchState:
    """Where dispatch stands after a step of format 1, whose waiting groups are sampled again."""
    again = [*sampler["unfinished"], *([one["index"], one["prompt"]] for one in sampler["ready"])]
    return DispatchState(
        next_index=sampler["next_index"],
        taken=step,
        again=tuple((index, prompt_from_state(prompt)) for index, prompt in sorted(again)),
        ready=(),
        pacing={key: sampler["rate"][key] for key in ("value", "observed")},
        source=sampler["source"],
    )


def _settings_of(path: Path) -> dict[str, Any]:
    """The frozen settings in a config of an earlier version; those that it lacks are left out."""
    tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    found: dict[str, Any] = {}
    for setting in FROZEN:
        value = tree
        for part in setting.split("."):
            value = value.get(part, MISSING) if isinstance(value, Mapping) else MISSING
        if value is not MISSING:
            found[setting] = value
    return found


def _sizes(folder: Path) -> dict[str, int]:
    """The size of every file below `folder`, bytes, by its path from there."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.stat().st_size for path in files}


def _check_files(checkpoint: Checkpoint) -> None:
    """Raises ValueError if a file of the learner is not there as it was written."""
    path = checkpoint.folder / "files.json"
    if not path.exists():  # as checkpoints were written before it stood there
        return
    wanted = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(wanted, dict):
        raise ValueError("files.json holds no list of sizes by name")
    found = _sizes(checkpoint.learner)
    lost = [name for name, size in wanted.items() if found.get(name) != size]
    if lost:
        which = "is not there" if lost[0] not in found else "has another size"
        raise ValueError(f"learner/{lost[0]} {which}; {len(lost)} of {len(wanted)} files are lost")


def _check_frozen(saved: Mapping[str, Any], current: RunConfig, folder: Path) -> None:
    free = {"learner.ranks"} if saved.get("learner.zero_stage") == 0 else set()
    changed = [
        f"{path} was {saved[path]!r}, is {_value(current, path)!r}"
        for path in FROZEN
        if path in saved and path not in free and saved[path] != _value(current, path)
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
