"""What a person sees of a run: a live display on a terminal, one line a step elsewhere."""

import sys
from collections.abc import Callable, Mapping
from typing import Any, Self

from rich.console import Console
from rich.live import Live
from rich.table import Table

from rl.live import LiveView, number, percent


class Progress:
    """Reports a run.

    Args:
        steps: steps of the whole run.
        status: what is going on inside the current step, in a few words.
    """

    def __init__(self, steps: int, status: Callable[[], str]) -> None:
        self._steps = steps
        self._view = LiveView(steps, status)
        self._console = Console(stderr=False, highlight=False, soft_wrap=True)
        self._live: Live | None = None
        if self._console.is_terminal:
            # At the end its lines go: what was said and the last step stay.
            self._live = Live(
                get_renderable=self._view,
                console=self._console,
                refresh_per_second=4,
                transient=True,
            )

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def say(self, message: str) -> None:
        """Print a line, above the live display."""
        self._console.print(message, markup=False)
        self._view.say(message)
        sys.stdout.flush()

    def step(self, row: Mapping[str, Any]) -> None:
        """Report a finished step."""
        self._view.step(row)
        if self._live is None or row["step"] == self._steps:
            self._console.print(describe_step(row, self._steps), markup=False)
            sys.stdout.flush()


def describe_step(row: Mapping[str, Any], steps: int) -> str:
    """One step in one line: how good, how selective, how fast, and where the time went."""
    seconds = row["seconds"]
    phases = ", ".join(
        f"{name} {seconds[name]:.1f}" for name in ("generate", "grade", "learn", "sync")
    )
    parts = [
        f"step {row['step']}/{steps}",
        f"accuracy {percent(row['accuracy'])}",
        f"acceptance {percent(row['acceptance_rate'])}",
        f"reward {number(row['reward_mean'])}",
        f"{row['tokens_per_second']:.0f} tokens/s",
        f"{seconds['total']:.1f} s ({phases})",
    ]
    if len(row["tasks"]) > 1:
        apart = (f"{name} {percent(one['accuracy'])}" for name, one in row["tasks"].items())
        parts[1] += f" ({', '.join(apart)})"
    return "  ".join(parts)


def summary_table(facts: Mapping[str, str]) -> Table:
    """The closing summary."""
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for name, value in facts.items():
        table.add_row(name, value)
    return table
