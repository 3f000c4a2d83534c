"""What was built, by key: folders that runs see read-only at /app.

Guarantees: a folder appears under its key complete or not at all; one that a run uses stays; the
least recently used go when there are too many bytes.
"""

import shutil
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Final

FOLDER: Final = Path("/store")


class Store:
    """The folders under FOLDER."""

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._sizes: OrderedDict[str, int] = OrderedDict()
        self._users: dict[str, int] = {}
        self._lock = threading.Lock()
        self._numbers = count()

    @contextmanager
    def use(self, keys: set[str]) -> Iterator[set[str]]:
        """Keep what there is of `keys`; gives those that are missing."""
        with self._lock:
            found = {key for key in keys if key in self._sizes}
            for key in found:
                self._sizes.move_to_end(key)
                self._users[key] = self._users.get(key, 0) + 1
        try:
            yield keys - found
        finally:
            with self._lock:
                for key in found:
                    self._users[key] -= 1
                    if not self._users[key]:
                        del self._users[key]

    def contents(self, keys: Iterable[str]) -> dict[str, bytes]:
        """The files under `keys`, which must be in use."""
        folders = [FOLDER / key for key in keys]
        return {file.name: file.read_bytes() for folder in folders for file in folder.iterdir()}

    @contextmanager
    def draft(self, files: Mapping[str, str | bytes]) -> Iterator[str]:
        """A folder with `files` that goes when the block ends, unless it was kept."""
        name = f"draft-{next(self._numbers)}"
        folder = FOLDER / name
        folder.mkdir(mode=0o755)
        try:
            for file, content in files.items():
                data = (
                    content.encode("utf-8", "surrogateescape")
                    if isinstance(content, str)
                    else content
                )
                (folder / file).write_bytes(data)
                (folder / file).chmod(0o755)
            yield name
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def keep(self, draft: str, key: str) -> None:
        """Give a draft its key."""
        folder = FOLDER / draft
        size = sum(file.stat().st_size for file in folder.iterdir())
        with self._lock:
            if key in self._sizes:
                return
            folder.rename(FOLDER / key)
            self._sizes[key] = size
            unused = [one for one in self._sizes if one not in self._users and one != key]
            while sum(self._sizes.values()) > self._most and unused:
                oldest = unused.pop(0)
                del self._sizes[oldest]
                shutil.rmtree(FOLDER / oldest, ignore_errors=True)
