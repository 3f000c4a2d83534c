"""Everything that the page can ask for, over the runs that are looked at, and what keeps it fresh.

Guarantee: whatever a file holds, looking goes on: what cannot be read is named, not raised.
"""

import subprocess
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import duckdb

from launch.view.cache import Snapshot, cache_root, snapshot_of, tidy
from launch.view.curves import (
    Metrics,
    config_text,
    engines_of,
    evaluations_of,
    faults_of,
    forecast_of,
    slowest_calls,
    status_of,
)
from launch.view.filters import Filter
from launch.view.indexing import start_indexing, stop_indexing
from launch.view.light import LightTable
from launch.view.search import Searcher, as_row
from launch.view.shelves import TRAINING, Library, Run, place_of
from launch.view.text_index import TextIndex
from launch.view.texts import GoneError, preview, read_docs
from launch.view.words import Query

LOOK_SECONDS: Final = 2.0  # between looks for new files
HEAD_START: Final = 1.0  # seconds that the first screen has before older rows are read
GROUP_SHOWN: Final = 128  # answers of one group
PROMPTS_SHOWN: Final = 25


class Desk:
    """What is known of some runs.

    Args:
        runs: which.
        root: where caches are; None: the person's own.
        index: whether texts are indexed in the background.
    """

    def __init__(
        self, runs: Sequence[Run], root: Path | None = None, *, index: bool = True
    ) -> None:
        self.library = Library(runs)
        place = cache_root() if root is None else root
        found = {run.number: snapshot_of(run, place) for run in runs}
        self.snapshots: dict[int, Snapshot] = {i: one for i, one in found.items() if one}
        """By run number, what is kept of runs."""
        self.library.look()
        self.light = LightTable(self.library, self.snapshots)
        indexes = {i: TextIndex(one.index) for i, one in self.snapshots.items()} if index else {}
        self.searcher = Searcher(self.library, self.light, indexes)
        self._metrics = [Metrics(run) for run in runs]
        self._root = place
        self._indexing: subprocess.Popen[bytes] | None = None
        self._stop = threading.Event()
        self._seen = threading.Event()
        self._watch = threading.Thread(target=self._look, name="plumb-view-watch", daemon=True)

    def start(self) -> None:
        """Begin to read, and to look for what is new."""
        tidy(self._root)
        self._watch.start()
        if self.searcher.indexed:
            indexed = [
                (run, self.snapshots[run.number].index)
                for run in self.library.runs
                if run.number in self.snapshots
            ]
            self._indexing = start_indexing(indexed)

    def close(self) -> None:
        """End it all."""
        self._stop.set()
        self._seen.set()
        if self._indexing is not None:
            stop_indexing(self._indexing)
        if self._watch.is_alive():
            self._watch.join(timeout=60)
        self.light.close()

    def state(self) -> dict[str, Any]:
        """The runs and what they do, and how far reading and indexing are."""
        indexed, files = self.searcher.progress()
        return {
            "runs": [self._run_state(run) for run in self.library.runs],
            "shelves": [
                {"number": one.number, "run": one.run.number, "set": one.name}
                for one in self.library.shelves
            ],
            "loaded": self.light.loaded,
            "files": max(self.light.total, self.light.loaded),
            "indexed": indexed,
            "to_index": files if self.searcher.indexed else 0,
            "version": self.light.version,
            "notes": [f"{name} is left out: {why}" for name, why in self.light.notes.items()],
        }

    def curves(self) -> list[dict[str, Any]]:
        """The charts and numbers of each run."""
        found = [
            {
                "run": run.number,
                "stamp": metrics.stamp,
                "config": config_text(run.path),
                **metrics.drawn(),
            }
            for run, metrics in zip(self.library.runs, self._metrics, strict=True)
        ]
        self._seen.set()
        return found

    def times(self, asked: Filter) -> dict[str, Any]:
        """The slowest prompts, verifiers and engines by name."""
        runs = []
        for run, metrics in zip(self.library.runs, self._metrics, strict=True):
            history = metrics.history()
            runs.append(
                {
                    "run": run.number,
                    **(slowest_calls(history) if history else {"calls": [], "verifiers": []}),
                    "engines": engines_of(run.path, status_of(run.path)),
                    "speeds": self._speeds(run),
                    "faults": faults_of(run.path),
                }
            )
        return {
            "runs": runs,
            "slowest": self._prompts(asked, "took"),
        }

    def data(self, asked: Filter) -> dict[str, Any]:
        """What was foretold beside what came, and prompts that are never or always right."""
        return {
            "forecasts": [
                {"run": run.number, "steps": forecast_of(run.path, metrics.history())}
                for run, metrics in zip(self.library.runs, self._metrics, strict=True)
            ],
            "hardest": self._prompts(asked, "reward"),
        }

    def evaluations(self) -> list[dict[str, Any]]:
        """Every evaluation of every run."""
        found = []
        for run, metrics in zip(self.library.runs, self._metrics, strict=True):
            measured = evaluations_of(run.path, metrics.history())
            found += [{"run": run.number, **one} for one in measured]
        return found

    def rows(self, asked: Filter, offset: int, limit: int) -> dict[str, Any]:
        """Rows in the order that was asked for."""
        return {"rows": [as_row(row) for row in self.light.rows(asked, offset, limit)]}

    def found(self, asked: Filter, after: int | None, limit: int) -> dict[str, Any]:
        """Rows that have a text, and where to go on."""
        if not Query.parse(asked.text):
            return {"rows": [], "next": None, "step": None, "waits": False}
        found = self.searcher.find(asked, after, limit)
        return {
            "rows": [as_row(row) for row in found.rows],
            "next": None if found.next is None else str(found.next),
            "step": None if found.next is None else place_of(found.next)[1],
            "waits": found.waits,
        }

    def group(self, doc: int) -> list[dict[str, Any]]:
        """The answers of a row's group, with the beginnings of their texts.

        Raises:
            GoneError: The row is not there.
        """
        rows = self.light.of_docs([doc])
        if not rows:
            raise GoneError("this answer is not in the table (any more): reload the list")
        return [as_row(row) for row in self.light.group_of(rows[0], GROUP_SHOWN)]

    def previews(self, docs: Sequence[int]) -> dict[int, Mapping[str, str]]:
        """The beginnings of rows' texts."""
        found = read_docs(self.library, docs, ("prompt", "response"))
        return {doc: preview(row) for doc, row in found.items()}

    def _prompts(self, asked: Filter, by: str) -> list[dict[str, Any]]:
        return [as_row(row) for row in self.light.prompts(asked, by, PROMPTS_SHOWN)]

    def _speeds(self, run: Run) -> list[dict[str, Any]]:
        own = (one for one in self.library.shelves if one.run.number == run.number)
        return next((self.light.engines(one) for one in own if one.name == TRAINING), [])

    def _run_state(self, run: Run) -> dict[str, Any]:
        return {
            "number": run.number,
            "name": run.name,
            "path": str(run.path),
            "stamp": self._metrics[run.number].stamp,
            **status_of(run.path),
        }

    def _look(self) -> None:
        while not self._stop.is_set():
            with suppress(OSError, duckdb.Error):
                self.light.refresh(self._stop, self._let_see)
            self._stop.wait(LOOK_SECONDS)

    def _let_see(self) -> None:
        """Leave the machine to the first screen, while it is drawn."""
        self._seen.wait(HEAD_START)
        self._seen.set()
