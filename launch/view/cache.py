"""What a start leaves for the next one: light columns and the index of texts, outside of runs.

It is in `$XDG_CACHE_HOME/plumb/view` (`~/.cache`), a folder a run, named by the run's path. All of
it can be deleted at any time; where it cannot be written, everything works without.
"""

import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import duckdb

from launch.view.shelves import Run, Stamp

VERSION: Final = 5
"""Of the files; those of an earlier one are deleted."""
UNUSED_DAYS: Final = 30
"""After which the cache of a run is deleted."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The light columns of a run, as an earlier start has kept them."""

    folder: Path

    @property
    def table(self) -> Path:
        """Where the columns are."""
        return self.folder / "light.parquet"

    @property
    def index(self) -> Path:
        """Where the index of texts is."""
        return self.folder / "text.sqlite"

    def read(self) -> dict[str, dict[int, Stamp]]:
        """By shelf, the steps that are kept, and the stamps of their files."""
        try:
            held: Any = json.loads((self.folder / "light.json").read_text("utf-8"))
            if held["version"] != VERSION or not self.table.is_file():
                return {}
            return {
                str(name): {int(step): Stamp(*stamp) for step, stamp in steps.items()}
                for name, steps in held["steps"].items()
            }
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return {}

    @contextmanager
    def written(self, held: Mapping[str, Mapping[int, Stamp]]) -> Iterator[Path]:
        """Where to write the columns; they count once the block has ended well."""
        self.drop()
        unfinished = self.folder / f"light.{os.getpid()}.partial"
        try:
            yield unfinished
            unfinished.replace(self.table)
            said = {
                "version": VERSION,
                "steps": {
                    name: {str(step): [one.size, one.changed] for step, one in steps.items()}
                    for name, steps in held.items()
                },
            }
            (self.folder / "light.json").write_text(json.dumps(said), "utf-8")
        except (OSError, duckdb.Error):
            self.drop()  # a full disk: the next start reads the files again
        finally:
            with suppress(OSError):
                unfinished.unlink()

    def drop(self) -> None:
        """Forget what is kept."""
        for name in ("light.json", "light.parquet"):
            with suppress(OSError):
                (self.folder / name).unlink(missing_ok=True)


def cache_root() -> Path:
    """Where caches are."""
    home = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(home) if home else Path.home() / ".cache") / "plumb" / "view"


def snapshot_of(run: Run, root: Path) -> Snapshot | None:
    """The cache of a run; None where it cannot be written."""
    name = hashlib.sha256(str(run.path).encode()).hexdigest()[:24]
    folder = root / f"v{VERSION}" / name
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        (folder / "run.txt").write_text(f"{run.path}\n", "utf-8")
    except OSError:
        return None
    return Snapshot(folder)


def tidy(root: Path) -> None:
    """Delete what belongs to no run any more, or was not looked at for long."""
    oldest = time.time() - UNUSED_DAYS * 86400
    for version in range(1, VERSION):
        shutil.rmtree(root / f"v{version}", ignore_errors=True)
    with suppress(OSError):
        for folder in (root / f"v{VERSION}").iterdir():
            with suppress(OSError):
                named = folder / "run.txt"
                run = Path(named.read_text("utf-8").rstrip("\n"))
                if not run.exists() or named.stat().st_mtime < oldest:
                    shutil.rmtree(folder, ignore_errors=True)
