"""The live display of a run in a terminal: progress, quality, speed, idle shares, last words."""

import re
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

WORDS: Final = 3
"""Of the last lines that were said, as many are kept in view."""
_RECENT: Final = 10  # steps whose time foretells that of the others
_BAR: Final = 30
_OF: Final = re.compile(r"(\d+)\s*(?:/|of)\s*(\d+)")


class LiveView:
    """What is known of a run now; asked for again and again while it goes on.

    Args:
        steps: of the whole run.
        status: what is going on inside the current step, in a few words; its first `3 of 16` is
            the progress of the batch.
        clock: seconds, of any beginning.
    """

    def __init__(
        self, steps: int, status: Callable[[], str], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._steps = steps
        self._status = status
        self._clock = clock
        self._began = clock()
        self._row: Mapping[str, Any] = {}
        self._seconds: deque[float] = deque(maxlen=_RECENT)
        self._said: deque[tuple[float, str]] = deque(maxlen=WORDS)

    def step(self, row: Mapping[str, Any]) -> None:
        """Take in a finished step."""
        self._row = row
        if row["step"] > 0:
            self._seconds.append(row["seconds"]["total"])

    def say(self, line: str) -> None:
        """Take in a line that was said."""
        self._said.append((self._clock(), line))

    def __call__(self) -> RenderableType:
        """All of it, as it is now."""
        parts: list[RenderableType] = [self._bars()]
        if self._row:
            parts.append(self._numbers())
        # Of a copy: this runs on the display's thread, and lines are said on another.
        parts += [self._word(at, line) for at, line in list(self._said)]
        return Group(*parts)

    def left(self) -> float | None:
        """Seconds that the remaining steps will take, by the median of the last ones."""
        seconds = sorted(self._seconds)  # a copy, as below
        if not seconds:
            return None
        middle = seconds[len(seconds) // 2]
        return middle * (self._steps - int(self._row["step"]))

    def _bars(self) -> Table:
        table = Table.grid(padding=(0, 2))
        done = int(self._row.get("step", 0))
        left, spent = self.left(), span(self._clock() - self._began)
        ends = "" if left is None else f", about {span(left)} left"
        told = f"{done} of {self._steps}, {spent}{ends}"
        table.add_row("run", ProgressBar(self._steps, done, width=_BAR), Text(told))
        status = self._status()
        found = _OF.search(status)
        total, there = (int(found[2]), int(found[1])) if found else (0, 0)
        bar = ProgressBar(total, min(there, total), width=_BAR) if total else Text("")
        table.add_row("step", bar, Text(status, overflow="ellipsis", no_wrap=True))
        return table

    def _numbers(self) -> Table:
        row = self._row
        seconds, idle = row["seconds"], row.get("idle", {})
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
        cells = {
            "accuracy": percent(row["accuracy"]),
            "acceptance": percent(row["acceptance_rate"]),
            "reward": number(row["reward_mean"]),
            "tokens/s": "-"
            if row["tokens_per_second"] is None
            else f"{row['tokens_per_second']:,.0f}",
            "s a step": f"{seconds['total']:.1f}",
            "generate": f"{seconds['generate']:.1f}",
            "grade": f"{seconds['grade']:.1f}",
            "learn": f"{seconds['learn']:.1f}",
            "sync": f"{seconds['sync']:.1f}",
            "engines idle": percent(idle.get("engines")),
            "learner idle": percent(idle.get("learner")),
        }
        for name in cells:
            table.add_column(name, justify="right", no_wrap=True)
        table.add_row(*cells.values())
        return table

    def _word(self, at: float, line: str) -> Text:
        ago = span(self._clock() - at)
        return Text(f"{ago} ago: {line}", style="dim", overflow="ellipsis", no_wrap=True)


def span(seconds: float) -> str:
    """A time for people: 45 s, 12 min, 3 h 20 min."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def percent(value: float | None) -> str:
    """A share; a dash where it was not measured."""
    return "-" if value is None else f"{value:.1%}"


def number(value: float | None) -> str:
    """A number; a dash where it was not measured."""
    return "-" if value is None else f"{value:.3f}"
