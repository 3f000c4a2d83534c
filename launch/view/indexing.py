"""The process that adds texts to the indexes of runs, the newest first, and ends with its parent.

It is one of its own, so that what it costs is not taken from whoever waits for a page.
"""

import os
import select
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from pyarrow import ArrowException, parquet

from launch.view.shelves import Library, Run, Shelf, Stamp, episode_file, files_of
from launch.view.text_index import TextIndex
from launch.view.texts import body_of
from launch.view.words import words_of

PAUSE: Final = 2.0  # seconds between looks for new files
_COLUMNS: Final = ("prompt", "response", "messages")


def start_indexing(runs: Sequence[tuple[Run, Path]]) -> subprocess.Popen[bytes]:
    """Start the process.

    Args:
        runs: with the file of each one's index.
    """
    arguments = [part for run, index in runs for part in (str(run.path), str(index))]
    return subprocess.Popen(
        [sys.executable, "-m", "launch.view.indexing", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C is its parent's business
    )


def stop_indexing(process: subprocess.Popen[bytes]) -> None:
    """End it."""
    process.kill()
    process.wait()
    if process.stdin is not None:
        process.stdin.close()


def add_all(library: Library, indexes: Sequence[TextIndex]) -> bool:
    """Add what is missing; whether all of it is there now. Ends early when the parent has gone."""
    todo: list[tuple[int, Shelf, Stamp]] = []
    for shelf in library.look():
        held = indexes[shelf.run.number].held(shelf.name)
        todo += [
            (step, shelf, stamp)
            for step, stamp in files_of(shelf.folder).items()
            if held.get(step) != stamp
        ]
    for step, shelf, stamp in sorted(todo, key=lambda one: -one[0]):
        if _parent_gone(0):
            return False
        with suppress(ArrowException, OSError):  # gone meanwhile, or damaged: the page says so
            path = episode_file(shelf.folder, step)
            there = parquet.read_schema(path).names
            table = parquet.read_table(path, columns=[name for name in _COLUMNS if name in there])
            texts = [words_of(body_of(row)) for row in table.to_pylist()]
            indexes[shelf.run.number].add(shelf.name, step, stamp, texts)
    return True


def _parent_gone(seconds: float) -> bool:
    ready, _, _ = select.select([sys.stdin], [], [], seconds)
    return bool(ready)


def main(arguments: Sequence[str]) -> None:
    """Add to the indexes until standard input ends."""
    os.nice(10)
    paths = [Path(one) for one in arguments]
    runs = [Run(i, str(path), path) for i, path in enumerate(paths[::2])]
    library = Library(runs)
    try:
        indexes = [TextIndex(path, writing=True) for path in paths[1::2]]
        while add_all(library, indexes) and not _parent_gone(PAUSE):
            pass
    except sqlite3.Error as error:  # searching goes on without
        print(f"plumb view: no index of texts: {error}", file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1:])
