"""Where the wall time of overlapping work goes."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


class PhaseClock:
    """Attributes each moment to the earliest-entered kind of phase that is active.

    Work of several kinds overlaps; a moment counts once, for the first kind (in the order in
    which kinds were first entered) that has anything active, so that the sum is wall time.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._active: dict[str, int] = {}
        self._since = time.perf_counter()

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Count the enclosed work as `name`."""
        self._settle()
        self.seconds.setdefault(name, 0.0)
        self._active[name] = self._active.get(name, 0) + 1
        try:
            yield
        finally:
            self._settle()
            self._active[name] -= 1

    def lap(self) -> dict[str, float]:
        """Seconds by kind since the last lap; they count anew from here."""
        self._settle()
        seconds, self.seconds = self.seconds, dict.fromkeys(self.seconds, 0.0)
        return seconds

    def _settle(self) -> None:
        now = time.perf_counter()
        current = next((name for name, count in self._active.items() if count), None)
        if current is not None:
            self.seconds[current] += now - self._since
        self._since = now
