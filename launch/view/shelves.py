"""What there is to look at: runs, and in each the folders of files that hold what a policy wrote.

Guarantees: a run and a shelf keep their numbers while the page is open; nothing outside of the
folders that were named is looked at.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from rl.errors import ConfigError
from rl.rollout_files import step_of

TRAINING: Final = "training"
"""The name of the shelf of what was sampled to train on."""
EVALUATION: Final = "plumb eval"
"""The name of the shelf of what `plumb eval` leaves: one file, as if it were of step 0."""
ANSWERS: Final = "answers.parquet"
_MARKS: Final = (
    "metrics.jsonl",
    "config.yaml",
    "status.json",
    "rollouts",
    "evaluations",
    "results.json",
)
STEP_BITS: Final = 24
SHELF_BITS: Final = 48


@dataclass(frozen=True, slots=True)
class Run:
    """A run directory, under a name that no other has."""

    number: int
    name: str
    path: Path


@dataclass(frozen=True, slots=True)
class Shelf:
    """A folder with a file of answers a step."""

    number: int
    run: Run
    name: str
    folder: Path


@dataclass(frozen=True, slots=True, order=True)
class Stamp:
    """What tells whether a file is still the same."""

    size: int
    changed: int
    """Nanoseconds since 1970."""


@dataclass(slots=True)
class Library:
    """The runs, and their shelves as far as they have been seen."""

    runs: Sequence[Run]
    shelves: list[Shelf] = field(default_factory=list)

    def look(self) -> list[Shelf]:
        """The shelves; those that are new come last."""
        known = {(shelf.run.number, shelf.name) for shelf in self.shelves}
        for run in self.runs:
            for name, folder in _folders(run.path):
                if (run.number, name) not in known:
                    self.shelves.append(Shelf(len(self.shelves), run, name, folder))
        return self.shelves


def runs_of(paths: Sequence[Path]) -> list[Run]:
    """The runs that are meant: a folder that is none stands for the runs in it.

    Raises:
        ConfigError: A folder is no run, and has none in it.
    """
    found: list[Path] = []
    for path in paths:
        inside = [path] if _is_run(path) else sorted(filter(_is_run, _children(path)))
        if not inside:
            raise ConfigError(
                f"{path}: is no run and holds none; give the run_dir of a run, such as "
                "runs/quickstart"
            )
        found += inside
    whole = list(dict.fromkeys(path.resolve() for path in found))
    return [
        Run(i, name, path) for i, (name, path) in enumerate(zip(_names(whole), whole, strict=True))
    ]


def files_of(folder: Path) -> dict[int, Stamp]:
    """The steps that a shelf has files of, and their stamps."""
    found = {}
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            step = step_of(Path(entry.name)) if entry.name.endswith(".parquet") else None
            step = 0 if entry.name == ANSWERS else step
            if step is not None and step < 1 << STEP_BITS:
                with suppress(OSError):
                    status = entry.stat()
                    found[step] = Stamp(status.st_size, status.st_mtime_ns)
    return found


def episode_file(folder: Path, step: int) -> Path:
    """Where a step's episodes are."""
    if step == 0 and (folder / ANSWERS).is_file():
        return folder / ANSWERS
    return folder / f"step_{step:06d}.parquet"


def doc_of(shelf: int, step: int, row: int) -> int:
    """A row's number in tables; it grows with shelf, step and row."""
    return shelf << SHELF_BITS | step << STEP_BITS | row


def place_of(doc: int) -> tuple[int, int, int]:
    """The shelf, step and row of a number."""
    return (
        doc >> SHELF_BITS,
        doc >> STEP_BITS & (1 << (SHELF_BITS - STEP_BITS)) - 1,
        doc & (1 << STEP_BITS) - 1,
    )


def _folders(run: Path) -> Iterator[tuple[str, Path]]:
    if (run / "rollouts").is_dir():
        yield TRAINING, run / "rollouts"
    if (run / ANSWERS).is_file():
        yield EVALUATION, run
    for folder in sorted(_children(run / "evaluations")):
        yield folder.name, folder


def _children(path: Path) -> list[Path]:
    try:
        return [entry for entry in path.iterdir() if entry.is_dir()]
    except OSError:
        return []


def _is_run(path: Path) -> bool:
    return any((path / mark).exists() for mark in _MARKS)


def _names(paths: Sequence[Path]) -> list[str]:
    """The last part of each path, with as many before it as make it unique."""
    for depth in range(1, 64):
        names = ["/".join(path.parts[-depth:]) for path in paths]
        if len(set(names)) == len(names):
            return names
    return [str(path) for path in paths]
