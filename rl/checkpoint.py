"""Checkpoints: everything a run needs to go on, written whole or not at all.

A checkpoint is the folder `checkpoints/step_000020`: `state.json` (step, the dispatcher's state
with the data position, and the settings that these depend on), `ready.npz` (groups that wait for
their batch), `config.yaml` for people, `learner/` (weights, optimizer, scheduler and random state
of every rank) and `manifest.json` (size and SHA-256 of every file). It is written under a temporary
name and renamed when complete, so a folder with the final name can always be loaded; one that has
lost a file since, or a bit of it, is refused. The newest are kept, and those that an evaluation
found best.
"""

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from rl.checkpoint_reading import FORMAT, MANIFEST, Checkpoint, read_checkpoint
from rl.checkpoint_settings import check_frozen, frozen_settings
from rl.config import RunConfig
from rl.config_file import dump_config
from rl.dispatch.state import DispatchState
from rl.groups import save_groups
from rl.manifest import Manifest, manifest_of, manifest_to_json, record_of
from rl.storage import publish, write_atomically, writing

__all__ = ["Checkpoint", "CheckpointStore", "Draft"]

Scores = Callable[[], Mapping[int, float]]
"""What an evaluation said of each step's policy, the higher the better; not of all steps."""


class CheckpointStore:
    """The checkpoints of a run directory.

    Args:
        run_dir: the run directory.
        keep: newest checkpoints to keep.
        keep_best: best ones to keep beside them.
        scores: what decides which those are.
    """

    def __init__(
        self, run_dir: Path, *, keep: int, keep_best: int = 0, scores: Scores = dict
    ) -> None:
        self._folder = run_dir / "checkpoints"
        self._keep = keep
        self._keep_best = keep_best
        self._scores = scores

    def steps(self) -> list[int]:
        """Steps at which a whole checkpoint was written, oldest first."""
        numbers = (path.name.removeprefix("step_") for path in self._folder.glob("step_*"))
        return sorted(int(number) for number in numbers if number.isdecimal())

    def path(self, step: int) -> Path:
        """Where the checkpoint of a step is, if it is there."""
        return self._folder / f"step_{step:06d}"

    def begin(self, config: RunConfig, step: int, dispatch: DispatchState) -> "Draft":
        """Begin to write a checkpoint, whose folder is there for the learner's part."""
        final = self.path(step)
        draft = Draft(self, final, config, step, dispatch)
        with writing(final):
            self.sweep()
            draft.learner.mkdir(parents=True)
        return draft

    @contextmanager
    def write(self, config: RunConfig, step: int, dispatch: DispatchState) -> Iterator[Path]:
        """Write a checkpoint; the caller fills the yielded folder with the learner's part.

        The checkpoint appears when the block ends without an error; older ones then go.
        """
        draft = self.begin(config, step, dispatch)
        try:
            yield draft.learner
            with writing(self.path(step)):
                files = manifest_of(draft.learner)
            draft.publish(files)
        finally:
            draft.drop()

    def newest(self, config: RunConfig) -> Checkpoint | None:
        """The newest checkpoint, after checking that `config` can continue it.

        Raises:
            CheckpointError: It is damaged, or of a run with other settings.
        """
        steps = self.steps()
        if not steps:
            return None
        checkpoint = read_checkpoint(self.path(steps[-1]))
        check_frozen(checkpoint.settings, config, checkpoint.folder)
        return checkpoint

    def retire(self) -> None:
        """Delete those that are neither new nor best."""
        steps = self.steps()
        scores = self._scores() if self._keep_best else {}
        best = sorted(
            (step for step in steps if step in scores),
            key=lambda step: (scores[step], step),
        )
        kept = {*steps[-self._keep :], *(best[-self._keep_best :] if self._keep_best else ())}
        for step in steps:
            if step not in kept:
                # First the name: a kill must not leave half a folder under it.
                old = self.path(step)
                with writing(old):
                    old.rename(old.with_name(f".{old.name}.old"))
        self.sweep()

    def sweep(self) -> None:
        """Remove what a kill left half-written or half-deleted."""
        for path in self._folder.glob(".step_*"):
            shutil.rmtree(path, ignore_errors=True)


class Draft:
    """A checkpoint that is being written; only `CheckpointStore.begin` makes one."""

    def __init__(
        self,
        store: CheckpointStore,
        final: Path,
        config: RunConfig,
        step: int,
        dispatch: DispatchState,
    ) -> None:
        self.step = step
        self._store = store
        self._final = final
        self._folder = final.with_name(f".{final.name}.tmp")
        self._config = config
        self._dispatch = dispatch

    @property
    def learner(self) -> Path:
        """Where the learner's part goes."""
        return self._folder / "learner"

    def publish(self, files: Manifest) -> None:
        """Write what is not the learner's, and let the checkpoint appear; older ones then go.

        Args:
            files: the learner's files, by their path in its folder.
        """
        state = {
            "format": FORMAT,
            "step": self.step,
            "dispatch": self._dispatch.to_json(),
            "settings": frozen_settings(self._config),
        }
        folder = self._folder
        with writing(self._final):
            (folder / "state.json").write_text(json.dumps(state), encoding="utf-8")
            save_groups(folder / "ready.npz", self._dispatch.ready)
            (folder / "config.yaml").write_text(dump_config(self._config), encoding="utf-8")
            own = ("state.json", "ready.npz", "config.yaml")
            whole = {name: record_of(folder / name) for name in own}
            whole |= {f"learner/{name}": record for name, record in files.items()}
            said = {"files": manifest_to_json(whole)}
            write_atomically(folder / MANIFEST, json.dumps(said, indent=1) + "\n")
        publish(folder, self._final)
        self._store.retire()

    def drop(self) -> None:
        """Remove what was written, if it has not appeared."""
        shutil.rmtree(self._folder, ignore_errors=True)
