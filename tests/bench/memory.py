"""The most memory that this process and its descendants took together."""

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
