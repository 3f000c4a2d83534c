"""What of a run is being started, in status.json from before its first part until its loop begins.

Guarantees: a thread of its own keeps it up, as imports and Ray hold up the loop; where the start
fails, or is broken off, that is told there too.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from rl.status import WRITE_SECONDS, Status, write_status


class Startup:
    """The start of a run, as a block.

    Args:
        run_dir: the run directory.
        step: that is gone on from; 0 for a new run.
        steps: of the whole run.
    """

    def __init__(self, run_dir: Path, *, step: int, steps: int) -> None:
        self._run_dir = run_dir
        self._step, self._steps = step, steps
        self._begun: dict[str, float] = {}
        self._looks: list[Callable[[], Iterable[str]]] = []
        self._changed = time.monotonic()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="startup", daemon=True)

    def __enter__(self) -> Self:
        self._write()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        if error is not None:
            self._write(f"stopped: {str(error) or type(error).__name__}")

    @contextmanager
    def of(self, what: str) -> Iterator[None]:
        """The block starts this."""
        self._begun[what] = self._changed = time.monotonic()
        try:
            yield
        finally:
            del self._begun[what]
            self._changed = time.monotonic()

    def watch(self, look: Callable[[], Iterable[str]]) -> None:
        """Ask this too what is being started; called from another thread."""
        self._looks.append(look)

    def now(self) -> tuple[str, ...]:
        """What is being started, a line each."""
        now = time.monotonic()
        lines = [f"{what}, {now - since:.0f} s so far" for what, since in list(self._begun.items())]
        for look in list(self._looks):
            with suppress(LookupError, RuntimeError):  # of what changes meanwhile
                lines += [line for line in look() if line]
        return tuple(lines)

    def _keep(self) -> None:
        while not self._over.wait(WRITE_SECONDS):
            self._write()

    def _write(self, state: str = "starting") -> None:
        waits = self.now() if state == "starting" else ()
        status = Status.of(
            state,
            step=self._step,
            steps=self._steps,
            doing="",
            waits_for=waits,
            quiet=time.monotonic() - self._changed,
        )
        write_status(self._run_dir, status)
