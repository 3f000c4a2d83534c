"""A learner's actor whose rank writes files of its own; in a module that Ray's workers import."""

import errno
import time
from functools import cached_property
from pathlib import Path
from typing import Any

from rl.learn.group import LearnerActor
from rl.manifest import Manifest, manifest_of
from rl.storage import writing


class Rank:
    """A learner rank that writes as soon as it may."""

    def __init__(self, rank: int) -> None:
        self._rank = rank
        self._copied = False

    def snapshot(self, *, copy: bool) -> None:
        self._copied = copy

    def write(self, folder: Path) -> Manifest:
        own = folder / f"rank_{self._rank}"
        while not (folder.parent / "go").exists():
            time.sleep(0.01)
        with writing(folder):
            if self._rank == 1 and (folder.parent / "full").exists():
                raise OSError(errno.ENOSPC, "no space")
            own.mkdir()
            (own / "state").write_text(str(self._copied))
        return {f"{own.name}/{name}": one for name, one in manifest_of(own).items()}


class Actor(LearnerActor):
    """An actor of such a rank."""

    @cached_property
    def _learner(self) -> Any:
        return Rank(self._rank)
