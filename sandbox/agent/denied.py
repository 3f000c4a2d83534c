"""How long a run was kept from a CPU: what the kernel noted of its waiting in the run queue.

A run that sleeps, waits for input or crowds itself out is denied nothing; one that is ready to run
while others have the CPU is. Only the latter's time is taken off its wall time.

Guarantee: no more is counted than has passed, less what the run had of CPU time meanwhile.
"""

import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

SAMPLE_SECONDS: Final = 0.25  # a task that comes and goes in between is not seen
LEAST_SECONDS: Final = 0.001  # between two looks
MOST_TASKS: Final = 256  # looked at in one sample
MOST_STRETCH: Final = 9.0  # a run's wall limit grows by so many times itself at most
FOREVER: Final = 10.0**6  # a wall limit beyond this is none
NANO: Final = 1e-9


class Denied:
    """Samples the tasks of one run, every SAMPLE_SECONDS while somebody calls `look`.

    Args:
        processes: The ids of the run's processes, as they are at the moment.
    """

    def __init__(self, processes: Callable[[], list[int]]) -> None:
        self.seconds = 0.0
        self._processes = processes
        self._known = _tasks(processes())
        self._looked = time.monotonic()

    @property
    def due(self) -> float:
        """Seconds until the next sample."""
        return max(0.0, self._looked + SAMPLE_SECONDS - time.monotonic())

    def look(self) -> None:
        """Add what was denied since the last sample."""
        now = time.monotonic()
        passed, self._looked = now - self._looked, now
        tasks = _tasks(self._processes())
        ran, longest = 0, 0
        for name, (cpu, waited) in tasks.items():
            before = self._known.get(name, (0, 0))
            ran += cpu - before[0]
            longest = max(longest, waited - before[1])
        self._known = tasks
        self.seconds += max(0.0, min(longest * NANO, passed - ran * NANO))


class Wall:
    """A run's wall limit, which grows by what the run is denied.

    Args:
        seconds: The limit.
        denied: What counts it.
        has_had: Whether the run has had its CPU time: then it is denied nothing more.
    """

    def __init__(
        self, seconds: float, denied: Denied, has_had: Callable[[], bool] = lambda: False
    ) -> None:
        self._seconds = seconds
        self._denied = denied
        self._has_had = has_had
        self._began = time.monotonic()
        self._ended: float | None = None

    @property
    def ended(self) -> float:
        """When the run was over, on the monotonic clock; until then: now."""
        return time.monotonic() if self._ended is None else self._ended

    def end(self) -> None:
        """It is over: what comes now is the kernel's work."""
        self._ended = time.monotonic()

    @property
    def denied_seconds(self) -> float:
        """What the run was denied, as far as the limit grew by it."""
        return min(self._denied.seconds, MOST_STRETCH * self._seconds)

    def left(self) -> float:
        """Seconds until the run is to be looked at again; 0: it is over."""
        if self._seconds >= FOREVER:
            return FOREVER
        left = self._left()
        if self._denied.due <= 0 or left <= 0:
            self._denied.look()
            if left > 0 or not self._has_had():
                left = self._left()
        return max(0.0, min(left, self._denied.due + LEAST_SECONDS))

    def _left(self) -> float:
        return self._began + self._seconds + self.denied_seconds - time.monotonic()


def offspring(pid: int) -> list[int]:
    """The processes that descend from `pid`; empty where the kernel does not tell."""
    found: list[int] = []
    queue = [pid]
    while queue and len(found) < MOST_TASKS:
        one = queue.pop()
        with contextlib.suppress(OSError):
            children = Path(f"/proc/{one}/task/{one}/children").read_text().split()
            queue += map(int, children)
            found += map(int, children)
    return found


def _tasks(pids: list[int]) -> dict[str, tuple[int, int]]:
    """CPU time and waiting time of each task, ns; without those that are gone by now."""
    found: dict[str, tuple[int, int]] = {}
    for pid in pids:
        with contextlib.suppress(OSError):
            for task in os.listdir(f"/proc/{pid}/task"):
                if len(found) == MOST_TASKS:
                    return found
                with contextlib.suppress(OSError, ValueError):
                    path = f"/proc/{pid}/task/{task}"
                    cpu, waited, _ = Path(path, "schedstat").read_text().split()
                    found[path] = int(cpu), int(waited)
    return found
