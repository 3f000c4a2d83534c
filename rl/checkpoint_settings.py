"""Settings between a checkpoint and the run that goes on from it: what may change, and what has.

Guarantee: a setting that this version of the code does not know is in nobody's way; one that a
checkpoint does not know is so too, unless its state would mean something else with it.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from rl.config import RunConfig
from rl.errors import CheckpointError

FROZEN: Final = (
    "seed",
    "model.path",
    "data.shuffle",
    "data.order",
    "sampler.samples_per_prompt",
    "learner.optimizer",
    "learner.lora.rank",
    "learner.lora.alpha",
    "learner.lora.targets",
    "learner.lora.quantize",
)
"""Settings that a resumed run may not change: its state would mean something else. How many ranks
there are, and their ZeRO stage, may change."""
ADDED: Final = {"data.order": "uniform", "learner.optimizer": "adamw", "learner.lora.rank": 0}
"""What those frozen settings stood for that the first versions did not have."""
PLACES: Final = ("run_dir", "cluster", "placement")
"""Sections that say where a run is, not what it does."""
_MISSING: Final = object()


def frozen_settings(config: RunConfig) -> dict[str, Any]:
    """The frozen settings by path, as JSON values; those that there are."""
    return frozen_of(config.model_dump(mode="json"))


def frozen_of(tree: Any) -> dict[str, Any]:
    """The frozen settings in a tree of settings; those that it lacks are left out."""
    found = {path: _value(tree, path) for path in FROZEN}
    return {path: value for path, value in found.items() if value is not _MISSING}


def check_frozen(saved: Mapping[str, Any], current: RunConfig, folder: Path) -> None:
    """Raises CheckpointError that shows each frozen setting that is not what it was."""
    now = frozen_settings(current)
    before = {**ADDED, **saved}
    changed = [
        f"{path} was {before[path]!r}, is {value!r}"
        for path, value in now.items()
        if path in before and before[path] != value
    ]
    if changed:
        raise CheckpointError(
            f"{folder} belongs to a run with other settings: {'; '.join(changed)}; change them "
            "back, or start anew in another run_dir"
        )


def differences(saved: Any, current: RunConfig) -> list[str]:
    """The settings that are not what they were, such as `learner.lr was 5e-07, is 1e-06`.

    Args:
        saved: the tree of settings of a checkpoint.
        current: those of the run that goes on from it.
    """
    before = dict(_leaves(saved))
    after = dict(_leaves(current.model_dump(mode="json")))
    return [
        f"{path} was {before[path]!r}, is {after[path]!r}"
        for path in after
        if path in before and before[path] != after[path] and path.split(".")[0] not in PLACES
    ]


def _leaves(tree: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    if not isinstance(tree, Mapping):
        return
    for key, value in tree.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _value(tree: Any, path: str) -> Any:
    for part in path.split("."):
        tree = tree.get(part, _MISSING) if isinstance(tree, Mapping) else _MISSING
    return tree
