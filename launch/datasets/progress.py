"""What a person sees of a data command: a bar while it works, a table at its end."""

import asyncio
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

LINE_SECONDS = 10.0  # between lines where there is no terminal
DRAW_SECONDS = 0.1  # between two updates of a bar


class Counting:
    """Counts what is done: a bar with the time left on a terminal, a line now and then elsewhere.

    Args:
        what: is being done, in a few words.
        total: how much there is to do; None: not known.
        done: how much is done already; it does not count towards the speed.
    """

    def __init__(self, what: str, total: int | None = None, done: int = 0) -> None:
        self.note = ""
        self._what = what
        self._total = total
        self._first = self._done = done
        self._began = self._said = self._drawn = time.monotonic()
        self._console = Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]:.1f}/s"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._task = self._progress.add_task(what, total=total, completed=done, rate=0.0, note="")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def advance(self, number: int = 1, note: str = "") -> None:
        """So many more are done; the note stands behind the numbers."""
        self._done += number
        self.note = note
        now = time.monotonic()
        if self._console.is_terminal:
            if now - self._drawn >= DRAW_SECONDS:
                self._drawn = now
                rate = self._rate(now)
                self._progress.update(self._task, completed=self._done, rate=rate, note=self.note)
        elif now - self._said >= LINE_SECONDS:
            self._said = now
            self._console.print(self._line(now), highlight=False, soft_wrap=True)

    def reset(self) -> None:
        """Begin again; what is done quickly now, as it was done before, is not the speed."""
        self._done = self._first
        self._began = time.monotonic()

    def say(self, line: str) -> None:
        """Print a line above the bar."""
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)

    def _rate(self, now: float) -> float:
        return (self._done - self._first) / max(now - self._began, 1e-9)

    def _line(self, now: float) -> str:
        rate = self._rate(now)
        if self._total is None or not rate:
            return f"{self._what}: {self._done}, {rate:.1f}/s {self.note}".rstrip()
        left = duration((self._total - self._done) / rate)
        return (
            f"{self._what}: {self._done} of {self._total}, {rate:.1f}/s, {left} left {self.note}"
        ).rstrip()


@contextmanager
def ended_gently(note: str) -> Iterator[None]:
    """Have SIGTERM end the block in order, as an interrupt does; either then says `note`."""

    def stop(*_: object) -> None:
        raise asyncio.CancelledError

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    except (KeyboardInterrupt, asyncio.CancelledError) as error:
        error.add_note(note)
        raise
    finally:
        signal.signal(signal.SIGTERM, before)


def duration(seconds: float) -> str:
    """Seconds as a person says them."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def show_counts(names: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A table whose numbers stand at the right."""
    table = Table(box=None, pad_edge=False)
    for place, name in enumerate(names):
        is_number = all(isinstance(row[place], int | float) for row in rows)
        table.add_column(name, justify="right" if is_number else "left")
    for row in rows:
        table.add_row(*(f"{one:,}" if isinstance(one, int) else str(one) for one in row))
    Console(width=None if Console().is_terminal else 120).print(table)


def show_time(began: float) -> None:
    """How long the command took, by the monotonic clock."""
    print(f"took {duration(time.monotonic() - began)}")
