"""Where a step's wall time goes, phase by phase."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager


class StepClock:
    """Wall seconds of one step after the other; between two of them nothing is left out."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}
        self._since = time.perf_counter()

    @property
    def total(self) -> float:
        """Seconds of what is measured now, whatever they went to."""
        return time.perf_counter() - self._since

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Count the enclosed work, also where it fails."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.count(name, time.perf_counter() - started)

    @property
    def counts(self) -> bool:
        """Whether a phase has been counted since the last lap."""
        return bool(self._seconds)

    def count(self, name: str, seconds: float) -> None:
        """Add to a phase."""
        self._seconds[name] = self._seconds.get(name, 0.0) + seconds

    def move(self, name: str, to: str, seconds: float) -> None:
        """Take from a phase what belongs to another."""
        self.count(name, -seconds)
        self.count(to, seconds)

    def lap(self) -> dict[str, float]:
        """Seconds by phase, and `total`, since the last lap; they count anew from here."""
        now = time.perf_counter()
        seconds = {**self._seconds, "total": now - self._since}
        self._seconds, self._since = {}, now
        return seconds


def joined(first: Mapping[str, float], second: Mapping[str, float]) -> dict[str, float]:
    """Seconds by phase of two laps."""
    return {**first, **{name: first.get(name, 0.0) + more for name, more in second.items()}}
