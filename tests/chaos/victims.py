"""Which processes a run has, what each is to it, and what it says when one of them dies."""

import random
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

import psutil

from tests.processes import tree

COMMAND = "command"
DIED = ("died without a word", "Ray's head at ", "head died")
"""Of whatever takes the command with it: Ray ends what has lost its node or its head."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of process."""

    mark: str
    """In its command line."""
    words: tuple[str, ...]
    """One of them is in the log after its death."""


KINDS: Mapping[str, Kind] = {
    "learner": Kind("ray::LearnerActor", ("the learner is lost: ", "learner rank ")),
    "engine": Kind("ray::EngineActor", ("rollout engine ",)),
    "grading worker": Kind("rewards.grading.worker", ("grading worker",)),
    "raylet": Kind("/raylet/raylet", DIED),
    "head": Kind("/gcs/gcs_server", ("Ray's head at ", *DIED)),
    "agent": Kind("RuntimeEnvAgent", DIED),
    "guardian": Kind("rl.guardian", ("guardian died",)),
}
"""Beside the command itself. Ray's idle workers, its log monitor and its dashboard's agent are left
alone: nothing of a run depends on them, and nothing in it notices their end."""


@dataclass(frozen=True, slots=True)
class Victim:
    """A process that is to die."""

    kind: str
    process: psutil.Process

    @property
    def words(self) -> tuple[str, ...]:
        """What the log has to hold after its death, one of them."""
        return DIED if self.kind == COMMAND else KINDS[self.kind].words


def victims(root: int) -> list[Victim]:
    """Every process of a run that something depends on."""
    found = []
    for one in tree(root):
        with suppress(psutil.Error):
            line = " ".join(one.cmdline())
            if one.pid == root:
                found.append(Victim(COMMAND, one))
            found += [Victim(name, one) for name, kind in KINDS.items() if kind.mark in line]
    return found


def drawn(root: int, draw: random.Random) -> Victim | None:
    """One of them: first a kind, so that many processes of one are no likelier than one of another.

    None: the run has ended.
    """
    found = victims(root)
    kinds = sorted({one.kind for one in found})
    if not kinds:
        return None
    kind = draw.choice(kinds)
    return draw.choice(sorted((v for v in found if v.kind == kind), key=lambda v: v.process.pid))
