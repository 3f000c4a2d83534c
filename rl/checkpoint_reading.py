"""Reading a checkpoint of any version, and noticing that it is damaged.

Guarantee: whatever a damaged folder holds, the error is one line that names it and the way out.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from zipfile import BadZipFile

import yaml

from rl.checkpoint_settings import frozen_of
from rl.dispatch.state import DispatchState
from rl.errors import CheckpointError
from rl.groups import load_groups, prompt_from_state
from rl.manifest import (
    FileRecord,
    Manifest,
    check_digests,
    check_sizes,
    manifest_from_json,
)

FORMAT: Final = 3
"""What this version writes. 2: sizes of the learner's files alone, in `files.json`. 1: groups that
waited are sampled again."""
MANIFEST: Final = "manifest.json"
BROKEN: Final = (
    *(OSError, ValueError, KeyError, TypeError, StopIteration, AttributeError),
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
    config: Mapping[str, Any] = field(default_factory=dict)
    """All settings that it was written with."""
    manifest: Manifest = field(default_factory=dict)
    """Its files; empty if it is of a version that wrote none down."""

    @property
    def learner(self) -> Path:
        """The learner's part."""
        return self.folder / "learner"

    @property
    def learner_files(self) -> dict[str, FileRecord]:
        """The files of the learner's part, by their path in it."""
        prefix = "learner/"
        return {
            name.removeprefix(prefix): one
            for name, one in self.manifest.items()
            if name.startswith(prefix)
        }


def read_checkpoint(folder: Path) -> Checkpoint:
    """Read what a folder holds, and check that its files are there.

    The learner's files are known by their sizes here; who loads them checks their digests.

    Raises:
        CheckpointError: It is damaged, or of a later version.
    """
    try:
        state = json.loads((folder / "state.json").read_text(encoding="utf-8"))
        version = state["format"]
    except BROKEN as error:
        raise damaged(folder, str(error)) from error
    if version not in range(1, FORMAT + 1):
        raise CheckpointError(
            f"{folder} has checkpoint format {version}, this version reads up to {FORMAT}"
        )
    try:
        manifest = read_manifest(folder)
        check_sizes(folder, manifest)
        check_digests(folder, manifest, [name for name in manifest if "/" not in name])
        tree = yaml.safe_load((folder / "config.yaml").read_text(encoding="utf-8"))
        settings = state.get("settings")
        if settings is None:  # as it was written before settings stood there
            settings = frozen_of(tree)
        dispatch = _dispatch(state, folder)
        return Checkpoint(
            folder,
            state["step"],
            dispatch,
            dict(settings),
            tree if isinstance(tree, Mapping) else {},
            manifest,
        )
    except BROKEN as error:
        raise damaged(folder, str(error)) from error


def read_manifest(folder: Path) -> dict[str, FileRecord]:
    """The files that a checkpoint consists of, as far as its version wrote them down.

    Raises:
        ValueError: and others of `BROKEN`: what is there says something else.
    """
    path = folder / MANIFEST
    if path.exists():
        return manifest_from_json(json.loads(path.read_text(encoding="utf-8"))["files"])
    path = folder / "files.json"
    if not path.exists():
        return {}
    sizes = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(sizes, dict):
        raise ValueError("files.json holds no list of sizes by name")
    return {f"learner/{name}": FileRecord(int(size), "") for name, size in sizes.items()}


def damaged(folder: Path, reason: str) -> CheckpointError:
    """The error of a folder that cannot be used."""
    return CheckpointError(
        f"{folder} is damaged ({' '.join(reason.split())}): delete it to resume from the one before"
    )


def _dispatch(state: Mapping[str, Any], folder: Path) -> DispatchState:
    if state["format"] == 1:
        return _dispatch_of(state["sampler"], state["step"])
    return DispatchState.from_json(state["dispatch"], load_groups(folder / "ready.npz"))


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
