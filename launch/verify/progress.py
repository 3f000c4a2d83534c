"""What a person sees while a file is graded: a bar on a terminal, a line now and then elsewhere."""

import time
from pathlib import Path
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

LINE_SECONDS = 10.0  # between lines where there is no terminal


class Meter:
    """Counts rows; how much of a file is done is told by its bytes."""

    def __init__(self, source: str, console: Console) -> None:
        path = Path(source)
        self._console = console
        self._total = path.stat().st_size if path.is_file() else None
        self._began = self._said = time.monotonic()
        self._rows = self._bytes = 0
        self._progress = Progress(
            TextColumn("graded {task.fields[rows]} rows"),
            BarColumn(),
            TextColumn("{task.fields[rate]:.0f} rows/s"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._progress.add_task("", total=self._total, rows=0, rate=0.0)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def advance(self, rows: int, size: int) -> None:
        """Count rows that are done, and the bytes of input they took."""
        self._rows += rows
        self._bytes += size
        now = time.monotonic()
        rate = self._rows / max(now - self._began, 1e-9)
        self._progress.update(self._task, completed=self._bytes, rows=self._rows, rate=rate)
        if not self._console.is_terminal and now - self._said >= LINE_SECONDS:
            self._said = now
            share = f" ({self._bytes / self._total:.0%} of the file)" if self._total else ""
            self._console.print(f"graded {self._rows} rows{share}, {rate:.0f} rows/s")
