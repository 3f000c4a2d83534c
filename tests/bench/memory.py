"""The most memory that this process and its descendants took, together and the largest of them."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psutil


class PeakMemory:
    """The most memory that this process and its descendants took together."""

    INTERVAL = 0.5

    def __init__(self) -> None:
        self.peak = 0

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Look every `INTERVAL` seconds inside the block."""
        done = threading.Event()

        def watch() -> None:
            while not done.wait(self.INTERVAL):
                self.peak = max(self.peak, _memory_now())

        thread = threading.Thread(target=watch, daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join(timeout=10)


class LargestProcess:
    """The most memory that one process took, and the CPU seconds of all, of this and descendants.

    Resident size, bytes, in which what processes share counts for each.
    """

    INTERVAL = 0.2

    def __init__(self) -> None:
        self.peak = 0
        self.cpu = 0.0
        self._seconds: dict[int, float] = {}

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Look every `INTERVAL` seconds inside the block, and at its end."""
        done = threading.Event()

        def watch() -> None:
            while not done.wait(self.INTERVAL):
                self._look()

        thread = threading.Thread(target=watch, daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join(timeout=10)
            self._look()

    def _look(self) -> None:
        root = psutil.Process()
        for process in [root, *root.children(recursive=True)]:
            try:
                self.peak = max(self.peak, process.memory_info().rss)
                times = process.cpu_times()
                self._seconds[process.pid] = times.user + times.system
            except psutil.NoSuchProcess:
                continue
        self.cpu = sum(self._seconds.values())

    @staticmethod
    def cpu_now() -> float:
        """CPU seconds of this process and its descendants so far."""
        now = LargestProcess()
        now._look()
        return now.cpu


def _memory_now() -> int:
    root = psutil.Process()
    return sum(map(_memory_of, [root, *root.children(recursive=True)]))


def _memory_of(process: psutil.Process) -> int:
    """Proportional set size, bytes, or the resident size where the kernel does not give it."""
    try:
        memory = process.memory_full_info()
    except psutil.NoSuchProcess:
        return 0
    return int(getattr(memory, "pss", memory.rss))
